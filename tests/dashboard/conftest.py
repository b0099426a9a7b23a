"""A served project over live data: orders of three versions, carried both ways on the built-in broker."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.support.folders import write_files
from tests.support.serving import TOKENS, served, token_settings

from instar.cli.demonstration.run import run, set_stage
from instar.cli.demonstration.showcase import MIGRATION
from instar.dashboard.callers import Door
from instar.dashboard.site import Site, open_site
from instar.dashboard.watcher import Seen, Watcher
from instar.kafka.built_in import BuiltInBroker
from instar.project.project import load_project

RECORDS = 60


class _Silent:
    def step(self, _title: str, _total: int | None) -> Callable[[int], None]:
        return lambda _done: None


@dataclass(frozen=True, slots=True)
class Shop:
    """What is served: a migration whose records are carried, some of them dead letters."""

    root: Path
    migration: str = MIGRATION
    old: str = "orders"


@pytest.fixture(scope="session")
def carried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    root = tmp_path_factory.mktemp("served")
    with BuiltInBroker() as broker:
        outcome = run(set_stage(root, {"bootstrap.servers": broker.bootstrap}, ""), RECORDS, 1, _Silent())
        assert outcome.right, outcome.as_dict()
        yield Shop(root)


@pytest.fixture(scope="session")
def looked_at(carried: Shop) -> Site:
    """The site, looked at once. Tokens of every role are needed."""
    settings = carried.root / "instar.toml"
    settings.write_text(settings.read_text() + token_settings())
    site = open_site(load_project(carried.root))
    site.watcher.look(thoroughly=True)
    return site


def just_seen(seen: Seen) -> Seen:
    """The same look, as if it were of now: what is old is not known any more."""
    return replace(seen, at_s=time.time(), due_s=math.inf)


@pytest.fixture
def site(looked_at: Site) -> Site:
    """The same with nobody signed in and nothing done yet: sessions, keys and audit are this one's own."""
    watcher = Watcher(looked_at.project, looked_at.connection)
    watcher.seen = just_seen(looked_at.watcher.seen)
    door = Door(looked_at.project.serve.tokens)
    return Site(looked_at.project, looked_at.connection, watcher, door, store=looked_at.store)


@pytest.fixture
def browser(site: Site) -> TestClient:
    """Somebody without a token."""
    return served(site)


@pytest.fixture
def as_(site: Site) -> Callable[[str], TestClient]:
    """A program with the token of a role."""

    def client(role: str) -> TestClient:
        return served(site, token=TOKENS[role])

    return client


@pytest.fixture
def empty(tmp_path: Path) -> TestClient:
    """A project in which nothing is yet, on this machine only, whose Kafka does not answer."""
    write_files(
        tmp_path,
        {
            "instar.toml": """
            format = 1
            [environments.local]
            kafka = { "bootstrap.servers" = "127.0.0.1:1" }
            """
        },
    )
    return served(open_site(load_project(tmp_path)))
