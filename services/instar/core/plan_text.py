"""A migration's plan: what would be made or changed, what it risks, what stands against it, and the way back.

Plain data and its two forms, for people and for programs. What it is made of is found by the caller.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from instar.core.upcasting.hop import BoundHop

Risk = Literal["additive", "transforming", "destructive"]
Sign = Literal["+", "~", "="]

_VERBS: dict[Sign, str] = {"+": "create", "~": "change", "=": "keep"}
_ADDITIVE = {"Add", "AllowNull", "AllowAbsent"}


@dataclass(frozen=True, slots=True)
class Change:
    """One thing on the cluster or in a registry. ``=`` is there already and stays as it is."""

    sign: Sign
    kind: Literal["topic", "schema", "group"]
    name: str
    details: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {"action": _VERBS[self.sign], "kind": self.kind, "name": self.name, "details": list(self.details)}


@dataclass(frozen=True, slots=True)
class HopRisk:
    """What a hop does to records and what of them it loses on either way."""

    subject: str
    name: str
    risk: Risk
    lines: tuple[str, ...]
    lost_up: tuple[str, ...]
    lost_down: tuple[str, ...]
    one_way: bool

    @classmethod
    def of(cls, bound: BoundHop) -> "HopRisk":
        """destructive: something of the old record is gone. additive: it only has more room or more fields."""
        changes = bound.hop.changes
        if bound.lost_up:
            risk: Risk = "destructive"
        elif changes is not None and all(type(change).__name__ in _ADDITIVE for change in changes):
            risk = "additive"
        else:
            risk = "transforming"
        return cls(
            bound.subject,
            bound.hop.name,
            risk,
            tuple(bound.summary_lines),
            tuple(bound.lost_up),
            tuple(bound.lost_down),
            bound.one_way,
        )

    def as_dict(self) -> dict[str, Any]:
        return {
            "subject": self.subject,
            "hop": self.name,
            "risk": self.risk,
            "lost_up": list(self.lost_up),
            "lost_down": list(self.lost_down),
            "one_way": self.one_way,
        }


@dataclass(frozen=True, slots=True)
class ExecutorLine:
    """What runs the program from one version to another, and why it is not the fast one."""

    subject: str
    from_version: str
    to_version: str
    executor: Literal["spans", "reference"]
    why: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {
            "subject": self.subject,
            "from_version": self.from_version,
            "to_version": self.to_version,
            "executor": self.executor,
            "why": self.why,
        }

    def text(self) -> str:
        why = f", because {self.why}" if self.why else ""
        return f"{self.subject} {self.from_version} → {self.to_version}: {self.executor}{why}"


@dataclass(frozen=True, slots=True)
class Trap:
    """Something that would go wrong. ``refused``: the plan cannot be carried out before it is mended."""

    refused: bool
    message: str
    remedy: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {"refused": self.refused, "message": self.message, "remedy": self.remedy}


@dataclass(frozen=True, slots=True)
class ReaderLine:
    """A consumer group that has a position on the source topic, which is to be moved one day."""

    group: str
    lag_records: int
    members: int | None

    def as_dict(self) -> dict[str, Any]:
        return {"group": self.group, "lag_records": self.lag_records, "members": self.members}


@dataclass(slots=True)
class Plan:
    migration: str
    fingerprint: str
    route: str
    changes: list[Change] = field(default_factory=list)
    hops: list[HopRisk] = field(default_factory=list)
    executors: list[ExecutorLine] = field(default_factory=list)
    traps: list[Trap] = field(default_factory=list)
    readers: list[ReaderLine] = field(default_factory=list)
    estimates: list[str] = field(default_factory=list)
    permissions: list[str] = field(default_factory=list)
    way_back: list[str] = field(default_factory=list)

    @property
    def pending(self) -> list[Change]:
        return [change for change in self.changes if change.sign != "="]

    @property
    def refused(self) -> bool:
        return any(trap.refused for trap in self.traps)

    @property
    def risk(self) -> Risk:
        """The worst of its hops'."""
        order: tuple[Risk, ...] = ("destructive", "transforming", "additive")
        return next((risk for risk in order if any(hop.risk == risk for hop in self.hops)), "additive")

    def as_dict(self) -> dict[str, Any]:
        return {
            "format": 1,
            "migration": self.migration,
            "fingerprint": self.fingerprint,
            "risk": self.risk,
            "refused": self.refused,
            "pending": len(self.pending),
            "changes": [change.as_dict() for change in self.changes],
            "hops": [hop.as_dict() for hop in self.hops],
            "executors": [line.as_dict() for line in self.executors],
            "traps": [trap.as_dict() for trap in self.traps],
            "readers": [reader.as_dict() for reader in self.readers],
            "estimates": self.estimates,
            "permissions": self.permissions,
            "way_back": self.way_back,
        }

    def text(self) -> str:
        lines = [f"{self.migration}: {self.route}", f"plan {self.fingerprint[:16]}, risk: {self.risk}", ""]
        for change in self.changes:
            lines.append(f"  {change.sign} {change.kind} {change.name}")
            lines += [f"      {detail}" for detail in change.details]
        lines += self._hops()
        lines += self._section("executors", [line.text() for line in self.executors])
        lines += self._section("what stands against it", [line for trap in self.traps for line in _trap_lines(trap)])
        lines += self._section("readers of the old topic", [_reader_line(reader) for reader in self.readers])
        lines += self._section("estimates, from a sample", self.estimates)
        lines += self._section("permissions", self.permissions)
        lines += self._section("the way back", self.way_back)
        return "\n".join([*lines, "", self._verdict()])

    def _hops(self) -> list[str]:
        lines: list[str] = []
        for hop in self.hops:
            one_way = ", one-way" if hop.one_way else ""
            lines.append(f"{hop.subject} {hop.name}: {hop.risk}{one_way}")
            lines += [f"    {line}" for line in hop.lines]
            lines += [f"    lost on the way up: {', '.join(hop.lost_up)}"] if hop.lost_up else []
            lines += [f"    lost on the way back: {', '.join(hop.lost_down)}"] if hop.lost_down else []
        return self._section("hops", lines)

    def _section(self, title: str, lines: list[str]) -> list[str]:
        return ["", title, *(f"  {line}" for line in lines)] if lines else []

    def _verdict(self) -> str:
        if self.refused:
            count = sum(trap.refused for trap in self.traps)
            return f"Refused: {count} thing{'s' if count > 1 else ''} must be mended first."
        made = sum(change.sign == "+" for change in self.changes)
        changed = sum(change.sign == "~" for change in self.changes)
        if not made and not changed:
            return "Nothing to do: everything that the migration needs is there."
        return f"Plan: {made} to create, {changed} to change. Nothing has been done."


def _trap_lines(trap: Trap) -> list[str]:
    lines = [f"{'refused' if trap.refused else 'careful':<8} {trap.message}"]
    return [*lines, f"         → {trap.remedy}"] if trap.remedy else lines


def _reader_line(reader: ReaderLine) -> str:
    members = "members unknown" if reader.members is None else f"{reader.members} members"
    return f"{reader.group}: {members}, {reader.lag_records:,} behind"
