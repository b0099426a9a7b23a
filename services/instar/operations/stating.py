"""From a project and its environment to the state: what reads or writes it begins with."""

import contextlib
from collections.abc import Iterator

from instar.operations.scope import resolved
from instar.project.project import Project
from instar.state.database import Database
from instar.state.opening import State, open_database, open_state


def state_url(project: Project) -> str:
    """The setting ``state`` of the environment, resolved. It may hold a password: never show it."""
    return str(resolved(project, project.environment.state))


@contextlib.contextmanager
def state_of(project: Project) -> Iterator[State]:
    """The environment's state, once its tables are those of this program. Raises ``StateTrouble``."""
    with open_state(state_url(project), project.environment_name, project.root) as state:
        yield state


@contextlib.contextmanager
def database_of(project: Project) -> Iterator[Database]:
    """The environment's database, whatever is in it. Raises ``StateTrouble``."""
    with contextlib.closing(open_database(state_url(project), project.root)) as database:
        yield database
