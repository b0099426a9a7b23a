"""How a migration is rolled out: which consumer groups move in which order, and how long things count."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from instar.core.rollout.plan import GroupPlan
from instar.project.model import Strict, duration_s, wrong

Duration = Annotated[int, BeforeValidator(duration_s)]  # written "10m", held in seconds


class Group(Strict):
    """A consumer group and how long to watch after it moved, before the next one does.

    A canary moves before authority does: it reads the new topic while producers still write the old one.
    """

    group: str = Field(min_length=1, max_length=255)
    canary: bool = False
    hold: Duration = 0


def _in_order(groups: Sequence[Group]) -> Sequence[Group]:
    names: set[str] = set()
    others: list[str] = []
    for each in groups:
        if each.group in names:
            raise wrong(f"the group {each.group} stands twice, and it moves once", "name it once")
        names.add(each.group)
        if each.group.startswith("instar."):
            raise wrong(
                f"{each.group} is a group of instar's own", "name the groups of the programs that read the topic"
            )
        if not each.canary:
            others.append(each.group)
        elif others:
            raise wrong(
                f"the canary {each.group} stands after {others[0]}, and canaries move first",
                "write the canaries before the other groups",
            )
    return groups


class Rollout(Strict):
    """``archive``: the folder into which ``retire`` exports the old topic, from the project root."""

    groups: Annotated[tuple[Group, ...], Field(strict=False), AfterValidator(_in_order)] = ()
    caught_up_lag: int = Field(default=100, ge=0)  # records, in the partition that is furthest behind
    verification_valid: Duration = 24 * 3600  # how long a verification counts
    approval_valid: Duration = 7 * 24 * 3600  # how long an approval can be used
    archive: str | None = Field(default=None, min_length=1)
    barrier: Duration = 120  # how long producers may be stopped before the switch is reverted

    def plan_groups(self) -> tuple[GroupPlan, ...]:
        """The groups as a plan has them, in the order in which they move."""
        return tuple(GroupPlan(each.group, each.hold, each.canary) for each in self.groups)
