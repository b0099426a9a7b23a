"""What may watch a redrive: told once a batch, and asked for what carries single letters."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from instar.core.bridge import Bridge, Carry
from instar.core.checkpoint import Counts
from instar.core.record import Output, Record


class Observer(Protocol):
    """Nothing here may wait or raise. Times are monotonic seconds."""

    def carrying(self, bridge: Bridge, into: Callable[[Record], str]) -> Carry:
        """``bridge.carry``, or what does the same and watches. ``into`` is the topic of a record's outputs."""
        ...

    def polled(self, records: Sequence[Record], began_s: float) -> None:
        """The original records of these letters are worked next, in one transaction."""
        ...

    def transformed(self, size_bytes: int, outputs: Mapping[tuple[str, int], Sequence[Output]]) -> None:
        """They became these outputs, by topic and partition."""
        ...

    def committed(self, counts: Counts, partitions: Iterable[int], began_s: float, took_s: float) -> None:
        """The outputs are visible. A redrive has no checkpoints."""
        ...

    def aborted(self, reason: str) -> None:
        """Nothing of the batch is visible, or nobody knows; what is not settled is tried again."""
        ...


class Unobserved:
    """Nobody watches."""

    def carrying(self, bridge: Bridge, into: Callable[[Record], str]) -> Carry:  # noqa: ARG002
        return bridge.carry

    def polled(self, records: Sequence[Record], began_s: float) -> None: ...

    def transformed(self, size_bytes: int, outputs: Mapping[tuple[str, int], Sequence[Output]]) -> None: ...

    def committed(self, counts: Counts, partitions: Iterable[int], began_s: float, took_s: float) -> None: ...

    def aborted(self, reason: str) -> None: ...
