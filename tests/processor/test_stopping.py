"""A worker that is told to stop at the worst moment."""

import threading
from typing import Any

from tests.support.bridging import bridge_of, event_subject

from instar.core.bridge import Bridge
from instar.core.checkpoint import Counts
from instar.core.provenance import Stamp
from instar.core.record import Record
from instar.core.upcasting import exact_json
from instar.kafka.cluster import Topic
from instar.kafka.errors import Aborted, AmbiguousOutcome
from instar.processor.plan import BridgePlan
from instar.processor.position import Position
from instar.processor.worker import Worker

OLD, NEW, LETTERS = (Topic(name, bytes(range(16)), 1) for name in ("old", "new", "letters"))


class AbortsAndCannotSay:
    """A writer whose transaction is aborted in the middle of a batch, while its abort gets no answer."""

    outlived = False
    open_for_s = 0.0

    def __init__(self, stop: threading.Event) -> None:
        self.open = False
        self.committed: list[Any] = []
        self._stop = stop

    def replace(self) -> None:
        self.open = False

    def discard(self) -> None:
        self.open = False

    def begin(self) -> None:
        self.open = True

    def produce(self, *_: object) -> None:
        raise Aborted("the group went on")

    def abort(self) -> None:
        if self.open:
            self._stop.set()
            raise AmbiguousOutcome("no answer")

    def commit(self, offsets: list[Any], _group_metadata: object) -> None:
        self.committed += offsets


class OneRecord:
    """A reader of one partition with one record."""

    assignments = 1
    all_brokers_down = False
    group_metadata = None

    def __init__(self) -> None:
        stamp = Stamp("m", "up", OLD.id, 0)
        self.positions = {0: Position(0, OLD.id, stamp, committed=0, committed_counts=Counts())}

    def open(self) -> None: ...

    def hold(self, held: bool) -> None: ...

    def poll(self, *_: object) -> list[Record]:
        value = exact_json.dumps({"number": 1, "text": "t"})
        return [Record("old", 0, 0, b"k", value, (("instar-version", b"v1"),), 1_234)]

    def offsets(self, positions: list[Position], _held: str) -> list[int]:
        return [position.next for position in positions]

    def close(self) -> None:
        self.positions = {}


def bridge() -> Bridge:
    return bridge_of(event_subject(), 2)


def test_what_was_read_but_not_produced_is_not_committed_on_the_way_out() -> None:
    plan = BridgePlan(
        migration="m",
        direction="up",
        source=OLD,
        target=NEW,
        dead_letters=LETTERS,
        make_bridge=bridge,
        fingerprint="f",
        kafka={},
        built_in=True,
    )
    stop = threading.Event()
    worker = Worker(plan, "slot", stop=stop)
    writer = AbortsAndCannotSay(stop)
    worker._writer = writer  # type: ignore[assignment]
    worker._reader = OneRecord()  # type: ignore[assignment]
    worker.run()
    assert writer.committed == []
