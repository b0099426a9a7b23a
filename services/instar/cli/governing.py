"""Wiring: a worker's plan and a run's wishes make its governor, in the worker's own process."""

from instar.backfill.governing import Governed, Steering, Wish
from instar.processor.governor import Governor
from instar.processor.plan import BridgePlan


def govern(wish: Wish, plan: BridgePlan) -> Governor:
    """A governor that follows the control topic and keeps to the limits of ``wish``."""
    run = Governed(
        plan.migration,
        plan.direction,
        plan.group,
        plan.source,
        (plan.target, plan.dead_letters),
        plan.kafka,
        named=plan.assigned is not None,
    )
    return Steering(run, wish)
