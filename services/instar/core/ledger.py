"""The ledger's chain, as pure code: each entry's hash is over its own content and the hash of the entry before it.

Whoever edits, removes, adds or reorders an entry afterwards breaks the chain at that place, unless they write every
later entry anew as well. That last forgery is out of reach of a chain alone: it is found by whoever kept a later
entry's number and hash somewhere else (an anchor), which is why ``history --verify`` prints them.

There is one chain for a whole environment, not one for each migration: so that a migration whose entries were all
removed leaves a gap in the others'.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, replace
from typing import Any

BEGINNING = "0" * 64
"""What the first entry follows."""

_FORMAT = "instar ledger 1"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger. ``number`` counts from 1 within an environment; ``migration`` may be empty.

    ``details`` is JSON as text, so that what is hashed is what is stored. Where the entry was written together with a
    rollout, ``state_revision`` is the rollout's and ``state_digest`` the SHA-256 of its document (else 0 and empty).
    ``previous`` and ``hash`` are 64 hex digits.
    """

    environment: str
    number: int
    migration: str
    at_ms: int
    actor: str
    action: str
    reason: str
    fingerprint: str
    details: str
    state_revision: int = 0
    state_digest: str = ""
    previous: str = BEGINNING
    hash: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """Where a ledger ends, or ended when somebody wrote this down: the last entry's number and hash."""

    number: int = 0
    hash: str = BEGINNING


@dataclass(frozen=True, slots=True)
class Sound:
    """Every entry follows the one before it, up to ``head``."""

    head: Head


@dataclass(frozen=True, slots=True)
class Broken:
    """The first place that cannot be as it was written, and why. ``migration`` where it is known, else empty."""

    number: int
    why: str
    migration: str = ""


def canonical(entry: Entry) -> bytes:
    """What is hashed: the format's name and every field but the hash, as one JSON array in ASCII."""
    content = [_FORMAT, *astuple(entry)[:-1]]
    return json.dumps(content, ensure_ascii=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def hash_of(entry: Entry) -> str:
    return hashlib.sha256(canonical(entry)).hexdigest()


def follow(head: Head, entry: Entry) -> Entry:
    """The entry with the number, the predecessor and the hash that it has at the end of this ledger."""
    placed = replace(entry, number=head.number + 1, previous=head.hash)
    return replace(placed, hash=hash_of(placed))


def details_text(details: Mapping[str, Any]) -> str:
    """Details as they are stored. Raises TypeError or ValueError for what JSON does not have."""
    return json.dumps(details, ensure_ascii=True, separators=(",", ":"), sort_keys=True, allow_nan=False)


def check(entries: Iterable[Entry], head: Head, anchors: Iterable[Head] = ()) -> Sound | Broken:
    """Whether the entries of one environment, in order, are the chain that ends at ``head``.

    ``anchors`` are ends that were written down before: the entries of these numbers must have these hashes.
    """
    known = {anchor.number: anchor.hash for anchor in anchors}
    if (unreached := max(known, default=0)) > head.number:
        return Broken(unreached, f"the ledger ends at {head.number}: entries after it were removed")
    last = Head()
    for entry in entries:
        if (why := _wrong(last, entry, known.get(entry.number))) is not None:
            return Broken(min(entry.number, last.number + 1), why, entry.migration)
        last = Head(entry.number, entry.hash)
    if last.number < head.number:
        return Broken(last.number + 1, f"entries {last.number + 1} to {head.number} were removed")
    if last != head:
        return Broken(last.number, f"it is not where the ledger ended when it was last written ({head.number})")
    return Sound(head)


def _wrong(last: Head, entry: Entry, anchored: str | None) -> str | None:
    if entry.number != last.number + 1:
        gone = f"entries {last.number + 1} to {entry.number - 1} were removed"
        return gone if entry.number > last.number else f"it comes after entry {last.number}"
    if hash_of(entry) != entry.hash:
        return "its content was edited: it does not have the hash that was written with it"
    if entry.previous != last.hash:
        return f"it does not follow entry {last.number}, which was rewritten, or was put in afterwards"
    if anchored is not None and anchored != entry.hash:
        return "it is not the entry that was written down: it and those around it were written anew"
    return None
