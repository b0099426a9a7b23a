"""A worker tells the state that it began and how it ended, and depends on it for nothing."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.command import instar
from tests.support.folders import write_files
from tests.support.projects import PARCELS_SETTINGS, parcels, produce, write_shop

from instar.cli.mirroring import mirroring
from instar.kafka.errors import Fenced
from instar.processor.supervise import Tally
from instar.project.project import Project, load_project
from instar.state.opening import open_state
from instar.state.worker_events import WorkerEvent
from realkafka.pytest_plugin import Kafka

URL = "sqlite:///.instar/state.db"
NAME = "parcels-v3"


def project(root: Path, state: str = URL) -> Project:
    settings = PARCELS_SETTINGS.replace("[environments.local]", f'[environments.local]\n    state = "{state}"')
    write_files(root, {"instar.toml": settings})
    return load_project(root)


def told(root: Path, migration: str = NAME) -> list[WorkerEvent]:
    with open_state(URL, "local", root) as state:
        return state.worker_events.list(migration)


def work(opened: Project, outcome: Callable[[Callable[[Tally], None]], None]) -> None:
    with mirroring(opened, NAME, "instar", "worker", lambda _: None) as show:
        outcome(show)


def test_it_tells_how_it_began_what_died_on_the_way_and_how_it_ended(tmp_path: Path) -> None:
    opened = project(tmp_path)
    assert instar("db", "upgrade", at=tmp_path).code == 0

    def with_a_death(show: Callable[[Tally], None]) -> None:
        tally = Tally()
        show(tally)
        tally.restarted("instar-0")
        show(tally)
        show(tally)

    work(opened, with_a_death)
    assert [event.kind for event in told(tmp_path)] == ["started", "restarted", "stopped"]
    assert told(tmp_path)[-1].details["restarts"] == 1


def test_a_fenced_worker_says_so_and_still_ends_as_it_would(tmp_path: Path) -> None:
    opened = project(tmp_path)
    assert instar("db", "upgrade", at=tmp_path).code == 0

    def fenced(_: Callable[[Tally], None]) -> None:
        raise Fenced("another worker took over instar-0")

    with pytest.raises(Fenced):
        work(opened, fenced)
    last = told(tmp_path)[-1]
    assert (last.kind, last.details["message"]) == ("fenced", "another worker took over instar-0")


def test_without_a_state_or_its_setting_it_works_all_the_same(tmp_path: Path) -> None:
    tallies: list[Tally] = []
    for number, state in enumerate([URL, "env:INSTAR_NO_SUCH_VARIABLE"]):
        opened = project(tmp_path / str(number), state)
        with mirroring(opened, NAME, "instar", "worker", tallies.append) as show:
            show(Tally())
        assert not (opened.root / ".instar/state.db").exists()
    assert len(tallies) == 2


@pytest.mark.kafka
def test_the_command_tells_what_it_committed(kafka: Kafka, tmp_path: Path, topic_name: Callable[[str], str]) -> None:
    shop = write_shop(tmp_path, topic_name("mirrored"), kafka.client_config())
    produce(shop.kafka, shop.old, parcels(40, shop.partitions))
    assert instar("db", "upgrade", at=tmp_path).code == 0
    ran = instar("worker", shop.migration, "--create", "--until", "now", "--direction", "up", at=tmp_path)
    assert ran.code == 0, ran.err
    started, stopped = told(tmp_path, shop.migration)
    assert (started.kind, stopped.kind, started.worker) == ("started", "stopped", "instar")
    assert stopped.details["read"] == 40
