"""Migrations that are taken along by the real commands, by people at the command line and by workers beside them."""

import contextlib
from collections.abc import Iterator
from typing import Any

from tests.support.command import Ran, instar
from tests.support.projects import Shop
from tests.support.workers import WorkerProcess, until, worker

from instar.core.rollout.document import from_document
from instar.core.rollout.state import Rollout
from instar.operations.stating import state_of
from instar.project.project import load_project

ASKED_BY, ANSWERED_BY = "ada", "bob"


def run(shop: Shop, verb: str, *arguments: str, expect: int | None = 0) -> Ran:
    """``instar VERB MIGRATION ARGUMENTS`` in the project's folder. ``expect`` is the exit code that it must have."""
    ran = instar(verb, shop.migration, *arguments, at=shop.root)
    assert expect is None or ran.code == expect, f"instar {verb}: {ran.code} instead of {expect}\n{ran.out}\n{ran.err}"
    return ran


def move(shop: Shop, verb: str, *arguments: str, expect: int | None = 0, by: str = ASKED_BY) -> Any:
    """The same for a command that moves the rollout, done and not only shown: what it said, as JSON."""
    more = ("--reason", "the shows") if "--reason" not in arguments else ()
    ran = run(shop, verb, *arguments, "--execute", "--by", by, *more, "-o", "json", expect=expect)
    return ran.json


def approved(shop: Shop, action: str) -> None:
    """Asked for by one person, given by another."""
    run(shop, "approve", action, "--ask", "--reason", "it is time", "--by", ASKED_BY)
    run(shop, "approve", action, "--reason", "I have looked", "--by", ANSWERED_BY)


def rollout(shop: Shop) -> Rollout:
    """As the state has it."""
    with state_of(load_project(shop.root)) as state:
        held = state.rollouts.held(shop.migration)
    return Rollout(shop.migration) if held.document is None else from_document(held.document)


def phase(shop: Shop) -> str:
    return rollout(shop).phase.value


def verify(shop: Shop) -> None:
    """Carry all that is there, compare it, and let the machine see both."""
    run(shop, "worker", "--until", "now")
    run(shop, "verify")
    run(shop, "guard", "--once")


@contextlib.contextmanager
def way_back(shop: Shop) -> Iterator[WorkerProcess]:
    """A worker that waits until the rollout asks for the reverse bridge."""
    with worker(shop, "--direction", "down", "--when-asked") as waiting:
        until("it waits", lambda: "waiting until the rollout" in waiting.stderr)
        yield waiting
