"""One record of a file, or why a part of the file has none."""

from dataclasses import dataclass

from instar.core.rejected import Rejected


@dataclass(frozen=True, slots=True)
class Item:
    """``place`` is written for people: ``line 7``, ``block 2, record 5``.

    Where ``rejected`` is given, ``data`` are bytes in which ``records`` records could not be told apart.
    """

    place: str
    data: bytes
    rejected: Rejected | None = None
    records: int = 1
