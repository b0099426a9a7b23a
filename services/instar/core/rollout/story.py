"""What became of a rollout, told from its ledger: transitions with their times, approvals, what went wrong, lessons."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Protocol

from instar.core.rollout.event import Kind

_BEGINNINGS = frozenset({"apply", "switch", "rollback", "retire", "abandon"})
_STEPS = (Kind.STEP_TRIED.value, Kind.STEP_DONE.value, Kind.STEP_FAILED.value)


class Line(Protocol):
    """A line of the ledger, in the order in which they were written. ``details`` is JSON as text."""

    @property
    def at_ms(self) -> int: ...
    @property
    def actor(self) -> str: ...
    @property
    def action(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def details(self) -> str: ...


@dataclass(slots=True)
class Transition:
    """From the command to the last thing that was written of it. ``ended``: whether nothing of it is left to do."""

    name: str
    actor: str
    reason: str
    began_ms: int
    last_ms: int
    steps: list[str] = field(default_factory=list)
    waivers: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    approval: str = ""
    ended: bool = False
    undone: bool = False

    def as_dict(self) -> dict[str, Any]:
        return {
            "transition": self.name,
            "by": self.actor,
            "reason": self.reason,
            "began_ms": self.began_ms,
            "seconds": (self.last_ms - self.began_ms) / 1000,
            "outcome": "undone" if self.undone else "done" if self.ended else "in progress",
            "steps": self.steps,
            "waivers": self.waivers,
            "failures": self.failures,
            "approval": self.approval,
        }


@dataclass(slots=True)
class Story:
    """``phases`` are (when, phase) whenever it changed. ``problems`` are (when, what) in order."""

    transitions: list[Transition] = field(default_factory=list)
    phases: list[tuple[int, str]] = field(default_factory=list)
    problems: list[tuple[int, str]] = field(default_factory=list)
    lessons: list[tuple[int, str, str]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return {
            "transitions": [each.as_dict() for each in self.transitions],
            "phases": [{"at_ms": at, "phase": phase} for at, phase in self.phases],
            "problems": [{"at_ms": at, "problem": what} for at, what in self.problems],
            "lessons": [{"at_ms": at, "by": by, "lesson": text} for at, by, text in self.lessons],
        }


def tell(lines: Iterable[Line]) -> Story:
    """The story of one migration. Lines of other kinds (a verification, a note) change nothing in it."""
    story = Story()
    underway: Transition | None = None
    for line in lines:
        details = _details(line.details)
        phase = details.get("phase")
        if isinstance(phase, str) and (not story.phases or story.phases[-1][1] != phase):
            story.phases.append((line.at_ms, phase))
        name, _, step = line.action.partition(": ")
        if not step and name in _BEGINNINGS and "steps" in details:
            underway = _begun(line, details)
            story.transitions.append(underway)
        elif name == Kind.LESSON.value and not step:
            story.lessons.append((line.at_ms, line.actor, line.reason))
        elif step in _STEPS:
            underway = _continued(story, underway, name, line, step, details)
        elif step == Kind.REVERT.value and underway is not None:
            underway.last_ms = line.at_ms
            story.problems.append((line.at_ms, f"{underway.name} was taken back: {line.reason}"))
            _settle(underway, details)
        elif Kind.LIMITS_SEEN.value in (name, step):
            story.problems.append((line.at_ms, str(details.get("note", ""))))
    return story


def _begun(line: Line, details: Mapping[str, Any]) -> Transition:
    return Transition(
        line.action,
        line.actor,
        line.reason,
        line.at_ms,
        line.at_ms,
        waivers=[str(each) for each in details.get("waivers", ())],
        approval=str(details.get("approval", "")),
        ended=not details.get("underway"),
    )


def _continued(
    story: Story, underway: Transition | None, name: str, line: Line, step: str, details: Mapping[str, Any]
) -> Transition:
    """A step's line. What limits begin has no command of its own: its first step begins it here."""
    if underway is None or underway.name != name or underway.ended:
        underway = Transition(name, line.actor, line.reason, line.at_ms, line.at_ms)
        story.transitions.append(underway)
    underway.last_ms = line.at_ms
    effect = _words(details.get("effect"))
    if step == Kind.STEP_DONE.value and effect:
        underway.steps.append(f"undo {effect}" if underway.undone else effect)
    elif step == Kind.STEP_FAILED.value:
        why = f"{effect or name}: {details.get('message', '')}"
        underway.failures.append(why)
        story.problems.append((line.at_ms, f"{name}: {why}"))
    _settle(underway, details)
    return underway


def _settle(transition: Transition, details: Mapping[str, Any]) -> None:
    """What a line says of where the transition stands now."""
    transition.undone = transition.undone or bool(details.get("reverting"))
    transition.ended = not details.get("underway")


def _words(effect: object) -> str:
    if not isinstance(effect, Mapping) or "do" not in effect:
        return ""
    kind = str(effect["do"])
    said = "".join(f" {char.lower()}" if char.isupper() else char for char in kind).strip()
    subject = next(
        (str(effect[key]) for key in ("topic", "group", "direction", "subject", "action") if effect.get(key)), ""
    )
    return f"{said} {subject}".strip()


def _details(text: str) -> Mapping[str, Any]:
    found = json.loads(text) if text else {}
    return found if isinstance(found, Mapping) else {}


def seconds_in(phases: Sequence[tuple[int, str]], now_ms: int) -> dict[str, float]:
    """How long the migration was in each phase, until now."""
    found: dict[str, float] = {}
    for (began, phase), (ended, _) in pairwise([*phases, (now_ms, "")]):
        found[phase] = found.get(phase, 0.0) + (ended - began) / 1000
    return found
