"""Compatibility of a subject's versions, as registries define it: who has to be able to read whose records.

| mode | who reads | whose records |
|---|---|---|
| backward | the new version | the one before it |
| forward | the one before it | the new version |
| full | each | the other's |
| ...-transitive | likewise | with every earlier version |
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from instar.core.compat.avro import LOGICAL, Direction, check_avro
from instar.core.compat.json_schema import Finding as JsonFinding
from instar.core.compat.json_schema import Policy
from instar.core.compat.json_schema import check as check_json
from instar.core.finding import Finding, Severity
from instar.core.formats.schema import Kind

Mode = Literal["none", "backward", "backward-transitive", "forward", "forward-transitive", "full", "full-transitive"]

_OLD, _NEW = re.compile(r"\b[Tt]he old schema\b"), re.compile(r"\b[Tt]he new schema\b")
# The official rules let it pass, so only this is milder when lenient.
_MILD: Mapping[str, Severity] = {LOGICAL: "warning"}


@dataclass(frozen=True, slots=True)
class Edition:
    """A version's schema as it is to be compared: ``name`` is for people (``v2``, ``v2 of main``).

    ``document`` is the self-contained text. ``raw`` is a JSON Schema as its file has it, and ``others`` the documents
    that it refers to, by path: places in them are where their author finds them.
    """

    name: str
    kind: Kind
    document: str
    file: str
    raw: Any = None
    others: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judged:
    """One finding, and where it is in the newer schema: a JSON pointer, after ``other.json#`` where it is not in the
    schema's own file."""

    finding: Finding
    pointer: str
    direction: Direction


@dataclass(frozen=True, slots=True)
class Compared:
    """One pair that was compared, in the directions that the mode asks for."""

    old: Edition
    new: Edition
    directions: tuple[Direction, ...]
    found: tuple[Judged, ...]

    def holds(self, direction: Direction) -> bool:
        return not any(each.direction == direction and each.finding.severity == "error" for each in self.found)


def directions_of(mode: Mode) -> tuple[Direction, ...]:
    if mode == "none":
        return ()
    kind = mode.removesuffix("-transitive")
    return {"backward": ("backward",), "forward": ("forward",), "full": ("backward", "forward")}[kind]  # type: ignore[return-value]


def earlier(version: int, versions: Iterable[int], mode: Mode) -> list[int]:
    """The versions that one is held against: the one before, or all before; the nearest first."""
    before = sorted((each for each in versions if each < version), reverse=True)
    return before if mode.endswith("-transitive") else before[:1]


def compare(old: Edition, new: Edition, mode: Mode, policy: Policy, *, subject: str) -> Compared:
    """Hold a newer edition of a schema against an older one."""
    directions = directions_of(mode)
    found: list[Judged] = []
    for direction in directions:
        if old.kind != new.kind:
            found.append(_kinds(old, new, direction, subject))
        elif new.kind == "avro":
            found += _avro(old, new, direction, policy, subject)
        else:
            found += _json(old, new, direction, policy, subject)
    return Compared(old, new, directions, tuple(_each_once(found)))


def _avro(old: Edition, new: Edition, direction: Direction, policy: Policy, subject: str) -> Iterable[Judged]:
    for each in check_avro(old.document, new.document, direction, old_name=old.name, new_name=new.name):
        severity = _MILD.get(each.code, "error") if policy == "lenient" else "error"
        finding = Finding(
            each.code, each.message, each.remedy, severity, new.file, path=each.path or None, subject=subject
        )
        yield Judged(finding, each.pointer, direction)


def _json(old: Edition, new: Edition, direction: Direction, policy: Policy, subject: str) -> Iterable[Judged]:
    for each in _json_findings(old, new, direction, policy):
        finding = Finding(
            each.code,
            _said(each, old, new),
            _named(each.remedy, old, new),
            "error",
            new.file,
            path=each.new_pointer or each.old_pointer or None,
            subject=subject,
        )
        yield Judged(finding, each.new_pointer, direction)


def _json_findings(old: Edition, new: Edition, direction: Direction, policy: Policy) -> list[JsonFinding]:
    if old.raw is not None and new.raw is not None:
        found = check_json(
            old.raw,
            new.raw,
            mode=direction,
            policy=policy,
            old_documents=old.others,
            new_documents=new.others,
        )
        if not any(each.code == "unresolvable-reference" for each in found):
            return found
    return check_json(json.loads(old.document), json.loads(new.document), mode=direction, policy=policy)


def _said(each: JsonFinding, old: Edition, new: Edition) -> str:
    reader, writer = (new, old) if each.direction == "backward" else (old, new)
    return f"{reader.name} may refuse what {writer.name} writes: {_named(each.message, old, new)}"


def _named(text: str, old: Edition, new: Edition) -> str:
    """``the old schema`` by its version's name."""
    return _NEW.sub(new.name, _OLD.sub(old.name, text))


def _kinds(old: Edition, new: Edition, direction: Direction, subject: str) -> Judged:
    message = f"{old.name} is {old.kind} and {new.name} is {new.kind}: no reader of one reads the other"
    remedy = "give the versions in the other format a subject of their own"
    return Judged(Finding("mixed-kinds", message, remedy, "error", new.file, subject=subject), "", direction)


def _each_once(found: Iterable[Judged]) -> list[Judged]:
    """The same reason at the same place of one direction is told once."""
    return list({(each.direction, each.finding): each for each in found}.values())


def with_line(judged: Judged, line: int | None) -> Finding:
    """The finding at its line."""
    return replace(judged.finding, line=line)
