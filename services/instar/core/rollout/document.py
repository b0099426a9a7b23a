"""A rollout as one versioned JSON document: what the store keeps, and what is read back after a crash."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from instar.core.rollout.effect import EFFECTS, Effect, Undo
from instar.core.rollout.phase import Phase
from instar.core.rollout.plan import GroupPlan, Plan, TopicPlan
from instar.core.rollout.state import EpochRecord, Rollout, Step, Underway, Verification

FORMAT = 1
_BY_NAME: Mapping[str, type[Effect]] = {each.__name__: each for each in EFFECTS}


class UnknownFormat(Exception):
    """A later instar wrote this rollout; this one must not move it. ``remedy`` says what to do."""

    def __init__(self, found: object) -> None:
        super().__init__(f"The rollout is stored in format {found!r}; this instar reads format {FORMAT}.")
        self.remedy = "Use the version of instar that moved it last, or a later one."


def to_document(state: Rollout) -> dict[str, Any]:
    """Plain JSON: only dicts with text keys, lists, texts, numbers, booleans and None."""
    return {
        "format": FORMAT,
        "migration": state.migration,
        "phase": state.phase.value,
        "epoch": state.epoch,
        "last_epoch": state.last_epoch,
        "authority": state.authority,
        "plan": _plan(state.plan),
        "made": [_step(step) for step in state.made],
        "verification": None if state.verification is None else _flat(state.verification),
        "lesson_due": state.lesson_due,
        "paused": state.paused,
        "moved": list(state.moved),
        "record": _record(state.record),
        "underway": _underway(state.underway),
    }


def from_document(said: Mapping[str, Any]) -> Rollout:
    """The rollout of a document. Raises ``UnknownFormat``, and KeyError where the document is damaged."""
    if said.get("format") != FORMAT:
        raise UnknownFormat(said.get("format"))
    verification, record = said["verification"], said["record"]
    return Rollout(
        migration=said["migration"],
        phase=Phase(said["phase"]),
        epoch=said["epoch"],
        last_epoch=said["last_epoch"],
        authority=said["authority"],
        plan=plan_of(said["plan"]),
        made=tuple(map(_step_of, said["made"])),
        verification=None if verification is None else Verification(**verification),
        lesson_due=said["lesson_due"],
        paused=said["paused"],
        moved=tuple(said["moved"]),
        record=None
        if record is None
        else EpochRecord(
            record["epoch"], record["authority"], _offsets(record["B"]), _offsets(record["T"]), record["at_ms"]
        ),
        underway=_underway_of(said["underway"]),
    )


def effect_document(effect: Effect) -> dict[str, Any]:
    """``{"do": "CreateTopic", ...}`` with the effect's fields."""
    found: dict[str, Any] = {"do": type(effect).__name__}
    for each in fields(effect):
        value = getattr(effect, each.name)
        if isinstance(effect, Undo) and each.name == "of":
            found[each.name] = effect_document(effect.of)
        else:
            found[each.name] = list(value) if isinstance(value, tuple) else value
    return found


def effect_of(said: Mapping[str, Any]) -> Effect:
    """The effect of a document. KeyError where this instar does not know it."""
    kind: Any = _BY_NAME[said["do"]]
    values = {
        name: effect_of(value) if name == "of" else tuple(value) if isinstance(value, list) else value
        for name, value in said.items()
        if name != "do"
    }
    effect: Effect = kind(**values)
    return effect


def plan_document(plan: Plan) -> dict[str, Any]:
    found = _flat(plan)
    found["topics"] = [{**_flat(topic), "settings": dict(topic.settings)} for topic in plan.topics]
    found["schemas"] = [list(pair) for pair in plan.schemas]
    found["groups"] = [_flat(group) for group in plan.groups]
    return found


def plan_of(said: Mapping[str, Any] | None) -> Plan | None:
    if said is None:
        return None
    return Plan(
        **{
            **said,
            "topics": tuple(TopicPlan(**topic) for topic in said["topics"]),
            "schemas": tuple((subject, version) for subject, version in said["schemas"]),
            "groups": tuple(GroupPlan(**group) for group in said["groups"]),
        }
    )


def _plan(plan: Plan | None) -> dict[str, Any] | None:
    return None if plan is None else plan_document(plan)


def _record(record: EpochRecord | None) -> dict[str, Any] | None:
    if record is None:
        return None
    return {
        "epoch": record.epoch,
        "authority": record.authority,
        "B": {str(partition): offset for partition, offset in record.left.items()},
        "T": {str(partition): offset for partition, offset in record.begun.items()},
        "at_ms": record.at_ms,
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        **effect_document(step.effect),
        "progress": step.progress,
        "before_it": dict(step.before),
        "evidence": dict(step.evidence),
        "done_at_ms": step.done_at_ms,
    }


def _step_of(said: Mapping[str, Any]) -> Step:
    own = ("progress", "before_it", "evidence", "done_at_ms")
    effect = effect_of({name: value for name, value in said.items() if name not in own})
    return Step(effect, said["progress"], said["before_it"], said["evidence"], said["done_at_ms"])


def _underway(underway: Underway | None) -> dict[str, Any] | None:
    if underway is None:
        return None
    return {
        **_flat(underway),
        "origin": underway.origin.value,
        "to": underway.to.value,
        "steps": [_step(step) for step in underway.steps],
        "waivers": list(underway.waivers),
        "plan": _plan(underway.plan),
    }


def _underway_of(said: Mapping[str, Any] | None) -> Underway | None:
    if said is None:
        return None
    return Underway(
        **{
            **said,
            "origin": Phase(said["origin"]),
            "to": Phase(said["to"]),
            "steps": tuple(map(_step_of, said["steps"])),
            "waivers": tuple(said["waivers"]),
            "plan": plan_of(said["plan"]),
        }
    )


def _offsets(said: Mapping[str, int]) -> dict[int, int]:
    return {int(partition): offset for partition, offset in said.items()}


def _flat(value: Any) -> dict[str, Any]:
    return {each.name: getattr(value, each.name) for each in fields(value)}
