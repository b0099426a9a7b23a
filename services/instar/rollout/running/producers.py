"""``AwaitProducers``: nobody writes the topic any more that is about to lose authority.

Managed producers say that they are there, and acknowledge. Of the others a cluster with access rules knows who may
write; they lose the permission. A cluster without them knows nobody: confluent-kafka (2.16) has no DescribeProducers
(KIP-664), which would say who has written a partition lately. There the topic itself is watched for a while once all
managed producers have stopped. Native records that come all the same have an unmanaged writer, whom nobody can stop but
people; one who is merely quiet for that while is not found, and the evidence says how long was watched. A straggler is
not lost: the bridge runs on and carries it (design section 10).
"""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from instar.core import provenance
from instar.core.rollout import effect as do
from instar.core.rollout.control_messages import ACK, PRODUCER, ROLLOUT, Said
from instar.core.rollout.effect import Effect
from instar.kafka.cluster import Cluster
from instar.kafka.scan import scan
from instar.rollout.ports import Context, Outcome
from instar.rollout.running.control import RolloutControl
from instar.rollout.running.reversible import Reversible

GRACE_S = 30.0  # how long managed producers may take to finish before they are silent
QUIET_S = 3.0  # how long a topic must stay without native records where nobody knows who may write
UNMANAGED = "unmanaged"
"""The name that waives all producers who are not managed: ``producer:unmanaged``."""
_NAMES_TOLD = 10


class Permissions(Protocol):
    """Who may write a topic by the cluster's rules (``running/permissions.py``). Each may raise ``KafkaTrouble``."""

    def known(self, topic: str) -> bool:
        """Do rules decide who may write it? Not where the cluster has no authorizer, or none about this topic."""
        ...

    def writers(self, topic: str) -> Collection[str] | None:
        """The principals that a rule lets write it, our own left out; super users need no rule. None: all may."""
        ...

    def picture(self, topic: str) -> Mapping[str, Any]:
        """``{"withdrawn": [principal, ...]}``: who has lost the permission by us, for ``restore``. Changes nothing."""
        ...

    def withdraw(self, topic: str, principals: Collection[str]) -> object:
        """These may write it no more, at once and however they were allowed to. Done twice it is done."""
        ...

    def restore(self, topic: str, picture: Mapping[str, Any]) -> None:
        """As the picture says."""
        ...


@dataclass(slots=True)
class _Watch:
    """One barrier as this process sees it: since when it waits, and since when and from where it watches the topic."""

    since_s: float
    quiet_since_s: float | None = None
    ends: Mapping[int, int] | None = None


class AwaitProducersHandler(Reversible):
    """The picture is that of the topic's permissions. ``monotonic_s`` is replaced by tests."""

    def __init__(
        self,
        cluster: Cluster,
        control: RolloutControl,
        permissions: Permissions,
        *,
        grace_s: float = GRACE_S,
        quiet_s: float = QUIET_S,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cluster = cluster
        self._control = control
        self._permissions = permissions
        self._grace_s = grace_s
        self._quiet_s = quiet_s
        self._now_s = monotonic_s
        self._watches: dict[tuple[str, int], _Watch] = {}

    def before(self, effect: Effect, context: Context) -> Mapping[str, Any]:  # noqa: ARG002
        return dict(self._permissions.picture(_effect(effect).topic))

    def run(self, effect: Effect, context: Context) -> Outcome:
        """Waiting while somebody managed still may answer; then as the class's module says."""
        asked = _effect(effect)
        said = self._control.take(context).said
        watch = self._watches.setdefault((context.migration, asked.epoch), _Watch(self._now_s()))
        silent = [name for name in _silent(context.migration, said, asked.epoch) if name not in asked.waived]
        if silent and self._now_s() - watch.since_s < self._grace_s:
            return Outcome(
                "waiting",
                {"silent": silent},
                f"{len(silent)} of {len(said.producers)} managed producers of {asked.topic} have not yet acknowledged "
                f"epoch {asked.epoch}: {_listed(silent)}",
            )
        evidence = {
            "acknowledged": [name for name in sorted(said.producers) if name not in said.silent(asked.epoch)],
            "silent": silent,
            "waived": sorted(asked.waived),
        }
        if self._permissions.known(asked.topic):
            return self._by_rules(asked, said, silent, evidence)
        return self._without_rules(asked, context.migration, silent, watch, evidence)

    def revert(self, effect: Effect, context: Context) -> Outcome:
        asked = _effect(effect)
        self._watches.pop((context.migration, asked.epoch), None)
        self._permissions.restore(asked.topic, context.before)
        return Outcome("done")

    def _by_rules(
        self, asked: do.AwaitProducers, said: Said, silent: list[str], evidence: Mapping[str, Any]
    ) -> Outcome:
        """Everybody may write no more but who has acknowledged, or is waived, and says which principal that is."""
        writers = set(self._permissions.writers(asked.topic) or ())
        stopped = set(self._permissions.picture(asked.topic)["withdrawn"])  # by an earlier run of this
        principals = {name: said.producers[name].principal if name in said.producers else "" for name in silent}
        unstoppable = [name for name, principal in principals.items() if principal not in writers | stopped]
        if unstoppable:
            return Outcome(
                "failed",
                {"silent": silent},
                f"managed producers of {asked.topic} do not acknowledge epoch {asked.epoch}, and no rule that could be "
                "taken back lets them write, because the principal is not known, a super user, or instar's own: "
                + _listed([f"{name} ({principals[name] or 'unknown'})" for name in unstoppable]),
                _remedy(unstoppable),
            )
        if UNMANAGED in asked.waived:
            withdrawn = writers.intersection(principals.values())
        else:
            others = {producer.principal for name, producer in said.producers.items() if name not in silent}
            # A principal may be waived by its own name, as a producer is.
            withdrawn = writers - (others - set(principals.values())) - set(asked.waived)
        if withdrawn:
            self._permissions.withdraw(asked.topic, sorted(withdrawn))
        return Outcome("done", {**evidence, "known_by_rules": True, "withdrawn": sorted(withdrawn)})

    def _without_rules(
        self, asked: do.AwaitProducers, migration: str, silent: list[str], watch: _Watch, evidence: Mapping[str, Any]
    ) -> Outcome:
        if silent:
            return Outcome(
                "failed",
                {"silent": silent},
                f"managed producers of {asked.topic} do not acknowledge epoch {asked.epoch}, and no access "
                f"rules say who may write it, so they cannot be stopped: {_listed(silent)}",
                _remedy(silent),
            )
        if UNMANAGED in asked.waived:
            return Outcome("done", {**evidence, "known_by_rules": False})
        ends = self._cluster.end_offsets(asked.topic, range(self._cluster.topic(asked.topic).partitions))
        if watch.ends is None or watch.quiet_since_s is None:
            watch.ends, watch.quiet_since_s = ends, self._now_s()
        native = self._native(migration, asked.topic, watch.ends, ends)
        if native:
            told = ", ".join(f"{count:,} in partition {partition}" for partition, count in sorted(native.items()))
            return Outcome(
                "failed",
                {"unmanaged_records": {str(partition): count for partition, count in native.items()}},
                f"somebody unmanaged writes {asked.topic}: after every managed producer had stopped came {told}. No "
                "access rules say who may write it, so it can be neither named nor stopped from here",
                f"Stop its programs, or waive producer:{UNMANAGED}: what they still write is carried by the bridge, "
                "later than it was written.",
            )
        watched_s = self._now_s() - watch.quiet_since_s
        if watched_s < self._quiet_s:
            return Outcome(
                "waiting",
                message=f"watching whether somebody unmanaged writes {asked.topic} (no access rules say who may)",
            )
        return Outcome("done", {**evidence, "known_by_rules": False, "watched_s": round(watched_s, 1)})

    def _native(self, migration: str, topic: str, starts: Mapping[int, int], ends: Mapping[int, int]) -> dict[int, int]:
        """Records that no bridge of the migration wrote, by partition; those of open transactions count."""
        moved = {partition: start for partition, start in starts.items() if start < ends[partition]}
        native: dict[int, int] = {}
        for record in scan(self._cluster.kafka, topic, moved, ends, committed=False):
            found = provenance.of(record.headers, record.key, record.value)
            if found is None or found.migration != migration:
                native[record.partition] = native.get(record.partition, 0) + 1
        return native


def _silent(migration: str, said: Said, epoch: int) -> list[str]:
    """Managed producers without an acknowledgement of this very epoch; one that cannot be read counts as none."""
    prefixes = tuple(f"{migration}/{ROLLOUT}/{what}/" for what in (PRODUCER, ACK))
    damaged = {key.split("/", 3)[3] for key in said.unreadable if key.startswith(prefixes)}
    return sorted(damaged.union(said.silent(epoch)))


def _remedy(names: Collection[str]) -> str:
    waived = ", ".join(f"producer:{name}" for name in sorted(names)[:_NAMES_TOLD])
    return f"Are they alive and do they reach the control topic? Stop them for good, or waive them by name: {waived}."


def _listed(names: Collection[str]) -> str:
    named = ", ".join(sorted(names)[:_NAMES_TOLD])
    return named if len(names) <= _NAMES_TOLD else f"{named} and {len(names) - _NAMES_TOLD} more"


def _effect(effect: Effect) -> do.AwaitProducers:
    assert isinstance(effect, do.AwaitProducers)  # noqa: S101 - the runner dispatches by type
    return effect
