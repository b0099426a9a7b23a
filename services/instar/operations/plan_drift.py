"""Whether a bridge may go on under the plan that is meant now: the rollout's plan, and that of the checkpoints."""

from collections.abc import Collection

import structlog

from instar.backfill.control import Control
from instar.core import checkpoint
from instar.core.checkpoint import Checkpoint
from instar.core.control import FINGERPRINT_CHARS
from instar.core.parts import Parts, differences
from instar.core.provenance import Direction
from instar.core.rollout.phase import FINAL
from instar.kafka.cluster import Cluster
from instar.kafka.errors import Refused
from instar.operations.failure import Failure
from instar.operations.stating import known_rollout
from instar.processor.plan import BridgePlan
from instar.project.project import Project
from instar.state.errors import StateTrouble

log = structlog.get_logger(__name__)


def check_plan(cluster: Cluster, parts: Parts, plan: BridgePlan, *, accept: bool) -> None:
    """Refuse to go on under another plan than the one that the checkpoints were written under, saying what changed."""
    now = plan.fingerprint[:FINGERPRINT_CHARS]
    others = sorted({point.fingerprint for point in points_of(cluster, plan).values()} - {now, ""})
    if not others or accept:
        return
    plans = Control(cluster).orders(plan.migration, plan.direction).plans
    changes: list[str] = []
    for one in others:
        changes += differences(plans[one], parts) if one in plans else [f"what plan {one} was made from is not known"]
    raise Refused(
        f"{plan.migration} {plan.direction} was begun under another plan ({', '.join(others)}, now {now}): "
        f"{'; '.join(dict.fromkeys(changes)) or 'nothing that the records can show'}. Records before and after the "
        "checkpoint would be made by different rules.",
        "Take the change back, or start with --accept-fingerprint to go on with it from here.",
    )


def check_rollout(project: Project, name: str, cluster: Cluster, directions: Collection[Direction]) -> bool:
    """Refuse to carry records under a plan that the migration's rollout has not applied: nobody has approved it. The
    way back alone is only warned of: drift must not keep a rollback from its bridge.

    True where it has applied this very plan; False without a rollout, which has no plan to keep to. Raises ``Refused``.
    A state store that is away, or that this machine is not given, is told and holds nobody up.
    """
    try:
        applied = applied_plans(project, name)
    except (StateTrouble, Failure) as trouble:
        log.warning("whether the plan is the applied one is not known", migration=name, why=str(trouble))
        return False
    now = project.fingerprint(name)
    if not applied or now in applied:
        return bool(applied)
    short = applied[0][:FINGERPRINT_CHARS]
    known = Control(cluster).orders(name, "up").plans.get(short)
    changed = f": {'; '.join(differences(known, project.parts(name)))}" if known is not None else ""
    message = f"{name} was applied under plan {short}, and the project is {now[:FINGERPRINT_CHARS]} now{changed}."
    if "up" not in directions:
        log.warning("the way back is carried under another plan", migration=name, why=message)
        return False
    raise Refused(
        f"{message} Nobody has approved what it would make of the records.",
        f"Plan and apply it, `instar plan {name}` and `instar apply {name} --execute`, or take the change back.",
    )


def applied_plans(project: Project, name: str) -> list[str]:
    """The fingerprints under which records may be carried: of the plan in force, and of one that is being applied.
    Empty where no rollout is on its way. Raises ``StateTrouble``."""
    rollout = known_rollout(project, name)
    if rollout is None or rollout.phase in FINAL:
        return []
    plans = [rollout.plan, None if rollout.underway is None else rollout.underway.plan]
    return [each.fingerprint for each in plans if each is not None]


def points_of(cluster: Cluster, plan: BridgePlan) -> dict[int, Checkpoint]:
    committed = cluster.committed(plan.group, plan.source.name, plan.partitions)
    return {partition: checkpoint.parse(offset, metadata) for partition, (offset, metadata) in committed.items()}
