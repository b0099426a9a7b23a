"""The epoch record on a real Kafka: closed, written, taken back, and never by two coordinators at once."""

from collections.abc import Callable

import pytest
from tests.support.barrier import Barrier, Stage, make_stage

from instar.core.rollout import effect as do
from instar.core.rollout.control_messages import EpochMessage
from instar.core.rollout.effect import Effect
from instar.rollout.ports import Context, RunnerTrouble
from realkafka.pytest_plugin import Kafka

ENDS = {"B": {0: 5, 1: 7}, "T": {0: 3, 1: 4}}
CLOSE, WRITE = do.CloseEpoch(1, "new"), do.WriteEpoch(1, "new")


@pytest.fixture
def stage(kafka: Kafka, topic_name: Callable[[str], str]) -> Stage:
    made = make_stage(kafka.client_config(), topic_name("epoch"))
    made.offsets.update(ENDS)
    return made


def done(barrier: Barrier, effect: Effect, context: Context) -> None:
    outcome = barrier.runner.run(effect, context)
    assert outcome.kind == "done", outcome


def epoch(stage: Stage) -> EpochMessage:
    found = stage.said().epoch
    assert found is not None
    return found


def test_closing_and_writing_twice_leave_what_once_leaves(stage: Stage) -> None:
    with stage.coordinator() as barrier:
        context = stage.context()
        done(barrier, CLOSE, context)
        closing = epoch(stage)
        assert (closing.epoch, closing.authority, closing.state) == (1, "new", "closing")
        assert not stage.said().may_write("old")
        assert not stage.said().may_write("new")
        done(barrier, CLOSE, context)
        assert epoch(stage) == closing
        done(barrier, WRITE, context)
        written = epoch(stage)
        assert (written.epoch, written.authority, written.state) == (1, "new", "open")
        assert (written.left, written.begun) == (ENDS["B"], ENDS["T"])
        assert stage.said().may_write("new")
        done(barrier, WRITE, context)
        assert epoch(stage) == written
        assert barrier.runner.happened(WRITE, context) is True


def test_reverting_puts_the_record_of_before_back_wherever_the_coordinator_was_killed(stage: Stage) -> None:
    with stage.coordinator() as first:
        context = stage.context(before=first.runner.before(CLOSE, stage.context()))
        assert first.runner.revert(CLOSE, context).kind == "done"  # killed before it ran
        assert stage.said().may_write("old")
        done(first, CLOSE, context)
    with stage.coordinator() as second:  # killed after it ran: another process takes it back, twice
        later = stage.context(2, before=context.before)
        for _ in range(2):
            assert second.runner.revert(CLOSE, later).kind == "done"
        assert stage.said().may_write("old")
        assert epoch(stage).epoch == 0
        assert second.runner.happened(WRITE, later) is False


def test_after_a_rollback_that_is_reverted_the_new_topic_has_authority_with_its_ends(stage: Stage) -> None:
    back = do.CloseEpoch(2, "old")
    with stage.coordinator() as barrier:
        done(barrier, CLOSE, stage.context())
        done(barrier, WRITE, stage.context())
        switched = epoch(stage)
        context = stage.context(before=barrier.runner.before(back, stage.context()))
        done(barrier, back, context)
        assert not stage.said().may_write("new")
        assert barrier.runner.revert(back, context).kind == "done"
        assert epoch(stage) == switched


def test_a_closing_record_without_a_barrier_in_progress_is_nothing_to_begin_from(stage: Stage) -> None:
    with stage.coordinator() as barrier:
        done(barrier, CLOSE, stage.context())
        with pytest.raises(RunnerTrouble, match="closing already"):
            barrier.runner.before(do.CloseEpoch(2, "new"), stage.context())


def test_a_record_is_written_only_into_the_epoch_that_this_barrier_closed(stage: Stage) -> None:
    with stage.coordinator() as barrier:
        outcome = barrier.runner.run(WRITE, stage.context())
        assert (outcome.kind, "not the one that this barrier closed" in outcome.message) == ("failed", True)
        assert stage.said().may_write("old")
        done(barrier, do.CloseEpoch(3, "new"), stage.context())
        assert barrier.runner.run(WRITE, stage.context()).kind == "failed"
        assert barrier.runner.run(CLOSE, stage.context()).kind == "failed"  # an older barrier's
        assert epoch(stage).epoch == 3


def test_a_record_without_the_ends_of_its_barrier_is_never_written(stage: Stage) -> None:
    with stage.coordinator() as barrier:
        done(barrier, CLOSE, stage.context())
        outcome = barrier.runner.run(WRITE, stage.context(offsets={"B": {0: 1}}))
        assert (outcome.kind, outcome.message) == ("failed", "no ends T were recorded in this barrier")


def test_an_older_coordinator_is_fenced_and_stays_so(stage: Stage) -> None:
    with stage.coordinator() as older, stage.coordinator() as newer:
        done(older, CLOSE, stage.context(1))
        assert newer.runner.happened(WRITE, stage.context(2)) is False  # a promise
        for _ in range(2):  # once by Kafka, then because it reads the newer token
            outcome = older.runner.run(WRITE, stage.context(1))
            assert outcome.kind == "failed"
            assert "newer coordinator" in outcome.message
        assert epoch(stage).state == "closing"
        assert older.runner.happened(WRITE, stage.context(1)) is None  # it cannot tell any more
        done(newer, WRITE, stage.context(2))
        assert (epoch(stage).state, epoch(stage).token) == ("open", 2)


def test_an_older_coordinator_that_only_now_begins_does_not_stop_the_newer(stage: Stage) -> None:
    with stage.coordinator() as newer:
        done(newer, CLOSE, stage.context(2))
        with stage.coordinator() as older:  # it initialises the transactional id, and so fences the newer one
            assert "token 2" in older.runner.run(do.CloseEpoch(1, "new"), stage.context(1)).message
        done(newer, WRITE, stage.context(2))
        assert (epoch(stage).state, epoch(stage).token) == ("open", 2)


@pytest.mark.parametrize("hit", [1, 2])
def test_a_lost_answer_is_unknown_and_then_the_truth_is_found(stage: Stage, hit: int) -> None:
    """The first commit is the claim (of the token), the second the record itself."""
    with stage.coordinator() as first:
        done(first, CLOSE, stage.context(1))
    with stage.coordinator(failpoint=f"during-commit=raise@{hit}") as barrier:
        context = stage.context(2)
        lost = barrier.runner.run(WRITE, context)
        assert lost.kind == "unknown"
        happened = barrier.runner.happened(WRITE, context)
        at_once = epoch(stage)
        assert happened is (at_once.state == "open")
        if hit == 1:
            assert happened is False
        assert barrier.runner.happened(WRITE, context) is happened
        assert epoch(stage) == at_once  # nothing was in flight any more
        done(barrier, WRITE, context)
        written = epoch(stage)
        assert written.state == "open"
        if happened:
            assert written == at_once


def test_a_record_that_was_lost_is_not_begun_again_behind_everybodys_back(stage: Stage) -> None:
    with stage.coordinator() as barrier:
        lost = stage.context(in_force=1)
        outcome = barrier.runner.run(do.CloseEpoch(2, "old"), lost)
        assert outcome.kind == "failed"
        assert "epoch 1 was written" in outcome.message
    assert stage.said().epoch is None
