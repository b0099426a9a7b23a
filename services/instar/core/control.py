"""What operators ask of a migration while it runs: the entries of the control topic, and what they add up to.

The topic is compacted and has one partition. Each thing that can be asked has a key of its own, so that two people who
ask for different things at the same moment do not undo each other's:

    orders-v3/up/pause             {"format": 1, "by": "ada", "at_ms": 1750000000000, "why": "the disk is full"}
    orders-v3/up/rate              {"format": 1, "by": "ada", "at_ms": ..., "records_per_s": 5000.0}
    orders-v3/up/named/3           partition 3 is read outside the group, under a transactional id of its own
    orders-v3/up/plan/<16 hex>     what the plan of that fingerprint was made from

A null value takes the entry back. Keys of other shapes belong to others and are left alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import orjson

from instar.core.parts import Parts
from instar.core.throttle import Rate

TOPIC = "instar.control"
FORMAT = 1
PAUSE, RATE, NAMED, PLAN = "pause", "rate", "named", "plan"
FINGERPRINT_CHARS = 16


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asked, when by their clock, and why."""

    by: str
    at_ms: int
    why: str = ""

    def __str__(self) -> str:
        return f"by {self.by}{f': {self.why}' if self.why else ''}"


@dataclass(frozen=True, slots=True)
class Orders:
    """What stands for one migration and direction. ``plans`` is keyed by the first 16 characters of a fingerprint."""

    pause: Asked | None = None
    rate: tuple[Rate, Asked] | None = None
    named: frozenset[int] = frozenset()
    plans: Mapping[str, Parts] = field(default_factory=dict)

    @classmethod
    def of(cls, migration: str, direction: str, entries: Mapping[str, bytes]) -> Self:
        """From the topic's entries by key. An entry that cannot be read, of a later format, says nothing."""
        prefix = f"{migration}/{direction}/"
        pause: Asked | None = None
        rate: tuple[Rate, Asked] | None = None
        named: set[int] = set()
        plans: dict[str, Parts] = {}
        for key, value in entries.items():
            if not key.startswith(prefix):
                continue
            said = _read(value)
            if said is None:
                continue
            what, _, rest = key.removeprefix(prefix).partition("/")
            asked = Asked(str(said.get("by", "")), int(said.get("at_ms", 0)), str(said.get("why", "")))
            if what == PAUSE:
                pause = asked
            elif what == RATE:
                rate = Rate.from_dict(said), asked
            elif what == NAMED and rest.isdigit():
                named.add(int(rest))
            elif what == PLAN:
                plans[rest] = Parts.from_dict(said)
        return cls(pause, rate, frozenset(named), plans)

    def rate_for(self, own: Rate, started_ms: int) -> Rate:
        """The rate of a run that was started with one of its own: the newest word counts."""
        if self.rate is None or (own.limits and self.rate[1].at_ms <= started_ms):
            return own
        return self.rate[0]


def key(migration: str, direction: str, *what: str) -> str:
    return "/".join((migration, direction, *what))


def entry(asked: Asked | None, /, **more: Any) -> bytes:
    """A value for the topic."""
    by = {} if asked is None else {"by": asked.by, "at_ms": asked.at_ms, "why": asked.why}
    return orjson.dumps({"format": FORMAT, **by, **more})


def named_instance(partition: int) -> str:
    """The instance name of the worker that reads one partition outside the group: no other one ends like this."""
    return f"@{partition}"


def _read(value: bytes) -> dict[str, Any] | None:
    try:
        said = orjson.loads(value)
    except orjson.JSONDecodeError:
        return None
    return said if isinstance(said, dict) and said.get("format") == FORMAT else None
