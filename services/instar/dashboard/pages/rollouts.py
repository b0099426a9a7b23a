"""Moving a rollout, with every step shown before it is taken, and approvals."""

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from instar.dashboard import rollouts
from instar.dashboard.callers import check_csrf
from instar.dashboard.pages.rendering import render
from instar.dashboard.problems import Problem, not_found
from instar.dashboard.rollouts import FINAL, Wish
from instar.dashboard.site import Approver, OfSite, Operator, Site
from instar.operations.approving import Action
from instar.operations.scope import migration_of

router = APIRouter(prefix="/migrations/{migration}")

Verb = Literal["apply", "switch", "rollback", "retire", "abandon", "revert"]
Text = Annotated[str, Form(max_length=2_000)]
SHOWN_AT_ONCE_S = 2.0  # what ends within this is told on the page that follows


@router.get("/rollout/lesson")
def ask_lesson(request: Request, site: OfSite, caller: Operator, migration: str) -> Response:
    migration_of(site.project, migration)
    return render(request, "lesson.html", caller, migration=migration)


@router.post("/rollout/lesson")
def lesson(
    site: OfSite,
    caller: Operator,
    migration: str,
    csrf: Text = "",
    cause: Text = "",
    fix: Text = "",
    learnt: Text = "",
) -> Response:
    check_csrf(caller, csrf)
    rollouts.lesson(site, caller, migration, cause, fix, learnt)
    return _back(site, migration)


@router.get("/rollout/{verb}")
def ask(
    request: Request,
    site: OfSite,
    caller: Operator,
    migration: str,
    verb: Verb,
    canaries: str = "",
    groups: str = "",
    waive: str = "",
    no_archive: str = "",
) -> Response:
    """The steps, or why it would be refused."""
    chosen = {"canaries": canaries, "groups": groups, "waive": waive, "no_archive": no_archive}
    try:
        plan = (
            rollouts.revert_plan(site, caller, migration)
            if verb == "revert"
            else rollouts.plan(site, caller, migration, verb, _wish(chosen, rollouts.NOT_SAID))
        )
        refusal = None
    except Problem as problem:
        if problem.status != 409:
            raise
        plan, refusal = None, problem
    return render(
        request,
        "move.html",
        caller,
        migration=migration,
        verb=verb,
        chosen=chosen,
        plan=plan,
        refusal=refusal,
        is_final=verb in FINAL,
    )


@router.post("/rollout/{verb}")
def do(
    site: OfSite,
    caller: Operator,
    migration: str,
    verb: Verb,
    csrf: Text = "",
    reason: Text = "",
    shown: Text = "",
    confirm: Text = "",
    canaries: Text = "",
    groups: Text = "",
    waive: Text = "",
    no_archive: Text = "",
) -> Response:
    check_csrf(caller, csrf)
    if verb == "revert":
        rollouts.revert(site, caller, migration, reason, shown)
    else:
        chosen = {"canaries": canaries, "groups": groups, "waive": waive, "no_archive": no_archive}
        rollouts.begin(site, caller, migration, verb, _wish(chosen, reason, confirm, shown))
    site.moves.wait(migration, SHOWN_AT_ONCE_S)
    return RedirectResponse(f"/migrations/{migration}", 303)


@router.post("/approvals")
def ask_approval(
    site: OfSite,
    caller: Operator,
    migration: str,
    action: Annotated[Action, Form()],
    csrf: Text = "",
    reason: Text = "",
) -> Response:
    check_csrf(caller, csrf)
    rollouts.ask(site, caller, migration, action, reason)
    return _back(site, migration)


@router.get("/approvals/{approval}")
def look_at_approval(request: Request, site: OfSite, caller: Approver, migration: str, approval: str) -> Response:
    found = next((each for each in rollouts.requests(site, caller, migration) if each["id"] == approval), None)
    if found is None:
        raise not_found(f"{migration} has no request {approval!r}.")
    return render(request, "approval.html", caller, migration=migration, asked=found)


@router.post("/approvals/{approval}")
def answer(
    site: OfSite,
    caller: Approver,
    migration: str,
    approval: str,
    given: Annotated[Literal["approve", "refuse"], Form()],
    csrf: Text = "",
    reason: Text = "",
) -> Response:
    check_csrf(caller, csrf)
    rollouts.answer(site, caller, migration, approval, given, reason)
    return _back(site, migration)


def _back(site: Site, migration: str) -> Response:
    site.watcher.look(thoroughly=True)
    return RedirectResponse(f"/migrations/{migration}", 303)


def _wish(chosen: dict[str, str], reason: str, confirm: str = "", shown: str = "") -> Wish:
    return Wish(
        reason,
        _names(chosen["waive"]),
        _names(chosen["canaries"]),
        _names(chosen["groups"]),
        no_archive=bool(chosen["no_archive"]),
        confirm=confirm,
        shown=shown,
    )


def _names(text: str) -> tuple[str, ...]:
    """Names in a field, one behind the other with commas or spaces."""
    return tuple(text.replace(",", " ").split())
