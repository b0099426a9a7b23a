"""What the commands refuse on a real Kafka, each with its reason: two operators, tampering, drift, approvals."""

import json
import re
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.support.command import instar
from tests.support.command_process import CommandProcess
from tests.support.projects import QUICK_SESSION, Shop, event, produce, rewrite_settings, write_shop
from tests.support.rolled_out import ANSWERED_BY, ASKED_BY, approved, move, phase, run, verify, way_back
from tests.support.workers import until

from instar.state.tables import ledger
from realkafka.pytest_plugin import Kafka

REFUSED, NO = 4, 3


@pytest.fixture
def shop(kafka: Kafka, topic_name: Callable[[str], str], tmp_path: Path) -> Shop:
    shop = write_shop(tmp_path, topic_name("refused"), {**kafka.client_config(), **QUICK_SESSION})
    produce(shop.kafka, shop.old, [event(number, 1, number % shop.partitions) for number in range(20)])
    return shop


def test_two_operators_at_once_are_told_apart_and_the_second_goes_on_where_the_first_was_stopped(shop: Shop) -> None:
    move(shop, "apply")
    verify(shop)
    arguments = ("--execute", "--wait", "--by", "ada", "--reason", "it is time", "-o", "json")
    first = CommandProcess(shop, ("switch", shop.migration, *arguments))
    try:
        # The reverse bridge has no worker yet, so ada's command waits, and holds the lease all the while.
        until(
            "ada has written the epoch record",
            lambda: any(
                row["action"] == "switch: step done" and row["details"]["effect"]["do"] == "WriteEpoch"
                for row in history(shop)
            ),
        )
        second = move(shop, "switch", by="bob", expect=REFUSED)
        assert second["code"] == "lease-taken"
        assert second["message"].startswith(f"{shop.migration} is being moved already: ada (")
        first.signal(signal.SIGTERM)
        ended = first.ended()
        assert (ended.code, json.loads(ended.stdout)["result"]) == (143, "stopped")
    finally:
        first.kill()
    with way_back(shop):
        assert move(shop, "switch", "--wait", by="bob")["result"] == "done"
    assert phase(shop) == "switched"


def test_an_edited_ledger_row_is_found_and_named(shop: Shop) -> None:
    move(shop, "apply")
    sound = run_history(shop, "--verify")
    assert sound["sound"]
    edited = next(row["number"] for row in history(shop) if row["action"] == "apply: step done")
    with closing(sqlite3.connect(shop.root / ".instar" / "state.db")) as database:
        guarded = str(ledger.update().where(ledger.c.number == sa.bindparam("row")).values(reason=sa.bindparam("why")))
        edit = {"row": edited, "why": "nothing to see here"}
        with pytest.raises(sqlite3.IntegrityError, match="append"):
            database.execute(guarded, edit)
        triggers = database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?", (ledger.name,)
        )
        for (name,) in triggers.fetchall():
            database.execute(f"DROP TRIGGER {name}")
        database.execute(guarded, edit)
        database.commit()
    ran = instar("history", "--verify", "-o", "json", at=shop.root)
    (found,) = json.loads(ran.out)
    assert ran.code == NO
    assert (found["sound"], found["entry"]) == (False, edited)
    assert found["why"]


@pytest.mark.parametrize("file", ["upcasters/parcels/v2_to_v3.py", "schemas/parcels/v3.json"])
def test_a_project_that_drifted_since_its_plan_was_applied_is_not_switched(shop: Shop, file: str) -> None:
    move(shop, "apply")
    verify(shop)
    there = shop.root / file
    before = there.read_text(encoding="utf-8")
    there.write_text(before.replace("WEB", "PAPER") if "WEB" in before else before.replace('"channel"', '"route"'))
    refused = move(shop, "switch", expect=REFUSED)
    assert (refused["code"], refused["phase"]) == ("drifted", "verified")
    applied, now = (re.search(r": ([0-9a-f]{16})\Z", line) for line in refused["evidence"])
    assert applied
    assert now
    assert applied[1] != now[1]
    there.write_text(before)
    with way_back(shop):
        assert move(shop, "switch", "--wait")["result"] == "done"


def test_nothing_is_carried_under_another_plan_than_the_applied_one(shop: Shop) -> None:
    move(shop, "apply")
    run(shop, "pause", "--no-wait")  # makes the control topic, which keeps what a plan was made from
    run(shop, "resume")
    run(shop, "worker", "--until", "now")
    hop = shop.root / "upcasters" / "parcels" / "v2_to_v3.py"
    hop.write_text(hop.read_text(encoding="utf-8").replace("WEB", "PAPER"), encoding="utf-8")
    for verb in ("worker", "backfill"):
        said = run(shop, verb, "--until", "now", expect=REFUSED).err
        assert f"{shop.migration} was applied under plan " in said
        assert "now: hop parcels" in said
        assert f"instar apply {shop.migration} --execute" in said
    back = run(shop, "worker", "--direction", "down", "--until", "now", expect=None).err
    assert "the way back is carried under another plan" in back
    with store_away(shop):
        said = run(shop, "worker", "--until", "now").err
        assert "whether the plan is the applied one is not known" in said
    assert move(shop, "apply")["result"] == "done"
    for verb in ("backfill", "worker"):
        run(shop, verb, "--until", "now")


@contextmanager
def store_away(shop: Shop) -> Iterator[None]:
    """A machine that is not given the variable that names the store."""
    settings = shop.root / "instar.toml"
    before = settings.read_text(encoding="utf-8")
    settings.write_text(before.replace("registry =", 'state = "env:NOT_GIVEN"\nregistry ='), encoding="utf-8")
    try:
        yield
    finally:
        settings.write_text(before, encoding="utf-8")


def test_a_single_look_says_that_the_new_topic_is_gone(shop: Shop) -> None:
    move(shop, "apply")
    verify(shop)
    shop.cluster.delete(shop.new)
    said = run(shop, "guard", "--once", expect=1)
    assert f"Topic {shop.new}, which {shop.migration} carries into, does not exist any more." in said.err
    assert "instar abandon" in said.err


def test_an_approval_is_by_somebody_else_for_this_plan_in_time_and_once(shop: Shop) -> None:
    rewrite_settings(shop, reverse="", rollout='{ approval_valid = "3s" }')  # no way back: apply needs an approval
    assert move(shop, "apply", expect=REFUSED)["code"] == "no-approval"
    run(shop, "approve", "apply", "--ask", "--reason", "it is time", "--by", ASKED_BY)
    for own in (ASKED_BY, f"{ASKED_BY}@another-laptop"):
        said = run(shop, "approve", "apply", "--reason", "I trust me", "--by", own, expect=REFUSED)
        assert "Nobody approves what they asked for themselves" in said.err
    until("the request expires", lambda: standings(shop) == ["expired"])
    said = run(shop, "approve", "apply", "--reason", "late", "--by", ANSWERED_BY, expect=REFUSED)
    assert "Nobody has asked for apply" in said.err

    approved(shop, "apply")
    until("the approval expires", lambda: standings(shop) == ["expired", "expired"])
    refused = move(shop, "apply", expect=REFUSED)
    assert refused["code"] == "no-approval"
    assert any(line.endswith(f"is expired: {ANSWERED_BY} answered it") for line in refused["evidence"])
    assert phase(shop) == "draft"

    rewrite_settings(shop, reverse="", rollout='{ approval_valid = "10m" }')
    approved(shop, "apply")
    assert move(shop, "apply", by=ANSWERED_BY, expect=REFUSED)["code"] == "approval-own"
    shop.cluster.create(shop.new, 1 + shop.partitions, {})  # in the way: what began is undone
    assert move(shop, "apply", expect=1)["result"] == "failed"
    run(shop, "apply", "--revert", "--execute", "--reason", "another topic is in the way", "--by", ASKED_BY)
    refused = move(shop, "apply", expect=REFUSED)
    assert refused["code"] == "no-approval"
    assert any(line.endswith(f"is used: {ANSWERED_BY} answered it") for line in refused["evidence"])


def history(shop: Shop) -> list[dict[str, object]]:
    return instar("history", shop.migration, "--all", "-o", "json", at=shop.root).json


def run_history(shop: Shop, *arguments: str) -> dict[str, object]:
    (row,) = instar("history", *arguments, "-o", "json", at=shop.root).json
    return row


def standings(shop: Shop) -> list[str]:
    return [row["standing"] for row in run(shop, "approve", "-o", "json").json]
