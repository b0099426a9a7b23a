"""Verifications, rehearsals, declared readers, samples and worker events come back as they were kept."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.states import SQLITE, fresh_state

from instar.core.rollout.limits import Sample
from instar.state import verifications
from instar.state.errors import NotThere
from instar.state.opening import State
from instar.state.readers import DeclaredReader
from instar.state.rehearsals import Rehearsed
from instar.state.verifications import Verified
from instar.state.worker_events import WorkerEvent

NAME = "orders-v3"


class NounContract:
    def test_the_newest_verification_of_a_plan_counts_right_or_not(self, state: State) -> None:
        assert state.verifications.newest(NAME, "f1") is None
        right = Verified(NAME, "f1", 1000, True, 5000, {"scope": {"partitions": 4}, "read": 10, "share": 0.5})
        wrong = Verified(NAME, "f1", 2000, False, 0, {"mismatches": [{"offset": 7}]})
        state.verifications.save(right, "ada")
        assert state.verifications.newest(NAME, "f1") == right
        state.verifications.save(wrong, "ada")
        state.verifications.save(replace(right, at_ms=500), "ada")  # saved late, looked at earlier
        assert state.verifications.newest(NAME, "f1") == wrong
        assert state.verifications.newest(NAME, "f2") is None
        assert state.verifications.newest("bills-v2", "f1") is None
        told = [entry.action for entry in state.ledger.entries(NAME)]
        assert told == ["verification passed", "verification failed", "verification passed"]

    def test_a_verification_that_does_not_count_is_kept_and_decides_nothing(self, state: State) -> None:
        whole = Verified(NAME, "f1", 1000, True, 5000, {"mode": "full"})
        partial = Verified(NAME, "f1", 2000, True, 0, {"mode": "counts"})
        state.verifications.save(partial, "ada")
        assert state.verifications.newest(NAME, "f1") is None
        state.verifications.save(whole, "ada")
        state.verifications.save(partial, "ada")
        assert state.verifications.newest(NAME, "f1") == whole
        assert [each for _, each in state.verifications.list(NAME, 9)] == [partial, whole, partial]
        assert [entry.action for entry in state.ledger.entries(NAME)] == ["verification passed"]

    def test_verifications_are_read_by_their_ids_newest_first(self, state: State) -> None:
        for at_ms in (1000, 2000, 3000):
            state.verifications.save(Verified(NAME, "f1", at_ms, True, 0, {}), "ada")
        state.verifications.save(Verified("bills-v2", "f1", 9, True, 0, {}), "ada")
        (last, _), (middle, _) = state.verifications.list(NAME, 2)
        [(first, oldest)] = state.verifications.list(NAME, 2, middle)
        assert first < middle < last
        assert state.verifications.get(NAME, first) == oldest
        with pytest.raises(NotThere, match=f"bills-v2 has no verification {first}"):
            state.verifications.get("bills-v2", first)

    def test_the_last_verifications_stay_and_those_that_still_decide(
        self, state: State, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(verifications, "KEPT", 3)
        decides = [
            Verified(NAME, "f1", 1000, True, 5000, {}),
            Verified(NAME, "f2", 500, False, 0, {}),
            Verified("bills-v2", "f1", 1, True, 0, {}),
        ]
        state.verifications.save(Verified(NAME, "f1", 900, False, 0, {}), "ada")  # superseded
        for each in decides:
            state.verifications.save(each, "ada")
        for at_ms in range(2000, 2010):
            state.verifications.save(Verified(NAME, "f1", at_ms, True, 0, {}), "ada")
        kept = [(each.fingerprint, each.at_ms) for _, each in state.verifications.list(NAME, 99)]
        assert kept == [("f1", 2009), ("f1", 2008), ("f1", 2007), ("f2", 500), ("f1", 1000)]
        assert state.verifications.newest(NAME, "f1") == decides[0]
        assert state.verifications.newest(NAME, "f2") == decides[1]
        assert len(state.verifications.list("bills-v2", 9)) == 1

    def test_the_newest_rehearsal_of_a_plan_counts(self, state: State) -> None:
        assert state.rehearsals.newest(NAME, "f1") is None
        failed = Rehearsed(NAME, "f1", 1000, False, {"at": "switch"})
        state.rehearsals.save(failed, "ada")
        state.rehearsals.save(replace(failed, at_ms=2000, passed=True), "ada")
        assert state.rehearsals.newest(NAME, "f1") == replace(failed, at_ms=2000, passed=True)
        assert state.rehearsals.newest(NAME, "f2") is None
        assert [entry.action for entry in state.ledger.entries(NAME)] == ["rehearsal failed", "rehearsal passed"]

    def test_a_reader_is_declared_anew_and_withdrawn(self, state: State) -> None:
        billing = DeclaredReader("billing", "orders", 1, "team-b", 9000)
        state.readers.declare(billing, "ada")
        state.readers.declare(replace(billing, subject="bills"), "ada")
        kept = state.readers.declare(replace(billing, version=2, expires_at_ms=9900), "bob")
        assert (kept.version, kept.expires_at_ms, kept.declared_by) == (2, 9900, "bob")
        assert state.readers.list("orders") == [kept]
        assert [reader.subject for reader in state.readers.list()] == ["bills", "orders"]
        state.readers.withdraw("billing", "orders", "bob", "moved")
        assert state.readers.list("orders") == []
        with pytest.raises(NotThere, match="billing is not declared"):
            state.readers.withdraw("billing", "orders", "bob", "again")
        told = [(entry.actor, entry.action) for entry in state.ledger.entries()]
        assert told == [("ada", "reader declared")] * 2 + [("bob", "reader declared"), ("bob", "reader withdrawn")]

    def test_samples_come_in_order_with_the_last_one_before(self, state: State) -> None:
        samples = [Sample(at_ms, at_ms * 2**40, 1, None, None, 1.25) for at_ms in (1000, 2000, 3000, 4000)]
        for sample in (samples[2], samples[0], samples[3], samples[1]):
            state.samples.keep(NAME, sample)
        state.samples.keep(NAME, replace(samples[0], read=7))  # of the same moment: the first is kept
        state.samples.keep("bills-v2", Sample(2500))
        assert state.samples.since(NAME, 0) == tuple(samples)
        assert state.samples.since(NAME, 3000) == tuple(samples[1:])
        assert state.samples.since(NAME, 9000) == (samples[3],)
        assert state.samples.prune(NAME, 3000) == 2
        assert state.samples.since(NAME, 0) == tuple(samples[2:])
        assert state.samples.since("bills-v2", 0) == (Sample(2500),)

    def test_a_worker_event_is_kept_once_however_often_it_is_told(self, state: State) -> None:
        events = [WorkerEvent(f"e{n}", NAME, 1000 + n, "instar-0", "started", {"n": n}) for n in range(3)]
        assert state.worker_events.keep(events[:2]) == 2
        assert state.worker_events.keep(events) == 1
        assert state.worker_events.keep([]) == 0
        assert state.worker_events.list(NAME) == events
        assert state.worker_events.list(NAME, newest=1) == events[2:]
        assert state.worker_events.list("bills-v2") == []


class TestOnSqlite(NounContract):
    @pytest.fixture
    def state(self, tmp_path: Path) -> Iterator[State]:
        with fresh_state(SQLITE, tmp_path) as opened:
            yield opened


class TestOnPostgresql(NounContract):
    @pytest.fixture
    def state(self, postgresql_url: str, tmp_path: Path) -> Iterator[State]:
        with fresh_state(postgresql_url, tmp_path) as opened:
            yield opened
