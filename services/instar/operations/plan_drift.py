"""Whether the checkpoints of a bridge were written under the plan that is meant now."""

from instar.backfill.control import Control
from instar.core import checkpoint
from instar.core.checkpoint import Checkpoint
from instar.core.control import FINGERPRINT_CHARS
from instar.core.parts import Parts, differences
from instar.kafka.cluster import Cluster
from instar.kafka.errors import Refused
from instar.processor.plan import BridgePlan


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


def points_of(cluster: Cluster, plan: BridgePlan) -> dict[int, Checkpoint]:
    committed = cluster.committed(plan.group, plan.source.name, plan.partitions)
    return {partition: checkpoint.parse(offset, metadata) for partition, (offset, metadata) in committed.items()}
