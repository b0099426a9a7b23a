"""A record that is newer than what was asked for, handed on as it is."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class NewerRecord:
    """What ``on_newer="raw"`` yields. ``version`` is written ``v4``.

    ``body`` are the value's bytes without framing; ``value`` is the plain value at that version, None where the
    formats at hand do not have the version at all, so that nobody here can read it.
    """

    subject: str
    version: str
    body: bytes = field(repr=False)
    value: Any = field(default=None, repr=False)
