"""Versions are whole numbers from 1 up inside, and always written ``v2`` outside."""

import re

_LABEL = re.compile(r"v([1-9][0-9]{0,5})\Z")


def label(version: int) -> str:
    """``3`` is written ``v3``."""
    return f"v{version}"


def parse_label(text: str) -> int | None:
    """``v3`` is ``3``; anything else, ``3`` and ``V3`` and ``v03`` included, is None."""
    match = _LABEL.match(text)
    return int(match[1]) if match else None
