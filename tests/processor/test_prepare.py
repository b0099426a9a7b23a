"""Where a group begins when two machines start for the first time at once."""

from collections.abc import Iterable, Mapping
from typing import cast

import pytest

from instar.core.bridge import Bridge
from instar.core.provenance import Stamp
from instar.core.record import Record
from instar.kafka import carried
from instar.kafka.cluster import Cluster, Topic
from instar.processor import prepare
from instar.processor.plan import BridgePlan


def no_bridge() -> Bridge:
    raise AssertionError("nothing is carried here")


OLD, NEW, LETTERS = (Topic(name, bytes(range(16)), 2) for name in ("old", "new", "letters"))
PLAN = BridgePlan(
    migration="m",
    direction="up",
    source=OLD,
    target=NEW,
    dead_letters=LETTERS,
    make_bridge=no_bridge,
    fingerprint="f",
    kafka={},
    built_in=False,
)


class Offsets:
    """A cluster that knows of one group's offsets."""

    kafka: Mapping[str, str] = {}

    def __init__(self) -> None:
        self.held: dict[int, tuple[int, str | None]] = {}
        self.commits: list[dict[int, int]] = []

    def committed(self, _group: str, _topic: str, _partitions: Iterable[int]) -> dict[int, tuple[int, str | None]]:
        return dict(self.held)

    def end_offsets(self, _topic: str, partitions: Iterable[int]) -> dict[int, int]:
        return dict.fromkeys(partitions, 10)

    def start_offsets(self, _topic: str, partitions: Iterable[int]) -> dict[int, int]:
        return dict.fromkeys(partitions, 0)

    def commit(self, _group: str, _topic: str, offsets: Mapping[int, tuple[int, str]]) -> None:
        self.commits.append({partition: offset for partition, (offset, _) in offsets.items()})


@pytest.mark.parametrize("seen_in_target", [None, 499])
def test_what_another_first_start_committed_meanwhile_is_not_set_back(
    monkeypatch: pytest.MonkeyPatch, seen_in_target: int | None
) -> None:
    cluster = Offsets()

    def reading_takes_a_while(*_: object) -> tuple[dict[int, int | None], set[str]]:
        cluster.held = {0: (500, None)}
        return {0: seen_in_target, 1: None}, set()

    monkeypatch.setattr(prepare, "last_carried", reading_takes_a_while)
    assert prepare.ensure_start(PLAN, cast(Cluster, cluster), recover=False) == {0: 500, 1: 0}
    assert cluster.commits == [{1: 0}]


def test_a_copy_in_another_partition_does_not_say_how_far_that_partition_is_carried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def output(partition: int, source_partition: int, source_offset: int) -> Record:
        header = Stamp("m", "up", OLD.id, source_partition).header(source_offset, 0, 1, b"k", b"v")
        return Record(NEW.name, partition, 0, b"k", b"v", (header,), 5)

    written = [output(0, 0, 900), output(1, 1, 500), output(1, 0, 900)]
    monkeypatch.setattr(carried, "scan", lambda _kafka, topic, *_: written if topic == NEW.name else [])
    assert prepare.last_carried(PLAN, cast(Cluster, Offsets()), [0, 1]) == ({0: 900, 1: 500}, set())
