"""Moving a migration's rollout: the steps first, then the move, with approvals of somebody else."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import Field

from instar.dashboard import rollouts
from instar.dashboard.api.changing import Key, once
from instar.dashboard.api.document import KAFKA, Asked, Cursor, Document, Limit, MigrationName, Page, problems
from instar.dashboard.paging import DEFAULT_LIMIT, page
from instar.dashboard.rollouts import Wish
from instar.dashboard.site import Approver, OfSite, Operator, Viewer
from instar.operations.approving import Action

router = APIRouter(prefix="/migrations/{migration}", tags=["rollouts"])

Name = Annotated[str, Field(min_length=1, max_length=300)]
Reason = Annotated[str, Field(min_length=1, max_length=2_000, description="For those who will ask later.")]
RequestId = Annotated[str, Path(max_length=64, examples=["3f2a9c01be"])]
_BEGUN: dict[int | str, dict[str, Any]] = {202: {"description": "It has begun; `Location` says how it goes on"}}


class Move(Asked):
    """A transition. Without ``execute`` only its steps are shown."""

    reason: Reason
    waive: list[Name] = Field(
        default=[], max_length=50, description="Go on although it says no: gate:NAME, limit:NAME, producer:NAME."
    )
    shown: str = Field(default="", max_length=64, description="The `digest` of the steps that you saw; empty: any.")
    execute: bool = False

    @property
    def wish(self) -> Wish:
        return Wish(self.reason, tuple(self.waive), shown=self.shown)


class Switch(Move):
    canaries: list[Name] = Field(default=[], max_length=100, description="Groups that move before authority does.")
    groups: list[Name] = Field(default=[], max_length=100, description="Groups that move after, in this order.")

    @property
    def wish(self) -> Wish:
        return Wish(self.reason, tuple(self.waive), tuple(self.canaries), tuple(self.groups), shown=self.shown)


class Final(Move):
    confirm: str = Field(default="", max_length=63, description="The migration's name again, where it is executed.")

    @property
    def wish(self) -> Wish:
        return Wish(self.reason, tuple(self.waive), confirm=self.confirm, shown=self.shown)


class Retire(Final):
    no_archive: bool = Field(default=False, description="Keep no archive; the reason says why it is not needed.")

    @property
    def wish(self) -> Wish:
        return Wish(
            self.reason,
            tuple(self.waive),
            no_archive=self.no_archive,
            confirm=self.confirm,
            shown=self.shown,
        )


class Revert(Asked):
    reason: Reason
    shown: str = Field(default="", max_length=64, description="The `digest` of the steps that you saw; empty: any.")
    execute: bool = False


class Lesson(Asked):
    cause: Reason
    fix: Reason
    lesson: Reason


class NewRequest(Asked):
    action: Action
    reason: Reason


class Answer(Asked):
    reason: Reason


@router.get("/rollout", responses=problems(*KAFKA))
def rollout(site: OfSite, caller: Viewer, migration: MigrationName) -> Document:
    """Where the rollout stands, what is in progress, and what became of the last move that this server made."""
    return Document(rollouts.standing(site, caller, migration))


@router.post("/apply", responses=problems(*KAFKA) | _BEGUN)
def apply(
    site: OfSite, caller: Operator, migration: MigrationName, asked: Move, key: Key, request: Request
) -> Document:
    """Plan it now, and make what the plan names: topics, schemas, start checkpoints."""
    return _moved(site, caller, migration, "apply", asked, key, request)


@router.post("/switch", responses=problems(*KAFKA) | _BEGUN)
def switch(
    site: OfSite, caller: Operator, migration: MigrationName, asked: Switch, key: Key, request: Request
) -> Document:
    """Give authority to the new topic, at one record, and move the consumer groups."""
    return _moved(site, caller, migration, "switch", asked, key, request)


@router.post("/rollback", responses=problems(*KAFKA) | _BEGUN)
def rollback(
    site: OfSite, caller: Operator, migration: MigrationName, asked: Move, key: Key, request: Request
) -> Document:
    """Give authority back to the old topic, at one record, and move the groups back."""
    return _moved(site, caller, migration, "rollback", asked, key, request)


@router.post("/retire", responses=problems(*KAFKA) | _BEGUN)
def retire(
    site: OfSite, caller: Operator, migration: MigrationName, asked: Retire, key: Key, request: Request
) -> Document:
    """Lock the old topic, archive it where the plan says, and delete it. It is final."""
    return _moved(site, caller, migration, "retire", asked, key, request)


@router.post("/abandon", responses=problems(*KAFKA) | _BEGUN)
def abandon(
    site: OfSite, caller: Operator, migration: MigrationName, asked: Final, key: Key, request: Request
) -> Document:
    """Give the migration up before its switch, and undo what `apply` made. It is final."""
    return _moved(site, caller, migration, "abandon", asked, key, request)


@router.post("/revert", responses=problems(*KAFKA) | _BEGUN)
def revert(
    site: OfSite, caller: Operator, migration: MigrationName, asked: Revert, key: Key, request: Request
) -> Document:
    """Undo the transition that is in progress, where it still can be undone."""
    if not asked.execute:
        return once(site, caller, key, request, asked, lambda: rollouts.revert_plan(site, caller, migration))
    return once(
        site,
        caller,
        key,
        request,
        asked,
        lambda: rollouts.revert(site, caller, migration, asked.reason, asked.shown),
        begins=_place(migration),
    )


@router.post("/lesson", responses=problems(*KAFKA))
def lesson(
    site: OfSite, caller: Operator, migration: MigrationName, asked: Lesson, key: Key, request: Request
) -> Document:
    """Record what a rollback taught. Until then apply and switch are refused."""
    return once(
        site,
        caller,
        key,
        request,
        asked,
        lambda: rollouts.lesson(site, caller, migration, asked.cause, asked.fix, asked.lesson),
    )


@router.get("/approvals", response_model=Page, responses=problems(*KAFKA))
def approvals(
    site: OfSite, caller: Viewer, migration: MigrationName, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Document:
    """What was asked for, and who answered, by id."""
    found = sorted(rollouts.requests(site, caller, migration), key=_id)
    return Document(page(found, limit, cursor, _id))


@router.post("/approvals", responses=problems(*KAFKA))
def ask(
    site: OfSite, caller: Operator, migration: MigrationName, asked: NewRequest, key: Key, request: Request
) -> Document:
    """Ask for somebody else's yes to an action under the plan as it is."""
    return once(
        site,
        caller,
        key,
        request,
        asked,
        lambda: rollouts.ask(site, caller, migration, asked.action, asked.reason),
    )


@router.post("/approvals/{approval}/approve", responses=problems(*KAFKA))
def approve(
    site: OfSite,
    caller: Approver,
    migration: MigrationName,
    approval: RequestId,
    asked: Answer,
    key: Key,
    request: Request,
) -> Document:
    """Say yes to what somebody else asked for. Nobody approves what they asked for."""
    return once(
        site,
        caller,
        key,
        request,
        asked,
        lambda: rollouts.answer(site, caller, migration, approval, "approve", asked.reason),
    )


@router.post("/approvals/{approval}/refuse", responses=problems(*KAFKA))
def refuse(
    site: OfSite,
    caller: Approver,
    migration: MigrationName,
    approval: RequestId,
    asked: Answer,
    key: Key,
    request: Request,
) -> Document:
    """Say no, also to what was approved and is not used yet."""
    return once(
        site,
        caller,
        key,
        request,
        asked,
        lambda: rollouts.answer(site, caller, migration, approval, "refuse", asked.reason),
    )


def _moved(
    site: OfSite, caller: Operator, migration: str, action: Action, asked: Move, key: str, request: Request
) -> Document:
    wish = asked.wish
    if not asked.execute:
        return once(site, caller, key, request, asked, lambda: rollouts.plan(site, caller, migration, action, wish))
    return once(
        site,
        caller,
        key,
        request,
        asked,
        lambda: rollouts.begin(site, caller, migration, action, wish),
        begins=_place(migration),
    )


def _place(migration: str) -> str:
    return f"/v1/migrations/{migration}/rollout"


def _id(request: dict[str, object]) -> str:
    return str(request["id"])
