"""Approvals are asked for, given by somebody else, found, used once, and told of in the ledger."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.states import HOUR_MS, SQLITE, StateLab, fresh_state, now_ms

from instar.core.rollout.event import Approval
from instar.state.errors import NotThere, Refused
from instar.state.opening import State

NAME = "orders-v3"


def asked(state: State, action: str = "switch", by: str = "ada@laptop") -> str:
    return state.approvals.ask(NAME, action, "f1", by, "prices need decimals", now_ms(state) + HOUR_MS)


class ApprovalContract:
    def test_it_is_found_only_once_somebody_else_gave_it(self, state: State) -> None:
        name = asked(state)
        assert state.approvals.find(NAME, "switch", "f1") is None
        assert state.approvals.get(name).standing == "open"
        given = state.approvals.approve(name, "bob@desk", "looks right")
        assert (given.standing, given.answered_by, given.answer_reason) == ("approved", "bob@desk", "looks right")
        expected = Approval(name, "switch", "f1", "ada@laptop", "bob@desk", given.expires_at_ms)
        assert state.approvals.find(NAME, "switch", "f1") == expected
        for other in (("bills-v2", "switch", "f1"), (NAME, "retire", "f1"), (NAME, "switch", "f2")):
            assert state.approvals.find(*other) is None

    @pytest.mark.parametrize("by", ["ada@laptop", "ada@another-machine", "Ada@laptop", "ada"])
    def test_nobody_approves_what_they_asked_for_whichever_machine_they_use(self, state: State, by: str) -> None:
        name = asked(state)
        with pytest.raises(Refused, match="asked for themselves"):
            state.approvals.approve(name, by, "")
        assert state.approvals.find(NAME, "switch", "f1") is None

    def test_what_is_refused_stays_so_and_what_was_given_can_be_taken_back(self, state: State) -> None:
        refused, taken_back = asked(state), asked(state)
        state.approvals.refuse(refused, "bob", "not on a Friday")
        state.approvals.approve(taken_back, "bob", "fine")
        state.approvals.refuse(taken_back, "ada", "I was wrong")  # who asked may say no
        for name in (refused, taken_back):
            with pytest.raises(Refused, match="is refused"):
                state.approvals.approve(name, "carol", "fine")
        assert state.approvals.find(NAME, "switch", "f1") is None

    def test_an_answer_is_given_once(self, state: State) -> None:
        name = asked(state)
        state.approvals.approve(name, "bob", "")
        with pytest.raises(Refused, match="approved by bob already"):
            state.approvals.approve(name, "carol", "")

    def test_what_has_expired_takes_no_answer_and_is_not_found(self, state: State) -> None:
        late, given = asked(state), asked(state)
        state.approvals.approve(given, "bob", "")
        StateLab(state).pass_time(HOUR_MS)
        with pytest.raises(Refused, match="is expired"):
            state.approvals.approve(late, "bob", "")
        assert state.approvals.find(NAME, "switch", "f1") is None
        assert {request.standing for request in state.approvals.list()} == {"expired"}
        with pytest.raises(Refused, match="would have expired"):
            state.approvals.ask(NAME, "switch", "f1", "ada", "", now_ms(state))

    def test_an_id_that_is_none_is_said_to_be_none(self, state: State) -> None:
        with pytest.raises(NotThere, match="'nothing'"):
            state.approvals.approve("nothing", "bob", "")

    def test_requests_are_listed_the_newest_first(self, state: State) -> None:
        names = [asked(state, action) for action in ("apply", "switch")]
        other = state.approvals.ask("bills-v2", "apply", "f1", "ada", "", now_ms(state) + HOUR_MS)
        assert {request.id for request in state.approvals.list()} == {*names, other}
        assert {request.id for request in state.approvals.list(NAME)} == set(names)
        times = [request.requested_at_ms for request in state.approvals.list()]
        assert times == sorted(times, reverse=True)

    def test_each_step_is_in_the_ledger(self, state: State) -> None:
        first, second = asked(state), asked(state, "retire")
        state.approvals.approve(first, "bob", "fine")
        state.approvals.refuse(second, "carol", "too early")
        told = [(entry.actor, entry.action, entry.reason, entry.fingerprint) for entry in state.ledger.entries(NAME)]
        assert told == [
            ("ada@laptop", "approval asked", "prices need decimals", "f1"),
            ("ada@laptop", "approval asked", "prices need decimals", "f1"),
            ("bob", "approval given", "fine", "f1"),
            ("carol", "approval refused", "too early", "f1"),
        ]


class TestOnSqlite(ApprovalContract):
    @pytest.fixture
    def state(self, tmp_path: Path) -> Iterator[State]:
        with fresh_state(SQLITE, tmp_path) as opened:
            yield opened


class TestOnPostgresql(ApprovalContract):
    @pytest.fixture
    def state(self, postgresql_url: str, tmp_path: Path) -> Iterator[State]:
        with fresh_state(postgresql_url, tmp_path) as opened:
            yield opened
