"""From a project and its environment to the state: what reads or writes it begins with."""

import contextlib
from collections.abc import Iterator

from instar.core.rollout.document import from_document
from instar.core.rollout.state import Rollout
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


def known_rollout(project: Project, name: str) -> Rollout | None:
    """What the state has of a migration, for who only asks: a store that is not there yet is not made.

    Raises ``StateTrouble`` and ``document.UnknownFormat``.
    """
    with database_of(project) as database:
        if not database.exists:
            return None
    with state_of(project) as state:
        document = state.rollouts.held(name).document
    return None if document is None else from_document(document)
