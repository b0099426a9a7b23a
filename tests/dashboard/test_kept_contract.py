"""What the dashboard may rely on, wherever sessions, keys and audit are kept: in memory, SQLite, PostgreSQL."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from tests.support.kept import KeptLab, MemoryKept, StateKept
from tests.support.states import SQLITE, fresh_state

from instar.state.audit import BEGUN, DONE, REFUSED, Deed
from instar.state.errors import StateTrouble
from instar.state.idempotency import KEPT_MS, LEASE_MS, Request
from instar.state.opening import State, state_of
from instar.state.sessions import SESSION_MS, Session
from instar.state.tables import audit
from instar.state.wanted import Wanted

ADA = Session("ada", "operator", "f00d")
PAUSE = Request("ada", "k1", "a" * 64)
DEED = Deed("d1", 10, 10, "ada", "operator", "pause", "orders-v3", "the disk is full")


class KeptContract:
    # ------------------------------------------------------------------ sessions

    def test_a_session_is_found_until_it_is_ended(self, lab: KeptLab) -> None:
        lab.sessions.begin("s1", ADA)
        lab.sessions.begin("s2", replace(ADA, caller="bob"))
        assert lab.sessions.find("s1") == ADA
        assert lab.sessions.find("s3") is None
        lab.sessions.end("s1")
        lab.sessions.end("s1")
        assert lab.sessions.find("s1") is None
        assert lab.sessions.find("s2") is not None

    def test_a_session_ends_by_itself_and_is_forgotten_later(self, lab: KeptLab) -> None:
        lab.sessions.begin("s1", ADA)
        lab.pass_time(SESSION_MS - 60_000)
        assert lab.sessions.find("s1") == ADA
        assert lab.sessions.prune(10) == 0
        lab.pass_time(60_000)
        assert lab.sessions.find("s1") is None
        assert (lab.sessions.prune(10), lab.sessions.prune(10)) == (1, 0)

    def test_sessions_are_forgotten_so_many_at_once(self, lab: KeptLab) -> None:
        for number in range(5):
            lab.sessions.begin(f"s{number}", ADA)
        lab.pass_time(SESSION_MS)
        assert [lab.sessions.prune(2) for _ in range(4)] == [2, 2, 1, 0]

    # ------------------------------------------------------------------ idempotency keys

    def test_a_key_is_at_work_then_answered_then_forgotten(self, lab: KeptLab) -> None:
        assert lab.answers.take(PAUSE, "one").kind == "mine"
        second = lab.answers.take(PAUSE, "two")
        assert second.kind == "at work"
        assert 0 < second.for_s <= LEASE_MS / 1000
        assert lab.answers.finish(PAUSE, "one", 202, {"paused": True, "count": 2**70, "left": [None, "é"]})
        third = lab.answers.take(PAUSE, "three")
        assert (third.kind, third.status) == ("done", 202)
        assert third.document == {"paused": True, "count": 2**70, "left": [None, "é"]}
        lab.pass_time(KEPT_MS)
        assert lab.answers.take(PAUSE, "four").kind == "mine"

    def test_a_key_is_its_callers_and_its_requests(self, lab: KeptLab) -> None:
        assert lab.answers.take(PAUSE, "one").kind == "mine"
        assert lab.answers.take(replace(PAUSE, caller="grace"), "two").kind == "mine"
        assert lab.answers.take(replace(PAUSE, key="k2"), "three").kind == "mine"
        other = replace(PAUSE, fingerprint="b" * 64)
        assert lab.answers.take(other, "four").kind == "another"
        lab.pass_time(LEASE_MS)
        assert lab.answers.take(other, "five").kind == "another"

    def test_what_came_to_nothing_can_be_asked_again_at_once(self, lab: KeptLab) -> None:
        lab.answers.take(PAUSE, "one")
        lab.answers.release(PAUSE, "one")
        assert lab.answers.take(PAUSE, "two").kind == "mine"

    def test_a_key_of_a_server_that_died_is_free_when_its_lease_ends(self, lab: KeptLab) -> None:
        lab.answers.take(PAUSE, "dead")
        lab.pass_time(LEASE_MS - 20_000)
        assert lab.answers.take(PAUSE, "next").kind == "at work"
        lab.pass_time(20_000)
        assert lab.answers.take(PAUSE, "next").kind == "mine"
        assert lab.answers.take(PAUSE, "third").kind == "at work"

    def test_a_key_that_is_renewed_stays_held(self, lab: KeptLab) -> None:
        lab.answers.take(PAUSE, "slow")
        for _ in range(3):
            lab.pass_time(LEASE_MS - 20_000)
            assert lab.answers.renew(PAUSE, "slow")
        assert lab.answers.take(PAUSE, "next").kind == "at work"

    def test_who_slept_through_their_lease_changes_nothing_of_the_next_ones(self, lab: KeptLab) -> None:
        lab.answers.take(PAUSE, "asleep")
        lab.pass_time(LEASE_MS)
        lab.answers.take(PAUSE, "next")
        assert not lab.answers.renew(PAUSE, "asleep")
        assert not lab.answers.finish(PAUSE, "asleep", 200, {"by": "asleep"})
        lab.answers.release(PAUSE, "asleep")
        assert lab.answers.take(PAUSE, "third").kind == "at work"
        assert lab.answers.finish(PAUSE, "next", 200, {"by": "next"})
        lab.answers.release(PAUSE, "next")  # too late: it is answered
        assert lab.answers.take(PAUSE, "third").document == {"by": "next"}

    def test_keys_are_forgotten_so_many_at_once(self, lab: KeptLab) -> None:
        for number in range(5):
            lab.answers.take(replace(PAUSE, key=f"k{number}"), "one")
        assert lab.answers.prune(2) == 0
        lab.pass_time(KEPT_MS)
        assert [lab.answers.prune(2) for _ in range(4)] == [2, 2, 1, 0]

    # ------------------------------------------------------------------ audit

    def test_a_deed_is_told_by_its_newest_line(self, lab: KeptLab) -> None:
        begun = replace(DEED, outcome=BEGUN)
        lab.trail.add(begun)
        assert [deed.outcome for deed in lab.trail.page(Wanted(), 10)] == [BEGUN]
        lab.trail.add(replace(DEED, id="d2", what="resume"))
        lab.trail.add(replace(begun, at_ms=25, outcome=DONE, details={"letters": 3}))
        told = lab.trail.page(Wanted(), 10)
        assert [(deed.id, deed.outcome) for deed in told] == [("d1", DONE), ("d2", DONE)]
        assert (told[0].began_ms, told[0].at_ms, told[0].details) == (10, 25, {"letters": 3})

    def test_pages_of_the_audit_together_are_all_of_it(self, lab: KeptLab) -> None:
        for number in range(7):
            lab.trail.add(replace(DEED, id=f"d{number}", at_ms=number))
        found: list[Deed] = []
        before = None
        while page := lab.trail.page(Wanted(), 3, before):
            found += page
            before = page[-1].number
        assert [deed.at_ms for deed in found] == [6, 5, 4, 3, 2, 1, 0]

    @pytest.mark.parametrize(
        ("wanted", "ids"),
        [
            (Wanted(who="ADA"), ["d1"]),
            (Wanted(who="%"), []),
            (Wanted(what="form"), ["d3", "d2"]),
            (Wanted(migration="orders-v3"), ["d2", "d1"]),
            (Wanted(since_ms=20), ["d3", "d2"]),
            (Wanted(until_ms=20), ["d1"]),
            (Wanted(since_ms=20, until_ms=30), ["d2"]),
            (Wanted(refused=True), ["d3"]),
            (Wanted(who="bob", refused=True), []),
            (Wanted(who="\0"), []),
        ],
        ids=str,
    )
    def test_what_is_wanted_of_the_audit_is_found(self, lab: KeptLab, wanted: Wanted, ids: list[str]) -> None:
        lab.trail.add(DEED)
        lab.trail.add(replace(DEED, id="d2", at_ms=20, by="bob", what="a form"))
        lab.trail.add(replace(DEED, id="d3", at_ms=30, by="", migration="", what="Form", outcome=REFUSED))
        assert [deed.id for deed in lab.trail.page(wanted, 10)] == ids


class TestInMemory(KeptContract):
    @pytest.fixture
    def lab(self) -> MemoryKept:
        return MemoryKept()


class DatabaseContract(KeptContract):
    @pytest.fixture
    def state(self) -> State:
        raise NotImplementedError

    @pytest.fixture
    def lab(self, state: State) -> StateKept:
        return StateKept(state)

    def test_environments_know_nothing_of_each_other(self, state: State) -> None:
        other = state_of(state.database, "other")
        state.sessions.begin("s1", ADA)
        state.answers.take(PAUSE, "one")
        state.audit.add(DEED)
        assert other.sessions.find("s1") is None
        assert other.answers.take(PAUSE, "two").kind == "mine"
        assert other.audit.page(Wanted(), 10) == []

    def test_lines_of_the_audit_are_neither_changed_nor_deleted(self, state: State) -> None:
        state.audit.add(DEED)
        changes: list[sa.UpdateBase] = [audit.update().values(actor="nobody"), audit.delete()]
        for change in changes:
            with pytest.raises((DBAPIError, StateTrouble), match="append-only"), state.database.writing() as connection:
                connection.execute(change)
        assert [deed.by for deed in state.audit.page(Wanted(), 10)] == ["ada"]

    def test_of_many_sessions_of_one_caller_the_oldest_end(self, state: State, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("instar.state.sessions.MOST_OF_A_CALLER", 2)
        state.sessions.begin("bobs", replace(ADA, caller="bob"))
        for number in range(4):
            state.sessions.begin(f"s{number}", ADA)
            StateKept(state).pass_time(1_000)
        assert [state.sessions.find(f"s{number}") is not None for number in range(4)] == [False, False, True, True]
        assert state.sessions.find("bobs") is not None


class TestOnSqlite(DatabaseContract):
    @pytest.fixture
    def state(self, tmp_path: Path) -> Iterator[State]:
        with fresh_state(SQLITE, tmp_path) as opened:
            yield opened


class TestOnPostgresql(DatabaseContract):
    @pytest.fixture
    def state(self, postgresql_url: str, tmp_path: Path) -> Iterator[State]:
        with fresh_state(postgresql_url, tmp_path) as opened:
            yield opened

    def test_the_whole_audit_cannot_be_emptied_at_once(self, state: State) -> None:
        state.audit.add(DEED)
        with pytest.raises(DBAPIError, match="append-only"), state.database.writing() as connection:
            connection.exec_driver_sql("TRUNCATE instar_audit")
