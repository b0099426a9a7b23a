"""How alike two field names are: by their words, whatever their case, and by abbreviations."""

import re
from difflib import SequenceMatcher

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

# Below this a shared word says nothing: "id", "at", "no" stand in half of all names.
_SHORT_WORD_CHARS = 3


def words(name: str) -> list[str]:
    """``customerID``, ``customer_id`` and ``customer.id`` are all ``customer``, ``id``."""
    return [word.lower() for word in _WORD.findall(name)] or [name.lower()]


def likeness(old: str, new: str) -> float:
    """0 to 1. 1: the same words, so that only the way of writing them changed."""
    ours, theirs = words(old), words(new)
    if ours == theirs or "".join(ours) == "".join(theirs):
        return 1.0
    if sorted(ours) == sorted(theirs):
        return 0.95
    letters = SequenceMatcher(None, "".join(ours), "".join(theirs)).ratio()
    if len(ours) == len(theirs) and all(map(_abbreviates, ours, theirs)):
        return max(letters, 0.9)
    return max(letters, _shared(ours, theirs))


def _abbreviates(one: str, other: str) -> bool:
    """Is one of the words a shorter writing of the other: ``qty`` of ``quantity``, ``addr`` of ``address``?"""
    short, long = sorted((one, other), key=len)
    if short == long:
        return True
    if short[0] != long[0] or len(short) < _SHORT_WORD_CHARS - 1:
        return False
    letters = iter(long)
    return all(letter in letters for letter in short)


def _shared(ours: list[str], theirs: list[str]) -> float:
    """How much of both names is in words that mean the same, the rest being words that one of them adds."""
    rest = list(theirs)
    common = 0
    for word in ours:
        match = next((other for other in rest if word == other or _long_enough(word, other)), None)
        if match is not None:
            rest.remove(match)
            common += len(word) + len(match)
    return 0.9 * common / (sum(map(len, ours)) + sum(map(len, theirs)))


def _long_enough(one: str, other: str) -> bool:
    return min(len(one), len(other)) >= _SHORT_WORD_CHARS and _abbreviates(one, other)
