"""The laws that a hop must keep, held against values: what ``instar check`` runs on samples and golden records.

A hop is total on valid input, its output is valid, it gives the same output for the same input, it leaves its input
alone, and ``down(up(x)) == x`` and ``up(down(y)) == y`` except for the losses that are declared or computed.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from instar.core.finding import Finding, Severity
from instar.core.formats.schema import Schema
from instar.core.formats.shape import MISSING
from instar.core.record import Context
from instar.core.rejected import HOP_RAISED, HOP_RETURNED_WRONG_TYPE, Rejected
from instar.core.upcasting.difference import Place, differing, leaves, write_place
from instar.core.upcasting.hop import BoundHop, Transform
from instar.core.upcasting.pattern import Pattern, covers, general, masked, parse_pattern, redacted
from instar.core.upcasting.purity import functions_in, impurities
from instar.core.upcasting.value import copy_of, same
from instar.core.version import label

Direction = Literal["up", "down"]

# Below this many values, that a declared loss never showed says little.
ENOUGH_VALUES = 20
SHOWN_VALUE_CHARS = 160

_INDEX = re.compile(r"\[\d+\]")


def check_laws(
    hop: BoundHop,
    before: Schema,
    after: Schema,
    old_values: Iterable[Any],
    new_values: Iterable[Any],
    *,
    sensitive: tuple[str, ...] = (),
    context: Context = Context(),  # noqa: B008 - immutable
) -> list[Finding]:
    """Hold one hop to the laws over values that are valid under its versions. The values are left as they are.

    Of all values that break a law in the same way the smallest is shown, with ``sensitive`` fields masked.
    """
    hidden = tuple(parse_pattern(path) for path in sensitive)
    up = _Side(hop, "up", before, after, list(old_values), hidden, context)
    sides = [up]
    if not hop.one_way:
        sides.append(_Side(hop, "down", after, before, list(new_values), hidden, context))
    for side in sides:
        side.run()
    if not hop.one_way:
        up.return_through(sides[1])
        sides[1].return_through(up)
    found = _impure(hop)
    for side in sides:
        found += side.findings()
    # A wrong way back shows from both ends; from the other one it is the same news in other words.
    if any(finding.code == "wrong-down" for finding in found):
        found = [finding for finding in found if finding.code != "wrong-up"]
    return found


def _impure(hop: BoundHop) -> list[Finding]:
    functions = functions_in(hop.hop.upcast, hop.hop.downcast, hop.hop.changes or ())
    return [
        Finding(
            "not-deterministic",
            f"{hop.name} refers to {name}: the same record would become another one at another time or place",
            "derive the value from the record or its context (timestamp_ms, key, headers)",
            file=hop.file,
            line=line,
            subject=hop.subject,
        )
        for name, line in impurities(functions)
    ]


@dataclass(slots=True)
class _Failure:
    """One way of breaking a law, with the smallest value that shows it."""

    code: str
    message: str
    remedy: str
    path: str | None
    shown: str
    severity: Severity = "error"


@dataclass(slots=True)
class _Return:
    """How one place came back, over all values where it came back otherwise."""

    parts: list[tuple[Any, Any]] = field(default_factory=list)
    smallest: str = ""


@dataclass(slots=True)
class _Side:
    """One direction of a hop, run over values that are valid where it starts."""

    hop: BoundHop
    direction: Direction
    start: Schema
    end: Schema
    values: list[Any]
    hidden: tuple[Pattern, ...]
    context: Context
    outputs: list[list[Any] | Rejected] = field(default_factory=list)
    sound: list[bool] = field(default_factory=list)  # by value: one valid output
    failures: dict[tuple[str, str | None], _Failure] = field(default_factory=dict)
    returns: dict[str, _Return] = field(default_factory=dict)
    lost_seen: set[Pattern] = field(default_factory=set)
    returned: int = 0

    @property
    def transform(self) -> Transform:
        return self.hop.up if self.direction == "up" else self.hop.down

    @property
    def function(self) -> str:
        """What the author calls this side, in messages."""
        if self.hop.hop.changes is not None:
            return f"the {self.direction} direction"
        return "upcast" if self.direction == "up" else "downcast"

    @property
    def declared_partial(self) -> bool:
        return self.direction in self.hop.hop.partial

    @property
    def partial(self) -> bool:
        return self.hop.partial_up if self.direction == "up" else self.hop.partial_down

    def run(self) -> None:
        """Run every value, then every value again in the opposite order: the same must come out."""
        for value in self.values:
            self._run_first(value)
        again = [self.transform(copy_of(value), self.context) for value in reversed(self.values)]
        for value, first, second in zip(self.values, self.outputs, reversed(again), strict=True):
            if not isinstance(first, Rejected) and not _same_outcome(first, second):
                at = next((place for place, _, _ in differing(first, second)), ())
                path = general(at[1:], self.end.shape) or None
                message = f"{self.function} made two different records of one" + (f", in {path}" if path else "")
                remedy = "derive every value from the record or its context alone, and keep no state between records"
                self._fail("not-deterministic", message, remedy, path, value)

    def _run_first(self, value: Any) -> None:
        given = copy_of(value)
        outcome = self.transform(given, self.context)
        if self.hop.hop.changes is None:  # operations work in place by design; the runner owns the value
            changed = next(differing(value, given), None)
            if changed is not None:
                path = general(changed[0], self.start.shape) or None
                message = f"{self.function} changed the record that it was given" + (f", in {path}" if path else "")
                self._fail("mutation", message, "build a new dict: {**record, ...}", path, value)
        self.sound.append(False)
        if isinstance(outcome, Rejected):
            self.outputs.append(outcome)
            self._rejected(outcome, value)
            return
        self.outputs.append(copy_of(outcome))
        problems = [problem for problem in map(self.end.problem, outcome) if problem is not None]
        self.sound[-1] = not problems and len(outcome) == 1
        if problems and not self.declared_partial:
            self._invalid(problems[0], value)

    def _rejected(self, rejected: Rejected, value: Any) -> None:
        wrong_type = rejected.code == HOP_RETURNED_WRONG_TYPE
        if wrong_type:
            remedy = "return a dict; a hop that returns a list or None is one-way and has no downcast"
            self._fail("hop-returned-wrong-type", rejected.message, remedy, rejected.path, value)
        elif not (self.declared_partial or (self.partial and rejected.code != HOP_RAISED)):
            said = redacted(rejected.message, value, self.hidden)
            message = f"{self.function} rejects a valid {self._version()} record: {said}"
            remedy = f'handle it, or declare: partial = ["{self.direction}"]'
            self._fail("not-total", message, remedy, rejected.path, value)

    def _invalid(self, problem: Rejected, value: Any) -> None:
        other = label(self.hop.to_version if self.direction == "up" else self.hop.from_version)
        message = f"{self.function} made a record that is not valid under {other}: {problem.message}"
        remedy = f"make {problem.path or 'it'} what the schema of {other} says"
        self._fail("hop-output-invalid", message, remedy, problem.path, value)

    def _version(self) -> str:
        return label(self.hop.from_version if self.direction == "up" else self.hop.to_version)

    def return_through(self, back: "_Side") -> None:
        """Take every sound output the way back and compare with where it started."""
        losses = self.hop.lost_up if self.direction == "up" else self.hop.lost_down
        patterns = tuple(parse_pattern(path) for path in losses)
        for value, outcome, sound in zip(self.values, self.outputs, self.sound, strict=True):
            if not sound or isinstance(outcome, Rejected):
                continue
            came = back.transform(copy_of(outcome[0]), self.context)
            if isinstance(came, Rejected):
                back._rejected(came, outcome[0])  # noqa: SLF001 - the other side of the same hop
                continue
            if len(came) != 1 or self.start.problem(came[0]) is not None:
                if not back.declared_partial:
                    problem = self.start.problem(came[0]) if came else None
                    back._invalid(problem or Rejected("", "it is gone"), outcome[0])  # noqa: SLF001
                continue
            self.returned += 1
            self._compare(value, came[0], patterns)

    def _compare(self, value: Any, came: Any, patterns: tuple[Pattern, ...]) -> None:
        shown: set[str] = set()
        for place, left, right in _differing_leaves(value, came):
            hits = [pattern for pattern in patterns if covers(pattern, place)]
            self.lost_seen.update(hits)
            path = _field(general(place, self.start.shape))
            if hits or path in shown:
                continue
            shown.add(path)
            entry = self.returns.setdefault(path, _Return())
            entry.parts.append((left, right))
            where = write_place(place)
            parts = [_part(masked(part, self.hidden, place)) for part in (left, right)]
            text = f"{where}: {parts[0]} came back as {parts[1]}; record {self._show(value)}"
            if not entry.smallest or len(text) < len(entry.smallest):
                entry.smallest = text

    def findings(self) -> list[Finding]:
        found = [
            Finding(
                failure.code,
                failure.message + (f"; record {failure.shown}" if failure.shown else ""),
                failure.remedy,
                failure.severity,
                file=self.hop.file,
                line=self._line(),
                path=failure.path,
                subject=self.hop.subject,
            )
            for failure in self.failures.values()
        ]
        found += [self._lossy(path, entry) for path, entry in self.returns.items()]
        rejected = sum(isinstance(outcome, Rejected) for outcome in self.outputs)
        if self.partial and rejected == len(self.outputs) >= ENOUGH_VALUES:
            message = f"{self.function} rejected every one of {rejected} valid records"
            found.append(self._finding("never-works", message, "a partial direction must work for some records", None))
        return found + self._needless()

    def _lossy(self, path: str, entry: _Return) -> Finding:
        """A place that did not come back: lost, when what comes back does not depend on it; else wrong."""
        lost_line = f'lost = {{"{self.direction}": ["{path}"]}}'
        round_trip = "down(up(x))" if self.direction == "up" else "up(down(y))"
        firsts = [left for left, _ in entry.parts]
        lasts = [right for _, right in entry.parts]
        reset = all(same(lasts[0], right) for right in lasts[1:])
        varied = any(not same(firsts[0], left) for left in firsts[1:])
        is_loss = reset and (varied or lasts[0] is MISSING or lasts[0] is None)
        if is_loss or len(entry.parts) * 2 < self.returned:
            message = f"{round_trip} loses {path}, which is not declared ({entry.smallest})"
            return self._finding("undeclared-loss", message, f"declare it: {lost_line}, or bring it back", path)
        code = "wrong-down" if self.direction == "up" else "wrong-up"
        message = f"{round_trip} gives another {path} ({entry.smallest})"
        remedy = f"make the way back undo the way there; where it cannot, declare: {lost_line}"
        return self._finding(code, message, remedy, path)

    def _needless(self) -> list[Finding]:
        declared = self.hop.hop.lost_up if self.direction == "up" else self.hop.hop.lost_down
        if self.returned < ENOUGH_VALUES:
            return []
        return [
            self._finding(
                "needless-loss",
                f"{path} is declared as lost on the way {self.direction}, and came back in all {self.returned} records",
                "delete the declaration if nothing is lost",
                path,
                severity="note",
            )
            for path in declared
            if parse_pattern(path) not in self.lost_seen
        ]

    def _finding(
        self, code: str, message: str, remedy: str, path: str | None, *, severity: Severity = "error"
    ) -> Finding:
        return Finding(
            code, message, remedy, severity, file=self.hop.file, line=self._line(), path=path, subject=self.hop.subject
        )

    def _line(self) -> int | None:
        return self.hop.hop.lines.names.get("changes" if self.hop.hop.changes is not None else self.function)

    def _fail(self, code: str, message: str, remedy: str, path: str | None, value: Any) -> None:
        """Remember a failure; of those of one code and place, the one with the smallest record."""
        shown = self._show(value)
        path = None if path is None else _INDEX.sub("[]", path)
        key = (code, path)
        if key not in self.failures or len(shown) < len(self.failures[key].shown):
            self.failures[key] = _Failure(code, message, remedy, path, shown)

    def _show(self, value: Any) -> str:
        return _short(repr(masked(value, self.hidden)))


def _same_outcome(first: list[Any], second: list[Any] | Rejected) -> bool:
    return not isinstance(second, Rejected) and same(first, second)


def _differing_leaves(value: Any, came: Any) -> list[tuple[Place, Any, Any]]:
    """Where two values differ, with a record that is on one side only taken apart into its fields."""
    found: list[tuple[Place, Any, Any]] = []
    for place, left, right in differing(value, came):
        if right is MISSING:
            found += [(inner, part, MISSING) for inner, part in leaves(left, place)]
        elif left is MISSING:
            found += [(inner, MISSING, part) for inner, part in leaves(right, place)]
        else:
            found.append((place, left, right))
    return found


def _field(path: str) -> str:
    """The field of a pattern that ends in its elements: ``tags[]`` is lost where ``tags`` is."""
    while path.endswith(("[]", "{}")):
        path = path[:-2]
    return path


def _part(value: Any) -> str:
    return "nothing" if value is MISSING else _short(repr(value), 60)


def _short(text: str, limit_chars: int = SHOWN_VALUE_CHARS) -> str:
    return text if len(text) <= limit_chars else text[: limit_chars - 3] + "..."
