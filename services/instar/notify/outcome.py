"""What became of telling somebody."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Told:
    """``whom`` names the target for people; ``why_not`` is empty where it was reached. Neither holds a secret."""

    whom: str
    why_not: str = ""
