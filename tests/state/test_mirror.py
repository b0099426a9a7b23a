"""A worker goes on when the database is away, and what happened is mirrored when it answers again, once."""

import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import orjson
import pytest
import structlog
from tests.support.states import ENVIRONMENT, SQLITE, fresh_state
from tests.support.workers import until

from instar.state import mirror as mirroring
from instar.state.errors import Unreachable
from instar.state.mirror import DROPPED, Mirror, keeping
from instar.state.opening import open_state
from instar.state.spool import Spool
from instar.state.worker_events import WorkerEvent
from realkafka.ports import free_port

NAME = "orders-v3"
REPOSITORY = Path(__file__).resolve().parents[2]


class Kept:
    """A database that may be away. It keeps an event once, as the real one does (`test_nouns.py`)."""

    def __init__(self) -> None:
        self.events: dict[str, WorkerEvent] = {}
        self.away = False
        self.tries = 0

    def __call__(self, events: Sequence[WorkerEvent]) -> bool:
        self.tries += 1
        if self.away:
            raise Unreachable("the database is away")
        self.events |= {event.id: event for event in events}
        return True

    @property
    def kinds(self) -> list[str]:
        return [event.kind for event in self.events.values()]


def waiting(folder: Path) -> int:
    return sum(len(path.read_bytes().splitlines()) for path in folder.glob("*.ndjson"))


def event(number: int) -> WorkerEvent:
    return WorkerEvent(f"e{number}", NAME, number, "instar-0", "started", {"n": number})


def test_what_is_told_is_kept_with_who_and_when(tmp_path: Path) -> None:
    kept = Kept()
    with Mirror(Spool(tmp_path), kept, NAME, "instar-0") as mirror:
        mirror.tell("started", directions=["up"])
        mirror.tell("stopped", read=10)
    assert kept.kinds == ["started", "stopped"]
    first, last = kept.events.values()
    assert (first.migration, first.worker, first.details) == (NAME, "instar-0", {"directions": ["up"]})
    assert first.at_ms <= last.at_ms
    assert list(tmp_path.iterdir()) == []


def test_while_the_database_is_away_events_wait_and_are_mirrored_when_it_is_back(tmp_path: Path) -> None:
    kept = Kept()
    kept.away = True
    with Mirror(Spool(tmp_path), kept, NAME, "instar-0", retry_s=0.01) as mirror:
        mirror.tell("started")
        until("it was tried", lambda: kept.tries > 1)
        assert (kept.events, waiting(tmp_path)) == ({}, 1)
        mirror.tell("paused")
        kept.away = False
        until("both are kept", lambda: kept.kinds == ["started", "paused"])


def test_what_one_process_could_not_mirror_the_next_one_does(tmp_path: Path) -> None:
    kept = Kept()
    kept.away = True
    with Mirror(Spool(tmp_path), kept, NAME, "instar-0") as mirror:
        mirror.tell("started")
    assert waiting(tmp_path) == 1
    kept.away = False
    with Mirror(Spool(tmp_path), kept, NAME, "instar-1") as mirror:
        mirror.tell("started")
    assert sorted(event.worker for event in kept.events.values()) == ["instar-0", "instar-1"]
    assert list(tmp_path.iterdir()) == []


def test_an_absence_is_said_once(tmp_path: Path) -> None:
    kept = Kept()
    kept.away = True
    with (
        structlog.testing.capture_logs() as logs,
        Mirror(Spool(tmp_path), kept, NAME, "instar-0", retry_s=0.01) as mirror,
    ):
        for _ in range(3):
            tries = kept.tries
            mirror.tell("restarted")
            until("it was tried", lambda before=tries: kept.tries > before)
    assert [log["why"] for log in logs] == ["the database is away"]


def test_a_database_that_hangs_does_not_hold_the_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirroring, "CLOSE_TIMEOUT_S", 0.05)
    monkeypatch.setattr(mirroring, "QUEUED_EVENTS", 3)
    answer = threading.Event()

    def hang(_: Sequence[WorkerEvent]) -> bool:
        return answer.wait(60)

    with Mirror(Spool(tmp_path), hang, NAME, "instar-0") as mirror:
        for number in range(50):
            mirror.tell("started", n=number)
        assert mirror.dropped > 0  # all that did not fit, and nobody waited
    assert mirror._thread.is_alive()
    answer.set()
    mirror._thread.join(60)
    assert not mirror._thread.is_alive()


def test_what_found_no_room_is_counted_and_told(tmp_path: Path) -> None:
    kept = Kept()
    kept.away = True
    line = len(orjson.dumps(asdict(WorkerEvent("0" * 29, NAME, 10**12, "w", "k")), option=orjson.OPT_APPEND_NEWLINE))
    with Mirror(Spool(tmp_path, limit_bytes=3 * line), kept, NAME, "w", retry_s=0.01) as mirror:
        for number in range(10):
            before = waiting(tmp_path) + mirror.dropped
            mirror.tell("k")
            until(f"{number} is in its place", lambda b=before: waiting(tmp_path) + mirror.dropped > b)
        assert waiting(tmp_path) == 3
        kept.away = False
        until("those that had room are kept", lambda: kept.kinds == ["k"] * 3)
        mirror.tell("k")
        until("the others are told of", lambda: DROPPED in kept.kinds)
    told = [event.details for event in kept.events.values() if event.kind == DROPPED]
    assert told == [{"events": 7}]


def test_where_nothing_can_be_written_the_database_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    kept = Kept()
    with (
        structlog.testing.capture_logs() as logs,
        Mirror(Spool(tmp_path / "file" / "spool"), kept, NAME, "instar-0") as mirror,
    ):
        mirror.tell("started")
    assert [log["event"] for log in logs] == ["worker events cannot wait on disk"]
    assert kept.kinds == ["started"]


# ------------------------------------------------------------------ the spool


HOLDER = """
import sys, time
from pathlib import Path
from instar.state.spool import Spool
from instar.state.worker_events import WorkerEvent

spool = Spool(Path(sys.argv[1]))
spool.append([WorkerEvent("theirs", "m", 1, "w", "started")])
print("ready", flush=True)
time.sleep(600)
"""


def test_a_living_process_keeps_its_file_and_a_dead_ones_is_taken(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        cwd=REPOSITORY / "services",
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        spool = Spool(tmp_path)
        assert list(spool.taken()) == []
    finally:
        child.send_signal(signal.SIGKILL)
        child.communicate(timeout=60)
    ((events, path),) = list(spool.taken())
    assert [event.id for event in events] == ["theirs"]
    spool.done(path)
    assert list(spool.taken()) == []


def test_half_a_line_that_a_killed_process_left_is_left_out(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append([event(1), event(2)])
    spool.close()
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-10])
    ((events, _),) = list(Spool(tmp_path).taken())
    assert events == [event(1)]


def test_the_folder_is_bounded_over_all_processes(tmp_path: Path) -> None:
    limit_bytes = 3 * len(orjson.dumps(asdict(event(1)), option=orjson.OPT_APPEND_NEWLINE))
    first, second = Spool(tmp_path, limit_bytes=limit_bytes), Spool(tmp_path, limit_bytes=limit_bytes)
    assert first.append([event(1), event(2)]) == 0
    assert second.append([event(3), event(4), event(5)]) == 2
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) == limit_bytes
    for spool in (first, second):
        spool.close()


# ------------------------------------------------------------------ a real database


def test_no_sqlite_file_is_made_and_one_that_an_operator_made_takes_all(tmp_path: Path) -> None:
    keep = keeping(SQLITE, ENVIRONMENT, tmp_path)
    with Mirror(Spool(tmp_path / "spool"), keep, NAME, "instar-0") as mirror:
        mirror.tell("started")
    assert [path.name for path in tmp_path.iterdir()] == ["spool"]
    with fresh_state(SQLITE, tmp_path):
        pass
    with Mirror(Spool(tmp_path / "spool"), keep, NAME, "instar-0") as mirror:
        mirror.tell("started")
    with open_state(SQLITE, ENVIRONMENT, tmp_path) as state:
        assert [each.kind for each in state.worker_events.list(NAME)] == ["started", "started"]


def test_a_postgresql_that_is_away_is_waited_for(postgresql_url: str, tmp_path: Path) -> None:
    away = f"postgresql://nobody@127.0.0.1:{free_port()}/instar"
    with Mirror(Spool(tmp_path), keeping(away, ENVIRONMENT, tmp_path), NAME, "instar-0") as mirror:
        mirror.tell("started")
    assert waiting(tmp_path) == 1
    with fresh_state(postgresql_url, tmp_path) as state:
        keep = keeping(postgresql_url, ENVIRONMENT, tmp_path)
        with Mirror(Spool(tmp_path), keep, NAME, "instar-0") as mirror:
            mirror.tell("stopped")
        assert sorted(each.kind for each in state.worker_events.list(NAME)) == ["started", "stopped"]
    assert waiting(tmp_path) == 0
