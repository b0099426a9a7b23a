"""A small shop's site whose state store is the one that is named, and a store that can be taken away."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.folders import write_files
from tests.support.serving import token_settings
from tests.support.shop import FILES

from instar.dashboard.audit import Audit
from instar.dashboard.callers import Door
from instar.dashboard.idempotency import Once
from instar.dashboard.sessions import KeptSessions
from instar.dashboard.site import Site, open_site
from instar.dashboard.store import Store
from instar.kafka.built_in import BuiltInBroker
from instar.kafka.cluster import Cluster
from instar.project.project import load_project
from instar.state.errors import Unreachable
from instar.state.opening import State


@contextmanager
def broker_of_shop() -> Iterator[str]:
    """A broker with the old topic of the shop; its address."""
    with BuiltInBroker() as broker:
        Cluster({"bootstrap.servers": broker.bootstrap}).create("sales", 2, {})
        yield broker.bootstrap


def write_site(root: Path, *, state: str = "", tokens: str = "") -> Path:
    """The project in its folder. ``state`` is the URL of the store, ``tokens`` their settings (of every role)."""
    write_files(root, FILES)
    settings = root / "instar.toml"
    text = settings.read_text()
    if state:
        text = text.replace("[environments.local]\n", f'[environments.local]\nstate = "{state}"\n')
        assert state in text
    settings.write_text(text + (tokens or token_settings()))
    return root


def open_at(root: Path, bootstrap: str) -> Site:
    """A server of the project, as a process of its own would open it."""
    return open_site(load_project(root), bootstrap)


@contextmanager
def opened_at(root: Path, bootstrap: str) -> Iterator[Site]:
    """The same, which lets go of its store in the end: a PostgreSQL misses connections that nobody closes."""
    site = open_at(root, bootstrap)
    try:
        yield site
    finally:
        if site.store is not None:
            site.store.close()


class Removable(Store):
    """A store whose database can be taken ``down`` and comes back."""

    down = False

    def _state(self, *, again: bool) -> State:
        if self.down and (again or self.away is None):
            raise Unreachable("The state in a test does not answer.", "Start it.")
        return super()._state(again=again)


def with_store(site: Site, store: Store) -> Site:
    """The same site over this store."""
    door = Door(site.door.tokens, KeptSessions(store))
    return Site(site.project, site.connection, site.watcher, door, Audit(store), Once(store), store=store)
