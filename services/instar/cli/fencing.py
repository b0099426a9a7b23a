"""How a write fence is asked for: ``--fence acl``, or ``--fence acknowledged --fence-reason TEXT``."""

from enum import StrEnum
from typing import Annotated

import typer

from instar.cli.exits import USAGE, fail
from instar.cli.steering import asked_by
from instar.core.fence import Fence


class FenceKind(StrEnum):
    ACL = "acl"
    ACKNOWLEDGED = "acknowledged"


FenceOption = Annotated[
    FenceKind | None,
    typer.Option("--fence", help="In place only: what keeps others from writing. acl: the cluster's access rules."),
]
FenceReasonOption = Annotated[
    str, typer.Option("--fence-reason", metavar="TEXT", help="With acknowledged: how it is known. Kept.")
]


def fence_of(kind: FenceKind | None, reason: str) -> Fence | None:
    if kind is FenceKind.ACL:
        return Fence("acl")
    if kind is None:
        if reason:
            fail("--fence-reason is for --fence acknowledged.", exit_code=USAGE)
        return None
    if not reason.strip():
        fail("--fence acknowledged needs a reason.", "Add --fence-reason: who has stopped which producers?", USAGE)
    return Fence("acknowledged", reason.strip(), asked_by().by)
