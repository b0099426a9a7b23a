"""Orders to bridges and consumer groups on a real Kafka, run again from wherever they broke off, and taken back."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from confluent_kafka import Consumer
from tests.support.barrier import Barrier, Stage, make_stage
from tests.support.workers import until

from instar.core.checkpoint import Checkpoint, Counts
from instar.core.control import Asked, entry
from instar.core.rollout import effect as do
from instar.core.rollout.control_messages import GroupMessage
from instar.core.rollout.effect import Effect
from instar.core.rollout.phase import Side
from instar.kafka.entries import write_entries
from instar.rollout.ports import Context, Outcome
from realkafka.pytest_plugin import Kafka

START, STOP, PAUSE = do.StartBridge("up"), do.StopBridge("up"), do.PauseBridge("up", "a limit")


@pytest.fixture
def stage(kafka: Kafka, topic_name: Callable[[str], str]) -> Stage:
    return make_stage(kafka.client_config(), topic_name("orders-to"))


@contextmanager
def member(stage: Stage, group: str, topic: str) -> Iterator[None]:
    """Somebody is in the group."""
    consumer = Consumer({**stage.kafka, "group.id": group, "auto.offset.reset": "earliest", "log_level": 2})
    try:
        consumer.subscribe([topic])

        def joined() -> bool:
            consumer.poll(0.1)
            return bool(consumer.assignment())

        until(f"a member joins {group}", joined)
        yield
    finally:
        consumer.close()


def pictured(barrier: Barrier, stage: Stage, effect: Effect) -> Context:
    return stage.context(before=barrier.runner.before(effect, stage.context()))


def pause_key(stage: Stage) -> str:
    return f"{stage.migration}/up/pause"


# ------------------------------------------------------------------ bridges


def test_a_bridge_has_started_once_a_worker_of_it_is_seen(stage: Stage) -> None:
    with stage.coordinator() as barrier:
        context = pictured(barrier, stage, START)
        write_entries(stage.cluster, "instar.control", {pause_key(stage): entry(Asked("bob", 1, "lunch"))})
        waiting = barrier.runner.run(START, context)
        assert (waiting.kind, "instar worker" in waiting.remedy) == ("waiting", True)
        assert pause_key(stage) not in stage.entries()
        asked = stage.said().bridges
        assert asked["up"].order == "run"
        with member(stage, f"instar.{stage.migration}.up", stage.source):
            assert barrier.runner.run(START, context).kind == "done"
        assert stage.said().bridges == asked  # asked once
        for _ in range(2):
            assert barrier.runner.revert(START, context).kind == "done"
        assert stage.said().bridges == {}


def test_a_bridge_has_stopped_once_its_group_is_empty(stage: Stage) -> None:
    with stage.coordinator() as barrier:
        context = pictured(barrier, stage, STOP)
        with member(stage, f"instar.{stage.migration}.up", stage.source):
            waiting = barrier.runner.run(STOP, context)
            assert (waiting.kind, len(waiting.evidence["workers"])) == ("waiting", 1)
        assert barrier.runner.run(STOP, context).kind == "done"
        assert stage.said().bridges["up"].order == "stop"
        assert barrier.runner.revert(STOP, context).kind == "done"
        assert stage.said().bridges == {}


def test_what_somebody_else_paused_stays_paused(stage: Stage) -> None:
    theirs = entry(Asked("bob", 1, "lunch"))
    with stage.coordinator() as barrier:
        write_entries(stage.cluster, "instar.control", {pause_key(stage): theirs})
        context = pictured(barrier, stage, PAUSE)
        assert barrier.runner.run(PAUSE, context).kind == "done"
        assert barrier.runner.revert(PAUSE, context).kind == "done"
        assert stage.entries()[pause_key(stage)] == theirs


def test_what_was_not_paused_is_resumed_by_the_way_back(stage: Stage) -> None:
    with stage.coordinator() as barrier:
        context = pictured(barrier, stage, PAUSE)
        for _ in range(2):
            assert barrier.runner.run(PAUSE, context).kind == "done"
        assert b"a limit" in stage.entries()[pause_key(stage)]
        for _ in range(2):
            assert barrier.runner.revert(PAUSE, context).kind == "done"
        assert pause_key(stage) not in stage.entries()


# ------------------------------------------------------------------ draining


def commit(stage: Stage, offsets: Mapping[int, int], topic_id: str = "") -> None:
    metadata = {
        partition: (offset, Checkpoint(offset, topic_id, Counts(), "").metadata())
        for partition, offset in offsets.items()
    }
    stage.cluster.commit(f"instar.{stage.migration}.up", stage.source, metadata)


def test_a_bridge_is_drained_when_every_checkpoint_is_at_its_bound(stage: Stage) -> None:
    drain, bounds = do.DrainBridge("up", stage.source), {"B": {0: 10, 1: 4}}
    with stage.coordinator() as barrier:
        assert barrier.runner.run(drain, stage.context(offsets={"B": {0: 10}})).kind == "failed"
        waiting = barrier.runner.run(drain, stage.context(offsets=bounds))
        assert (waiting.kind, waiting.evidence["left_records"]) == ("waiting", 14)
        commit(stage, {0: 7, 1: 4})
        waiting = barrier.runner.run(drain, stage.context(offsets=bounds))
        assert "3 records behind" in waiting.message
        assert "3 in partition 0" in waiting.message
        commit(stage, {0: 11})
        drained = barrier.runner.run(drain, stage.context(offsets=bounds))
        assert (drained.kind, drained.evidence["checkpoints"]) == ("done", {"0": 11, "1": 4})


def test_checkpoints_of_a_topic_that_was_made_anew_count_for_nothing(stage: Stage) -> None:
    commit(stage, {0: 100, 1: 100}, "ab" * 16)
    with stage.coordinator() as barrier:
        context = stage.context(offsets={"B": {0: 1, 1: 1}})
        outcome = barrier.runner.run(do.DrainBridge("up", stage.source), context)
        assert (outcome.kind, "earlier" in outcome.message) == ("failed", True)


# ------------------------------------------------------------------ groups


class Translations:
    """Counts what is asked; ``answer`` is given."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Side, Any]] = []
        self.answer = Outcome("done", {"offsets": {"0": 5}})

    def __call__(self, migration: str, group: str, to: Side, switched: Mapping[int, int] | None) -> Outcome:
        self.asked.append((group, to, switched))
        return self.answer


def test_a_group_leaves_is_translated_and_reads_on_and_all_that_once(stage: Stage) -> None:
    group, translate = f"billing-{stage.migration}", Translations()
    move = do.TranslateGroup(group, "new")
    with stage.coordinator(translate=translate) as barrier:
        context = pictured(barrier, stage, move)
        assert context.before == {"side": "old"}
        with member(stage, group, stage.source):
            assert barrier.runner.run(move, context).kind == "waiting"
            assert stage.said().groups[group].order == "leave"
            assert not translate.asked
        translate.answer = Outcome("waiting", message="the bridge is behind")
        assert barrier.runner.run(move, context).kind == "waiting"
        assert stage.said().groups[group].order == "leave"
        translate.answer = Outcome("done", {"offsets": {"0": 5}})
        moved = barrier.runner.run(move, context)
        assert (moved.kind, moved.evidence) == ("done", {"side": "new", "offsets": {"0": 5}})
        said = stage.said().groups[group]
        assert (said.order, said.side) == ("read", "new")
        assert barrier.runner.run(move, context).kind == "done"
        assert stage.said().groups[group] == said
        assert [to for _, to, _ in translate.asked] == ["new", "new"]
        assert barrier.runner.revert(move, context).kind == "done"
        assert [to for _, to, _ in translate.asked] == ["new", "new", "old"]
        assert (stage.said().groups[group].order, stage.said().groups[group].side) == ("read", "old")


def test_a_move_that_broke_off_before_anybody_read_is_taken_back_without_a_translation(stage: Stage) -> None:
    group, translate = f"billing-{stage.migration}", Translations()
    move = do.TranslateGroup(group, "new")
    with stage.coordinator(translate=translate) as barrier:
        context = pictured(barrier, stage, move)
        assert barrier.runner.revert(move, context).kind == "done"  # never begun
        assert group not in stage.said().groups
        translate.answer = Outcome("failed", message="no exact position")
        assert barrier.runner.run(move, context).kind == "failed"
        assert pictured(barrier, stage, move).before == {"side": "old"}  # seen in the middle
        for _ in range(2):
            assert barrier.runner.revert(move, context).kind == "done"
        assert (stage.said().groups[group].order, stage.said().groups[group].side) == ("read", "old")
        assert [to for _, to, _ in translate.asked] == ["new"]


def test_a_way_back_that_broke_off_goes_on(stage: Stage) -> None:
    """Killed after ``leave``: the group had read the new topic, so its position there is translated."""
    group, translate = f"billing-{stage.migration}", Translations()
    move = do.TranslateGroup(group, "new")
    stage.say(GroupMessage(group, "leave", "old", 1, 1))
    with stage.coordinator(translate=translate) as barrier:
        assert barrier.runner.revert(move, stage.context(before={"side": "old"})).kind == "done"
        assert [to for _, to, _ in translate.asked] == ["old"]


def test_a_position_is_translated_with_the_ends_of_the_switch_in_force(stage: Stage) -> None:
    group, translate = f"billing-{stage.migration}", Translations()
    with stage.coordinator(translate=translate) as barrier:
        context = stage.context(offsets={"B": {0: 5, 1: 6}, "T": {0: 7, 1: 8}})
        barrier.runner.run(do.CloseEpoch(1, "new"), context)
        barrier.runner.run(do.WriteEpoch(1, "new"), context)
        assert barrier.runner.run(do.TranslateGroup(group, "new"), context).kind == "done"
        assert translate.asked == [(group, "new", {0: 7, 1: 8})]
