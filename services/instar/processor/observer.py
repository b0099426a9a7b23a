"""What may watch a worker: told once a batch and once a transaction, and asked for what carries single records."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from instar.core.bridge import Bridge, Carry
from instar.core.checkpoint import Counts
from instar.core.record import Output, Record
from instar.core.throttle import Cause


class Observer(Protocol):
    """Called from the worker's own thread. Nothing here may wait or raise. Times are monotonic seconds."""

    def carrying(self, bridge: Bridge, into: Callable[[Record], str]) -> Carry:
        """``bridge.carry``, or what does the same and watches. ``into`` is the topic of a record's outputs."""
        ...

    def polled(self, records: Sequence[Record], began_s: float) -> None:
        """These records came and are worked next; asking for them began then. The first open a transaction."""
        ...

    def transformed(self, size_bytes: int, outputs: Mapping[tuple[str, int], Sequence[Output]]) -> None:
        """They became these outputs, by topic and partition; dead letters are among them."""
        ...

    def committed(self, counts: Counts, partitions: Iterable[int], began_s: float, took_s: float) -> None:
        """The transaction is committed, with checkpoints of these partitions. ``counts`` are its own."""
        ...

    def aborted(self, reason: str) -> None:
        """Nothing since the last commit is visible, or nobody knows. All of it is read again."""
        ...

    def stands(self, lags: Callable[[], Mapping[int, int]], cause: Cause | None) -> None:
        """Now and then: the offsets still to go by partition, where they are asked for, and what slows the worker."""
        ...

    def close(self) -> None: ...


class Unobserved:
    """Nobody watches, and it costs nothing."""

    def carrying(self, bridge: Bridge, into: Callable[[Record], str]) -> Carry:  # noqa: ARG002
        return bridge.carry

    def polled(self, records: Sequence[Record], began_s: float) -> None: ...

    def transformed(self, size_bytes: int, outputs: Mapping[tuple[str, int], Sequence[Output]]) -> None: ...

    def committed(self, counts: Counts, partitions: Iterable[int], began_s: float, took_s: float) -> None: ...

    def aborted(self, reason: str) -> None: ...

    def stands(self, lags: Callable[[], Mapping[int, int]], cause: Cause | None) -> None: ...

    def close(self) -> None: ...
