"""What a gate's question is answered with, and how it is said that no answer could be had."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Answer:
    """``evidence`` is one sentence or two of what was seen where; never a secret."""

    kind: Literal["applied", "not-applied", "dirty", "unknown"]
    evidence: str


class Unanswered(Exception):
    """The question could not be asked, or what came back is not an answer. Becomes ``unknown`` with this text."""
