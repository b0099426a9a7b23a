"""Merging two branches' ``instar.lock``: what both sides wrote, without the lines that git could not lay together.

Entries are facts, and most facts of two branches stand side by side. An entry that only one side changed is that
side's; one that both removed or one removed and the other left is gone. Only where both sides say something else of
the same id or checksum does it take a person: such an entry is a contradiction.
"""

import re
import subprocess
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from instar.core.finding import Finding
from instar.core.version import label
from instar.project.lock import NAME, Lock, VersionKey, parse_lock

Prefer = Literal["ours", "theirs"]
K = TypeVar("K", bound=Hashable)
V = TypeVar("V", bound=Hashable)

_MARKS = re.compile(r"^(<{7}|\|{7}|={7}|>{7})( .*)?$")
_GIT_TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class Sides:
    """The file as each branch has it. ``base`` is what both began with, None where nobody knows."""

    base: Lock | None
    ours: Lock
    theirs: Lock


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Both sides say something else. ``entry`` is as the file writes it."""

    entry: str
    ours: str
    theirs: str


@dataclass(frozen=True, slots=True)
class Merged:
    """Without contradictions ``lock`` is the result; with some it holds everything else, and ours of these."""

    lock: Lock
    contradictions: tuple[Contradiction, ...]


def merge(sides: Sides, prefer: Prefer | None = None) -> Merged:
    """Lay both sides together. ``prefer`` decides contradictions; nothing else."""
    found: list[Contradiction] = []
    base = sides.base

    def table(
        ours: Mapping[K, V], theirs: Mapping[K, V], before: Mapping[K, V] | None, write: Callable[[K], str]
    ) -> dict[K, V]:
        merged: dict[K, V] = {}
        for key in [*ours, *(key for key in theirs if key not in ours)]:
            mine, other = ours.get(key), theirs.get(key)
            was = None if before is None else before.get(key)
            value, is_clear = _one(mine, other, was, before is not None)
            if not is_clear:
                found.append(Contradiction(write(key), _said(mine), _said(other)))
                value = other if prefer == "theirs" else mine
            if value is not None:
                merged[key] = value
        return merged

    registries = sorted({*sides.ours.ids, *sides.theirs.ids})
    ids = {
        name: table(
            sides.ours.ids_of(name),
            sides.theirs.ids_of(name),
            None if base is None else base.ids_of(name),
            lambda number, name=name: f"[ids.{name}] {number}",  # type: ignore[misc]
        )
        for name in registries
    }
    schemas = table(
        sides.ours.schemas,
        sides.theirs.schemas,
        None if base is None else base.schemas,
        lambda key: f"[schemas] {key[0]}/{label(key[1])}",
    )
    hops = table(
        sides.ours.hops,
        sides.theirs.hops,
        None if base is None else base.hops,
        lambda key: f"[hops] {key[0]}/{key[1]}",
    )
    reasons = {**sides.theirs.replanned, **sides.ours.replanned}  # notes for people: the checksums decide
    if prefer == "theirs":
        reasons = {**sides.ours.replanned, **sides.theirs.replanned}
    kept = {f"{subject}/{label(version)}" for subject, version in schemas} | {f"{each}/{name}" for each, name in hops}
    lock = Lock(ids, schemas, hops, {key: why for key, why in reasons.items() if key in kept})
    return Merged(lock, () if prefer else tuple(found))


def _one(mine: V | None, other: V | None, was: V | None, has_base: bool) -> tuple[V | None, bool]:
    """(the entry, whether it is clear); None: there is none."""
    if mine == other:
        return mine, True
    if has_base:
        if mine == was:
            return other, True
        if other == was:
            return mine, True
        return mine, False
    if mine is None or other is None:
        return (other if mine is None else mine), True
    return mine, False


def _said(value: object) -> str:
    if value is None:
        return "no entry"
    if isinstance(value, tuple):
        return _version(value)
    return f"sha256:{str(value)[:12]}…"


def _version(key: VersionKey) -> str:
    return f"{key[0]}/{label(key[1])}"


def conflicted_sides(root: Path) -> Sides | list[Finding] | None:
    """Both sides of the file that a merge left with conflict marks; None where it has none.

    What both began with is between the marks if git was told so (``merge.conflictStyle = diff3``), and else asked of
    git's index.
    """
    text = (root / NAME).read_text(encoding="utf-8") if (root / NAME).exists() else ""
    if not any(_MARKS.match(line) for line in text.splitlines()):
        return None
    ours, base, theirs = _split(text)
    if base is None:
        base = _from_index(root)
    parsed = [None if each is None else parse_lock(each) for each in (base, ours, theirs)]
    broken = [finding for each in parsed if isinstance(each, list) for finding in each]
    if broken:
        return broken
    before, mine, other = parsed
    assert isinstance(mine, Lock)  # noqa: S101 - findings were returned above
    assert isinstance(other, Lock)  # noqa: S101
    return Sides(before if isinstance(before, Lock) else None, mine, other)


def _split(text: str) -> tuple[str, str | None, str]:
    """The text of ours, of what both began with, and of theirs."""
    sides: dict[str, list[str]] = {"ours": [], "base": [], "theirs": []}
    where = "all"
    has_base = False
    for line in text.splitlines(keepends=True):
        mark = _MARKS.match(line.rstrip("\r\n"))
        if mark is None:
            for name in sides if where == "all" else [where]:
                sides[name].append(line)
            continue
        where = {"<": "ours", "|": "base", "=": "theirs", ">": "all"}[mark[1][0]]
        has_base = has_base or where == "base"
    return "".join(sides["ours"]), "".join(sides["base"]) if has_base else None, "".join(sides["theirs"])


def _from_index(root: Path) -> str | None:
    """Stage 1 of an unmerged file is what both sides began with; None where git does not say."""
    try:
        ran = subprocess.run(  # noqa: S603 - our own arguments, no shell
            ["git", "-C", str(root), "show", f":1:./{NAME}"],  # noqa: S607 - the git that the user has
            capture_output=True,
            check=False,
            timeout=_GIT_TIMEOUT_S,
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return None
    return ran.stdout.decode("utf-8", "replace") if ran.returncode == 0 else None


def read_side(path: Path) -> Lock | list[Finding]:
    """One side as git hands it to a merge driver; an empty file is an empty lock."""
    text = path.read_text(encoding="utf-8")
    return parse_lock(text) if text.strip() else Lock()
