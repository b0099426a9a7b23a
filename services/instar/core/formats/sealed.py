"""A value that may be carried along and compared, but not shown."""

from dataclasses import dataclass, field
from typing import Any, Final

MASK: Final = "***"


@dataclass(frozen=True, slots=True)
class Sealed:
    """Equal to a seal of an equal value, so that a trace still tells what changed; its text is ``***``."""

    value: Any = field(repr=False)

    __hash__ = None  # type: ignore[assignment]  # the value inside may be a dict

    def __str__(self) -> str:
        return MASK
