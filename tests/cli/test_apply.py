"""``instar apply`` and its files, and what ``instar switch`` asks before producers stop, on a real Kafka."""

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition
from tests.support.command import instar
from tests.support.projects import QUICK_SESSION, Shop, event, produce, write_shop
from tests.support.rolled_out import move, phase, run

from instar.core.control import TOPIC
from instar.core.rollout.control_messages import EpochMessage, key_of, value_of
from instar.kafka.entries import write_entries
from instar.rollout.running.bridges import BridgeHandler
from instar.rollout.running.retention import Retention
from instar.rollout.running.starts import Starts
from instar.rollout.running.topics import CreateTopics
from realkafka.pytest_plugin import Kafka

OK, REFUSED = 0, 4


@pytest.fixture
def shop(kafka: Kafka, topic_name: Callable[[str], str], tmp_path: Path) -> Shop:
    name = topic_name("apply")
    groups = f'{{ groups = [{{ group = "{name}.search" }}, {{ group = "{name}.billing" }}] }}'
    shop = write_shop(tmp_path, name, {**kafka.client_config(), **QUICK_SESSION}, rollout=groups)
    produce(shop.kafka, shop.old, [event(number, 1, number % shop.partitions) for number in range(20)])
    return shop


def test_a_plan_that_was_made_elsewhere_or_edited_is_refused_by_what_differs(shop: Shop) -> None:
    file = shop.root / "plan.json"
    run(shop, "plan", "--out", str(file), expect=None)
    sound = file.read_bytes()

    def edited(change: Callable[[dict[str, Any]], None]) -> str:
        said = json.loads(sound)
        change(said["rollout"])
        file.write_text(json.dumps(said), encoding="utf-8")
        ran = instar("apply", str(file), "--execute", at=shop.root)
        assert (ran.code, ran.out) == (REFUSED, "")
        return ran.err

    assert "topics differs" in edited(lambda plan: plan["topics"][0].update(partitions=7))
    assert "has_reverse differs" in edited(lambda plan: plan.update(has_reverse=False))
    assert "migration differs" in edited(lambda plan: plan.update(migration="another"))
    assert shop.cluster.find(shop.new) is None
    file.write_bytes(sound)
    assert instar("apply", str(file), "--execute", at=shop.root).code == OK
    again = instar("apply", str(file), "--execute", "-o", "json", at=shop.root)
    assert (again.code, again.json["result"]) == (OK, "nothing")


def test_a_report_is_words_and_as_json_one_document(shop: Shop) -> None:
    assert "nothing was done yet" in run(shop, "report").out
    move(shop, "apply")
    words = run(shop, "report").out.splitlines()
    assert words[0] == f"{shop.migration} is expanded, epoch 0: the old topic has authority"
    assert any(line.startswith("apply: done, ") and line.endswith("by ada: the shows") for line in words)
    said = run(shop, "report", "-o", "json", "--out", "report.html").json
    assert (said["phase"], [each["transition"] for each in said["transitions"]]) == ("expanded", ["apply"])
    assert (shop.root / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_interrupted_apply_and_abandon_say_how_far_they_came_and_go_on_from_there(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = shop.migration
    with interrupted_after(CreateTopics, monkeypatch):
        ran = run(shop, "apply", "--execute", expect=130)
    assert (ran.out, "Stopped: 1 of " in ran.err) == (f"{name} is draft, epoch 0\n", True)
    assert "steps of apply are done, hold retention" in ran.err
    assert f"→ again: instar apply {name} --execute" in ran.err
    assert move(shop, "apply")["ran"][0].startswith("hold retention")

    with interrupted_after(BridgeHandler, monkeypatch):
        said = move(shop, "abandon", "--confirm", name, expect=130)
    assert (said["result"], said["phase"]) == ("stopped", "expanded")
    assert "1 of " in said["message"]
    with interrupted_after(Starts, monkeypatch, "revert"):
        ran = run(shop, "abandon", "--confirm", name, "--execute", "--reason", "why", expect=130)
    assert f"→ again: instar abandon {name} --execute --confirm {name}" in ran.err
    assert move(shop, "abandon", "--confirm", name)["result"] == "done"


def test_an_interrupted_undoing_says_what_comes_next(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    with interrupted_after(Retention, monkeypatch):
        run(shop, "apply", "--execute", expect=130)
    with interrupted_after(Retention, monkeypatch, "revert"):
        ran = run(shop, "apply", "--revert", "--reason", "no", "--execute", expect=130)
    assert "Stopped: apply is being undone, create topic" in ran.err
    assert f"→ again: instar apply {shop.migration} --revert --execute" in ran.err
    assert move(shop, "apply", "--revert")["result"] == "undone"


@contextmanager
def interrupted_after(handler: type, monkeypatch: pytest.MonkeyPatch, method: str = "run") -> Iterator[None]:
    """Somebody presses Ctrl-C while the first effect of that handler runs."""
    run_it, pressed = getattr(handler, method), []

    def and_pressed(*arguments: Any) -> Any:
        if not pressed:
            pressed.append(signal.raise_signal(signal.SIGINT))
        return run_it(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(handler, method, and_pressed)
        yield
    assert pressed


def test_a_switch_needs_no_guard_and_names_the_groups_that_it_could_not_move_before_producers_stop(shop: Shop) -> None:
    move(shop, "apply")
    run(shop, "worker", "--until", "now")
    run(shop, "verify")
    search = Consumer({**shop.kafka, "group.id": f"{shop.migration}.search"})
    search.commit(offsets=[TopicPartition(shop.old, 0, 3)], asynchronous=False)
    search.close()
    for more in ((), ("--execute",)):
        ran = run(shop, "switch", *more, "-o", "json", expect=REFUSED)
        assert ran.json["code"] == "group-unmovable"
        (why,) = ran.json["evidence"]
        assert f"{shop.migration}.billing" in why
    shown = run(shop, "switch", "--group", f"{shop.migration}.search", "-o", "json")
    assert shown.json["result"] == "planned"
    assert phase(shop) == "verified"


def test_a_store_that_knows_nothing_of_what_the_control_topic_tells_moves_nothing_and_is_told_of(shop: Shop) -> None:
    said_elsewhere(shop, EpochMessage(3, "new", "open", 7, 1, {0: 1, 1: 1}, {0: 1, 1: 1}))
    ran = run(shop, "doctor", expect=None)
    assert "epoch 3, open, authority new" in ran.out
    assert "another store moves it" in ran.out
    assert not (shop.root / ".instar" / "state.db").exists()
    for verb in MOVING:
        for execute in ([], ["--execute", *confirmed(shop, verb)]):
            ran = run(shop, verb, "--reason", "why", *execute, expect=REFUSED)
            assert "this state store has no rollout of it: another store moves it" in ran.err
            assert "Let the setting `state` name the store" in ran.err
    assert phase(shop) == "draft"
    assert shop.cluster.find(shop.new) is None
    assert "another store moves it" in run(shop, "report").err


def test_a_store_that_another_one_has_left_behind_moves_nothing_more(shop: Shop) -> None:
    move(shop, "apply")
    assert move(shop, "apply")["result"] == "nothing"
    said_elsewhere(shop, EpochMessage(1, "new", "open", 7, 1, {0: 1, 1: 1}, {0: 1, 1: 1}))
    for verb in MOVING:
        said = run(shop, verb, *confirmed(shop, verb), "--reason", "why", "--execute", expect=REFUSED).err
        assert "this state store knows of epoch 0 at most: another store moves it" in said
    assert "another store moves it" in run(shop, "doctor", expect=None).out


MOVING = ("apply", "switch", "rollback", "retire", "abandon")


def confirmed(shop: Shop, verb: str) -> tuple[str, ...]:
    return ("--confirm", shop.migration) if verb in ("retire", "abandon") else ()


def said_elsewhere(shop: Shop, message: EpochMessage) -> None:
    write_entries(shop.cluster, TOPIC, {key_of(shop.migration, message): value_of(message)})
