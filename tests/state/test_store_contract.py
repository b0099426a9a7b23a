"""What a coordinator may rely on, whichever store it has: in memory, SQLite, PostgreSQL."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.states import HOUR_MS, SQLITE, MemoryLab, StateLab, StoreLab, fresh_state

from instar.core.ledger import Sound
from instar.core.rollout.storage import Conflict, Held, LeaseLost, LeaseTaken, Noted

NAME = "orders-v3"
TTL_MS = 30_000


def noted(action: str = "apply", uses: str = "", fingerprint: str = "f1") -> Noted:
    return Noted("ada@laptop", action, "a new format", fingerprint, {"note": action}, uses)


class StoreContract:
    def test_nothing_is_held_before_the_first_write(self, lab: StoreLab) -> None:
        assert lab.store.held(NAME) == Held(None, 0)

    def test_what_was_written_is_held_and_each_write_is_one_entry(self, lab: StoreLab) -> None:
        document = {"phase": "expanded", "made": [{"topic": "orders.v3", "settings": {"retention.ms": "-1"}}], "n": 1.5}
        with lab.store.lease(NAME, "ada") as lease:
            assert lab.store.write(NAME, document, noted(), expected_revision=0, lease=lease) == 1
            assert lab.store.held(NAME) == Held(document, 1)
            assert lab.store.write(NAME, {}, noted("switch"), expected_revision=1, lease=lease) == 2
        assert lab.store.held(NAME) == Held({}, 2)
        assert [each.action for each in lab.noted(NAME)] == ["apply", "switch"]
        assert lab.store.held("other") == Held(None, 0)

    @pytest.mark.parametrize("expected", [0, 2])
    def test_a_write_against_another_revision_changes_nothing(self, lab: StoreLab, expected: int) -> None:
        with lab.store.lease(NAME, "ada") as lease:
            lab.store.write(NAME, {"a": 1}, noted(), expected_revision=0, lease=lease)
            with pytest.raises(Conflict, match=f"not at revision {expected}"):
                lab.store.write(NAME, {"a": 2}, noted("switch"), expected_revision=expected, lease=lease)
        assert lab.store.held(NAME) == Held({"a": 1}, 1)
        assert len(lab.noted(NAME)) == 1

    def test_details_that_are_no_json_leave_nothing_behind(self, lab: StoreLab) -> None:
        name = lab.approved(NAME, "apply", "f1")
        bad = Noted("ada", "apply", "", "f1", {"when": object()}, name)
        with lab.store.lease(NAME, "ada") as lease:
            with pytest.raises(TypeError):
                lab.store.write(NAME, {"a": 1}, bad, expected_revision=0, lease=lease)
            assert lab.store.held(NAME) == Held(None, 0)
            lab.store.write(NAME, {"a": 1}, noted(uses=name), expected_revision=0, lease=lease)

    # ------------------------------------------------------------------ leases

    def test_one_holder_at_a_time_and_the_other_is_told_who_and_for_how_long(self, lab: StoreLab) -> None:
        with lab.store.lease(NAME, "ada@laptop"):
            with pytest.raises(LeaseTaken) as taken, lab.store.lease(NAME, "bob"):
                pass
            assert taken.value.owner == "ada@laptop"
            assert 0 < taken.value.for_s <= TTL_MS / 1000
            with lab.store.lease("other", "bob"):
                pass
        with lab.store.lease(NAME, "bob"):
            pass

    def test_it_is_given_back_when_left_by_an_exception(self, lab: StoreLab) -> None:
        with pytest.raises(ZeroDivisionError), lab.store.lease(NAME, "ada"):
            raise ZeroDivisionError
        with lab.store.lease(NAME, "bob"):
            pass

    def test_its_token_grows_with_every_holder(self, lab: StoreLab) -> None:
        tokens = []
        for owner in ("ada", "bob", "ada"):
            with lab.store.lease(NAME, owner) as lease:
                tokens.append(lease.token)
        assert tokens == sorted(set(tokens))

    def test_renewed_it_lasts_and_forgotten_it_is_lost(self, lab: StoreLab) -> None:
        with lab.store.lease(NAME, "ada") as lease:
            for _ in range(3):
                lab.pass_time(TTL_MS - 5_000)
                lease.renew()
            with pytest.raises(LeaseTaken), lab.store.lease(NAME, "bob"):
                pass
            lab.pass_time(TTL_MS)
            with pytest.raises(LeaseLost):
                lease.renew()
            with pytest.raises(LeaseLost, match="ada no longer has orders-v3"):
                lab.store.write(NAME, {}, noted(), expected_revision=0, lease=lease)
        assert lab.store.held(NAME) == Held(None, 0)

    def test_who_slept_through_their_time_neither_writes_nor_ends_the_next_ones(self, lab: StoreLab) -> None:
        with lab.store.lease(NAME, "ada") as old:
            lab.pass_time(TTL_MS)
            with lab.store.lease(NAME, "bob") as new:
                assert new.token > old.token
                with pytest.raises(LeaseLost):
                    old.renew()
                with pytest.raises(LeaseLost):
                    lab.store.write(NAME, {"by": "ada"}, noted(), expected_revision=0, lease=old)
                lab.store.write(NAME, {"by": "bob"}, noted(), expected_revision=0, lease=new)
        assert lab.store.held(NAME) == Held({"by": "bob"}, 1)

    def test_leaving_late_does_not_give_away_the_next_ones(self, lab: StoreLab) -> None:
        late = lab.store.lease(NAME, "ada")
        late.__enter__()
        lab.pass_time(TTL_MS)
        with lab.store.lease(NAME, "bob"):
            late.__exit__(None, None, None)
            with pytest.raises(LeaseTaken), lab.store.lease(NAME, "carol"):
                pass

    def test_after_it_was_given_back_nothing_is_written_with_it(self, lab: StoreLab) -> None:
        with lab.store.lease(NAME, "ada") as lease:
            pass
        with pytest.raises(LeaseLost):
            lab.store.write(NAME, {}, noted(), expected_revision=0, lease=lease)
        with pytest.raises(LeaseLost):
            lease.renew()

    def test_the_lease_of_one_migration_writes_no_other(self, lab: StoreLab) -> None:
        with lab.store.lease("other", "ada") as lease, pytest.raises(LeaseLost):
            lab.store.write(NAME, {}, noted(), expected_revision=0, lease=lease)
        assert lab.store.held(NAME) == Held(None, 0)

    # ------------------------------------------------------------------ approvals

    def test_an_approval_is_used_once(self, lab: StoreLab) -> None:
        name = lab.approved(NAME, "switch", "f1")
        with lab.store.lease(NAME, "ada") as lease:
            lab.store.write(NAME, {"n": 1}, noted("switch", name), expected_revision=0, lease=lease)
            with pytest.raises(Conflict, match=f"approval {name} is used"):
                lab.store.write(NAME, {"n": 2}, noted("switch", name), expected_revision=1, lease=lease)
        assert lab.store.held(NAME) == Held({"n": 1}, 1)
        assert len(lab.noted(NAME)) == 1

    def test_a_write_that_did_not_happen_used_no_approval(self, lab: StoreLab) -> None:
        name = lab.approved(NAME, "switch", "f1")
        with lab.store.lease(NAME, "ada") as lease:
            with pytest.raises(Conflict):
                lab.store.write(NAME, {}, noted("switch", name), expected_revision=7, lease=lease)
            lab.store.write(NAME, {}, noted("switch", name), expected_revision=0, lease=lease)

    def test_the_approval_of_a_command_that_interrupts_another_is_for_that_command(self, lab: StoreLab) -> None:
        name = lab.approved(NAME, "rollback", "f1")
        with lab.store.lease(NAME, "ada") as lease:
            lab.store.write(NAME, {}, noted("switch: rollback", name), expected_revision=0, lease=lease)

    @pytest.mark.parametrize("wrong", ["unknown", "unanswered", "migration", "action", "plan", "expired"])
    def test_what_is_no_approval_of_this_is_refused(self, lab: StoreLab, wrong: str) -> None:
        made = {
            "unknown": lambda: "nobody-said-so",
            "unanswered": lambda: lab.approved(NAME, "switch", "f1", answer=False),
            "migration": lambda: lab.approved("other", "switch", "f1"),
            "action": lambda: lab.approved(NAME, "retire", "f1"),
            "plan": lambda: lab.approved(NAME, "switch", "f2"),
            "expired": lambda: lab.approved(NAME, "switch", "f1"),
        }
        name = made[wrong]()
        if wrong == "expired":
            lab.pass_time(HOUR_MS)
        with lab.store.lease(NAME, "ada") as lease, pytest.raises(Conflict, match=f"approval {name}"):
            lab.store.write(NAME, {}, noted("switch", name), expected_revision=0, lease=lease)
        assert lab.store.held(NAME) == Held(None, 0)
        assert lab.noted(NAME) == []


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def lab(self) -> StoreLab:
        return MemoryLab()


class DatabaseContract(StoreContract):
    """What a model in one thread cannot show."""

    def test_of_many_at_once_one_decides(self, lab: StateLab) -> None:
        name = lab.approved(NAME, "switch", "f1")
        begin, answers = threading.Barrier(6), []

        def operate(number: int) -> None:
            begin.wait()
            try:
                with lab.store.lease(NAME, f"operator {number}") as lease:
                    lab.store.write(NAME, {"by": number}, noted("switch", name), expected_revision=0, lease=lease)
                    answers.append("wrote")
            except (LeaseTaken, Conflict) as no:
                answers.append(type(no).__name__)

        threads = [threading.Thread(target=operate, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (len(answers), answers.count("wrote")) == (6, 1)
        assert len(lab.noted(NAME)) == 1

    def test_migrations_are_moved_at_once_and_the_chain_is_one(self, lab: StateLab) -> None:
        begin, failures = threading.Barrier(4), []

        def move(number: int) -> None:
            begin.wait()
            try:
                with lab.store.lease(f"m{number}", "ada") as lease:
                    for revision in range(5):
                        lab.store.write(f"m{number}", {"n": revision}, noted(), expected_revision=revision, lease=lease)
            except Exception as failure:
                failures.append(failure)

        threads = [threading.Thread(target=move, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        entries = lab.state.ledger.entries()
        assert [entry.number for entry in entries] == list(range(1, 21))
        assert isinstance(lab.state.ledger.verify(), Sound)
        assert set(lab.store.all()) == {"m0", "m1", "m2", "m3"}


class TestSqliteStore(DatabaseContract):
    @pytest.fixture
    def lab(self, tmp_path: Path) -> Iterator[StateLab]:
        with fresh_state(SQLITE, tmp_path) as state:
            yield StateLab(state)


class TestPostgresqlStore(DatabaseContract):
    @pytest.fixture
    def lab(self, postgresql_url: str, tmp_path: Path) -> Iterator[StateLab]:
        with fresh_state(postgresql_url, tmp_path) as state:
            yield StateLab(state)
