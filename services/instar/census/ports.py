"""What the census needs of a state store."""

from collections.abc import Iterable
from typing import Protocol

from instar.core.census_result import Result


class ResultStore(Protocol):
    """Keeps results for who reads no Kafka.

    ``keep`` may be told a result again, and an older state of it after a newer one: the one that counts most stays.
    ``prune`` forgets what was last heard of before a time, and says how many results that were.
    """

    def keep(self, results: Iterable[Result]) -> None: ...

    def prune(self, before_ms: int) -> int: ...
