"""What may slow a worker down. The worker asks before each turn, and tells what it did."""

from collections.abc import Collection
from typing import Protocol

from instar.core.throttle import UNLIMITED, Allowance


class Governor(Protocol):
    """Called from the worker's own thread, so nothing here may wait but ``before_reading``."""

    def allow(self, partitions: Collection[int]) -> Allowance:
        """How much the worker, which has these partitions, may read in its next turn."""
        ...

    def took(self, records: int, size_bytes: int) -> None:
        """So much was read on the last allowance, keys and values."""
        ...

    def committed(self, latency_s: float) -> None:
        """A transaction took so long from its last record to the broker's answer."""
        ...

    def before_reading(self, partitions: Collection[int]) -> None:
        """These partitions were just assigned by the group, their checkpoints are not read yet.

        Whoever reads one of them outside the group is shut out here. Raises as the writer does.
        """
        ...

    @property
    def ended(self) -> str:
        """Why the worker is to commit what it holds and end; empty while it is to go on."""
        ...

    def close(self) -> None: ...


class Ungoverned:
    """No limits, and nobody listens."""

    def allow(self, partitions: Collection[int]) -> Allowance:  # noqa: ARG002
        return UNLIMITED

    def took(self, records: int, size_bytes: int) -> None: ...

    def committed(self, latency_s: float) -> None: ...

    def before_reading(self, partitions: Collection[int]) -> None: ...

    @property
    def ended(self) -> str:
        return ""

    def close(self) -> None: ...
