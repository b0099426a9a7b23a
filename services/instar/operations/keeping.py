"""What stands before a transition, asked when it is needed: gates, the rehearsal that an environment wants, limits."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from instar.clock import now_ms
from instar.core.rollout.event import GateVerdict, LimitVerdict
from instar.core.rollout.limits import Limit, Sample, baseline_per_s, judge
from instar.kafka.cluster import Cluster
from instar.kafka.errors import TopicMissing
from instar.project.project import Project
from instar.rollout.look import Look, look, sample
from instar.state.opening import State

Gates = Callable[[str], tuple[GateVerdict, ...]]
"""The verdicts of the configured gates before an action."""

_KEEP_MS = 2 * 86_400_000  # twice the longest window


@dataclass(slots=True)
class Keeper:
    """A ``GateKeeper`` of one migration."""

    project: Project
    name: str
    cluster: Cluster
    state: State
    configured: Gates

    def gates(self, action: str) -> tuple[GateVerdict, ...]:
        found = self.configured(action)
        return (*found, self._rehearsal()) if action == "apply" and self._wants_rehearsal else found

    def limits(self) -> tuple[LimitVerdict, ...]:
        """Over the samples that were kept; a look at the cluster is not taken here (``watch``)."""
        settings = self.project.settings.migrations[self.name].limits
        configured = settings.to_judge()
        if not configured:
            return ()  # most have none, and two days of samples are many
        at_ms = now_ms()
        known = [each for each in self.state.samples.since(self.name, at_ms - _KEEP_MS) if each.read is not None]
        measured = _baseline(configured, known, at_ms)
        return tuple(judge(each, known, at_ms) for each in settings.to_judge(measured))

    def watch(self) -> Look:
        """Look at the up bridge, which is returned, and at the one back once it has begun: what producers write after a
        switch goes through that one. Both are kept as one sample. Raises ``KafkaTrouble``; ``TopicMissing`` where the
        new topic is gone: lag and counts are the old one's, and would look as if all were well."""
        migration = self.project.settings.migrations[self.name]
        if self.cluster.find(migration.target.topic) is None:
            raise TopicMissing(
                f"Topic {migration.target.topic}, which {self.name} carries into, does not exist any more.",
                f"Find out who deleted it, and stop the workers; before a switch, `instar abandon {self.name}`.",
            )
        seen = look(self.cluster, self.name, "up", migration.source.topic)
        both = [(seen, migration.source.topic)]
        if migration.reverse is not None:
            back = look(self.cluster, self.name, "down", migration.target.topic)
            if back.points:
                both.append((back, migration.target.topic))
        at_ms = now_ms()
        taken = sample(self.cluster, both, at_ms, self._mismatches(at_ms))
        self.state.samples.keep(self.name, taken)
        self.state.samples.prune(self.name, at_ms - _KEEP_MS)
        return seen

    @property
    def _wants_rehearsal(self) -> bool:
        return self.project.environment.require_rehearsal is not None

    def _rehearsal(self) -> GateVerdict:
        at_most_s = self.project.environment.require_rehearsal or 0
        found = self.state.rehearsals.newest(self.name, self.project.fingerprint(self.name))
        if found is None:
            evidence = f"this plan was never rehearsed: `instar rehearse {self.name}`"
            return GateVerdict("rehearsal", "not-applied", evidence)
        age_s = (now_ms() - found.at_ms) // 1000
        if not found.passed:
            return GateVerdict("rehearsal", "dirty", f"the rehearsal of {age_s} s ago failed")
        if age_s > at_most_s:
            return GateVerdict(
                "rehearsal", "not-applied", f"the rehearsal is {age_s} s old, at most {at_most_s} s count"
            )
        return GateVerdict("rehearsal", "applied", f"rehearsed {age_s} s ago")

    def _mismatches(self, at_ms: int) -> int | None:
        """What `verify --follow` has counted last, while it runs: it says so every few seconds."""
        limit = self.project.settings.migrations[self.name].limits.mismatches
        if limit is None:
            return None
        said = [each for each in self.state.samples.since(self.name, at_ms - limit.window * 1000) if each.read is None]
        return said[-1].mismatches if said else None


def follow_sample(mismatches: int) -> Sample:
    """What a following verification keeps: how many mismatches it has counted, and nothing else."""
    return replace(Sample(now_ms()), mismatches=mismatches)


def _baseline(limits: Sequence[Limit], samples: Sequence[Sample], at_ms: int) -> float:
    window_s = next((each.window_s for each in limits if each.measure == "throughput"), 0)
    return baseline_per_s(samples, at_ms - window_s * 1000) if window_s else 0.0
