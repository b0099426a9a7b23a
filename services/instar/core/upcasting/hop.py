"""A hop: what the author of ``v1_to_v2.py`` wrote, and the same bound to the schemas on both sides.

Reading a file (``Hop.from_namespace``) and binding it (``bind``) return the author's mistakes as findings. A bound
hop runs per record and returns what is wrong with a record as ``Rejected``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any

from instar.core.finding import Finding
from instar.core.formats.schema import Schema
from instar.core.formats.shape import Map, Object, Opaque, Union, without_null
from instar.core.record import Context
from instar.core.rejected import HOP_RAISED, HOP_RETURNED_WRONG_TYPE, INVALID_INPUT, NO_WAY, Rejected
from instar.core.upcasting import hop_file
from instar.core.upcasting.derive import derive
from instar.core.upcasting.hop_source import Lines, compiled_name, lines_of, raised_at, said_by
from instar.core.upcasting.operation import HopFailed, Operation, Run
from instar.core.upcasting.pattern import absent_from, parse_pattern
from instar.core.upcasting.value import copy_of
from instar.core.version import label

Function = Callable[[dict[str, Any], Context], Any]
Transform = Callable[[Any, Context], "list[Any] | Rejected"]

# One event becomes several, but not without end: a hop that yields more than this has gone wrong.
FAN_OUT_LIMIT_RECORDS = 10_000


@dataclass(frozen=True, slots=True)
class Hop:
    """One step between neighbouring versions as its author wrote it, in one of two forms.

    ``changes`` is set, or ``upcast`` and perhaps ``downcast``. ``lost_up`` and ``lost_down`` are what the author
    declared (field paths of the version that is left), ``partial`` the directions that may reject a valid value.
    """

    subject: str
    from_version: int
    to_version: int
    file: str
    summary: str = ""
    changes: tuple[Operation, ...] | None = None
    upcast: Function | None = None
    downcast: Function | None = None
    lost_up: tuple[str, ...] = ()
    lost_down: tuple[str, ...] = ()
    partial: frozenset[str] = frozenset()
    lines: Lines = field(default_factory=Lines, repr=False, compare=False)
    compiled: str = field(default="", repr=False, compare=False)

    @property
    def name(self) -> str:
        """``v1_to_v2``, as the file is called."""
        return f"{label(self.from_version)}_to_{label(self.to_version)}"

    @classmethod
    def from_namespace(
        cls,
        subject: str,
        from_version: int,
        to_version: int,
        namespace: Mapping[str, Any],
        *,
        file: str,
        source: str = "",
    ) -> "Hop | list[Finding]":
        """Read what an executed hop file left in its namespace.

        ``file`` is relative to the project root, ``source`` is the file's text (for line numbers). Returns every
        mistake at once: both forms, neither form, wrong types, malformed ``lost`` or ``partial``.
        """
        lines = lines_of(source)
        mistakes = hop_file.mistakes(namespace, lines)
        if mistakes:
            return [replace(mistake, file=file, subject=subject) for mistake in mistakes]
        changes = namespace.get("changes")
        lost = namespace.get("lost", {})
        return cls(
            subject=subject,
            from_version=from_version,
            to_version=to_version,
            file=file,
            summary=(namespace.get("__doc__") or "").strip().partition("\n")[0],
            changes=None if changes is None else tuple(changes),
            upcast=namespace.get("upcast"),
            downcast=namespace.get("downcast"),
            lost_up=tuple(lost.get("up", ())),
            lost_down=tuple(lost.get("down", ())),
            partial=frozenset(namespace.get("partial", ())),
            lines=lines,
            compiled=compiled_name(namespace, file),
        )


@dataclass(frozen=True, slots=True)
class BoundHop:
    """A hop bound to the schemas before and after it.

    ``up`` and ``down`` take a decoded value, which they may consume, and return the values it became: one; several or
    none where the event fans out or ends; or ``Rejected``. They do not validate what they return: a chain does.
    ``lost_up`` and ``lost_down`` are all losses, computed and declared. ``findings`` are warnings and notes only.
    """

    hop: Hop
    up: Transform = field(repr=False)
    down: Transform = field(repr=False)
    one_way: bool
    summary_lines: tuple[str, ...]
    lost_up: tuple[str, ...] = ()
    lost_down: tuple[str, ...] = ()
    partial_up: bool = False
    partial_down: bool = False
    findings: tuple[Finding, ...] = ()

    @property
    def subject(self) -> str:
        return self.hop.subject

    @property
    def from_version(self) -> int:
        return self.hop.from_version

    @property
    def to_version(self) -> int:
        return self.hop.to_version

    @property
    def file(self) -> str:
        return self.hop.file

    @property
    def name(self) -> str:
        return self.hop.name


def bind(hop: Hop, before: Schema, after: Schema) -> BoundHop | list[Finding]:
    """Fit a hop to the schemas of its two versions.

    A hop of changes is derived: what the changes make of the old shape is held against the new one, both ways. A hop
    of functions cannot be judged before it runs; the laws do that.
    """
    unfit = [
        _finding(
            hop,
            "not-a-record",
            f"{label(version)} of {hop.subject} is not a record, and a hop takes and returns records",
            "make the top of the schema a record (Avro) or an object (JSON)",
        )
        for version, schema in ((hop.from_version, before), (hop.to_version, after))
        if not _is_record(schema)
    ]
    unfit += _unknown_losses(hop, before, after)
    if unfit:
        return unfit
    return _bind_functions(hop) if hop.changes is None else _bind_changes(hop, hop.changes, before, after)


def _is_record(schema: Schema) -> bool:
    if schema.kind == "avro":
        return isinstance(schema.shape, Object)
    return isinstance(without_null(schema.shape), Object | Map | Union | Opaque)


def _unknown_losses(hop: Hop, before: Schema, after: Schema) -> list[Finding]:
    """Declared losses that name a field which the version that is left does not have: misspelt, or out of date."""
    found = []
    sides = (("up", hop.lost_up, before, hop.from_version), ("down", hop.lost_down, after, hop.to_version))
    for direction, paths, schema, version in sides:
        for path in paths:
            absent = absent_from(schema.shape, parse_pattern(path))
            if absent is not None:
                token, names = absent
                near = get_close_matches(token, names, n=1)
                message = f'lost["{direction}"] names {path}, and {label(version)} has no {token} there'
                remedy = f"did you mean {near[0]}?" if near else "name a field path of the version that is left"
                found.append(
                    replace(
                        _finding(hop, "unknown-field", message, remedy), line=hop.lines.names.get("lost"), path=path
                    )
                )
    return found


def _bind_functions(hop: Hop) -> BoundHop:
    assert hop.upcast is not None  # noqa: S101 - from_namespace lets no hop through that has neither form
    one_way = hop.downcast is None
    up = _run_function(hop, "upcast", hop.upcast, one_way=one_way)
    down = _no_way(hop) if hop.downcast is None else _run_function(hop, "downcast", hop.downcast, one_way=False)
    return BoundHop(
        hop=hop,
        up=up,
        down=down,
        one_way=one_way,
        summary_lines=(hop.summary or "a function",),
        lost_up=hop.lost_up,
        lost_down=hop.lost_down,
        partial_up="up" in hop.partial,
        partial_down="down" in hop.partial,
    )


def _bind_changes(hop: Hop, changes: tuple[Operation, ...], before: Schema, after: Schema) -> BoundHop | list[Finding]:
    steps, found = derive(changes, before.shape, after.shape, hop.lines.of_change)
    findings = tuple(_placed(hop, finding) for finding in found)
    if any(finding.severity == "error" for finding in findings):
        return list(findings)
    downs: list[Run] = [step.down for step in reversed(steps) if step.down is not None]
    one_way = len(downs) < len(steps)
    lost_up = [path for step in steps for path in step.lost_up]
    lost_down = [path for step in steps for path in step.lost_down]
    return BoundHop(
        hop=hop,
        up=_run_steps(hop, tuple(step.up for step in steps)),
        down=_no_way(hop) if one_way else _run_steps(hop, tuple(downs)),
        one_way=one_way,
        summary_lines=tuple(change.summary for change in changes),
        lost_up=tuple(dict.fromkeys([*lost_up, *hop.lost_up])),
        lost_down=tuple(dict.fromkeys([*lost_down, *hop.lost_down])),
        partial_up="up" in hop.partial or any(step.partial_up for step in steps),
        partial_down="down" in hop.partial or any(step.partial_down for step in steps),
        findings=findings,
    )


def _placed(hop: Hop, finding: Finding) -> Finding:
    """A finding of the derivation, with the file and, where it is not known better, the line of ``changes``."""
    line = finding.line if finding.line is not None else hop.lines.names.get("changes")
    return replace(finding, file=finding.file or hop.file, line=line, subject=finding.subject or hop.subject)


def _run_steps(hop: Hop, runs: tuple[Run, ...]) -> Transform:
    def run(value: Any, context: Context) -> list[Any] | Rejected:
        if not isinstance(value, dict):
            return _not_a_record(hop)
        try:
            for step in runs:
                step(value, context)
        except HopFailed as failed:
            return _failed(hop, failed)
        except Exception as error:  # whatever an author's function raises is this record's rejection
            return _raised(hop, error)
        return [value]

    return run


def _run_function(hop: Hop, name: str, function: Function, *, one_way: bool) -> Transform:
    """A function hop's runner. What it returns is copied: it may hold parts of itself twice, or of another record."""

    def run(value: Any, context: Context) -> list[Any] | Rejected:
        if not isinstance(value, dict):
            return _not_a_record(hop)
        try:
            made = function(value, context)
            if isinstance(made, dict):
                return [copy_of(made)]
            if one_way and made is None:
                return []
            if one_way and isinstance(made, list) and all(isinstance(part, dict) for part in made):
                if len(made) <= FAN_OUT_LIMIT_RECORDS:
                    return [copy_of(part) for part in made]
                return _too_many(name, len(made))
        except HopFailed as failed:
            return _failed(hop, failed)
        except Exception as error:  # whatever an author's function raises is this record's rejection
            return _raised(hop, error)
        return _wrong_type(hop, name, made)

    return run


def _no_way(hop: Hop) -> Transform:
    def run(_value: Any, _context: Context) -> list[Any] | Rejected:
        return Rejected(NO_WAY, f"{hop.file} is one-way: it says no way down from {label(hop.to_version)}")

    return run


def _failed(hop: Hop, failed: HopFailed) -> Rejected:
    """An operation's failure, with the line of the author's function where that is what raised."""
    place = None
    if failed.__cause__ is not None:
        place = raised_at(failed.__cause__.__traceback__, hop.compiled, hop.file)
    return Rejected(failed.code, f"{failed.message} ({place})" if place else failed.message, path=failed.path)


def _raised(hop: Hop, error: Exception) -> Rejected:
    place = raised_at(error.__traceback__, hop.compiled, hop.file) or hop.file
    return Rejected(HOP_RAISED, f"{said_by(error)} ({place})")


def _wrong_type(hop: Hop, name: str, made: Any) -> Rejected:
    if hop.downcast is not None and (made is None or isinstance(made, list)):
        what = "None" if made is None else "a list"
        message = f"{name} returned {what}, which only a one-way hop may: {hop.file} has a downcast"
    elif isinstance(made, list):
        wrong = next(part for part in made if not isinstance(part, dict))
        message = f"{name} returned a list with a {type(wrong).__name__} in it, not only dicts"
    else:
        message = f"{name} returned a {type(made).__name__}, not a dict"
    return Rejected(HOP_RETURNED_WRONG_TYPE, message)


def _too_many(name: str, count: int) -> Rejected:
    message = f"{name} made {count} records of one; the limit is {FAN_OUT_LIMIT_RECORDS}"
    return Rejected(HOP_RETURNED_WRONG_TYPE, message)


def _not_a_record(hop: Hop) -> Rejected:
    return Rejected(INVALID_INPUT, f"the value is not a record, and {hop.name} carries only records over")


def _finding(hop: Hop, code: str, message: str, remedy: str) -> Finding:
    return Finding(code, message, remedy, file=hop.file, subject=hop.subject)
