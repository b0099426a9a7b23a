"""The ledger cannot be changed, and where somebody changed it all the same, that is found and named."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from tests.support.states import SQLITE, fresh_state, tampered

from instar.core.ledger import Broken, Head, Sound
from instar.core.rollout.storage import Noted
from instar.state.opening import State
from instar.state.tables import ledger, ledger_heads, rollouts


def written(state: State) -> Head:
    """Six entries: of the environment, and of two migrations with and without their state; where it ends."""
    state.ledger.note("", Noted("ada", "db upgrade", "", ""))
    for name in ("orders-v3", "bills-v2"):
        with state.rollouts.lease(name, "ada") as lease:
            noted = Noted("ada", "apply", "a new format", "f", {"steps": ["create topic"]})
            state.rollouts.write(name, {"phase": "expanded"}, noted, expected_revision=0, lease=lease)
    state.ledger.note("orders-v3", Noted("bob", "offsets translated", "", "f", {"group": "billing"}))
    with state.rollouts.lease("orders-v3", "ada") as lease:
        noted = Noted("ada", "switch", "all is verified", "f")
        state.rollouts.write("orders-v3", {"phase": "switched"}, noted, expected_revision=1, lease=lease)
    state.ledger.note("", Noted("ada", "reader declared", "", ""))
    return state.ledger.head()


class LedgerContract:
    def test_it_tells_of_one_migration_of_all_and_of_the_newest(self, state: State) -> None:
        head = written(state)
        numbers = [entry.number for entry in state.ledger.entries()]
        assert numbers == [1, 2, 3, 4, 5, 6]
        assert [entry.number for entry in state.ledger.entries("orders-v3")] == [2, 4, 5]
        assert [entry.number for entry in state.ledger.entries("orders-v3", newest=2)] == [4, 5]
        assert [entry.number for entry in state.ledger.entries(after=4)] == [5, 6]
        assert state.ledger.entries("nobody") == []
        assert state.ledger.verify() == Sound(head)
        assert head.number == 6

    def test_words_that_no_database_takes_are_kept_as_escapes(self, state: State) -> None:
        odd = Noted("ada\ud800", "a\0b", "für später 🦋", "f", {"nul": "\0", "half": "\udc80"})
        state.ledger.note("", odd)
        (entry,) = state.ledger.entries()
        assert (entry.actor, entry.action, entry.reason) == ("ada\\ud800", "a\\x00b", "für später 🦋")
        assert isinstance(state.ledger.verify(), Sound)

    @pytest.mark.parametrize(
        "change",
        [
            sa.update(ledger).where(ledger.c.number == 4).values(reason="another"),
            sa.update(ledger).values(actor=ledger.c.actor),
            sa.delete(ledger).where(ledger.c.number == 6),
            sa.delete(ledger),
        ],
        ids=str,
    )
    def test_the_database_refuses_to_change_or_delete_entries(self, state: State, change: sa.UpdateBase) -> None:
        head = written(state)
        with pytest.raises(DBAPIError, match="append-only"), state.database.writing() as connection:
            connection.execute(change)
        assert state.ledger.verify() == Sound(head)

    @pytest.mark.parametrize(
        ("change", "number", "why"),
        [
            (sa.update(ledger).where(ledger.c.number == 4).values(actor="eve"), 4, "edited"),
            (sa.update(ledger).where(ledger.c.number == 1).values(at_ms=1), 1, "edited"),
            (sa.update(ledger).where(ledger.c.number == 5).values(details='{"approval": "x"}'), 5, "edited"),
            (sa.delete(ledger).where(ledger.c.number == 3), 3, "entries 3 to 3 were removed"),
            (sa.delete(ledger).where(ledger.c.migration == "orders-v3"), 2, "removed"),
            (sa.delete(ledger).where(ledger.c.number > 4), 5, "entries 5 to 6 were removed"),
            (sa.delete(ledger), 1, "entries 1 to 6 were removed"),
            (sa.delete(ledger_heads), 6, "not where the ledger ended"),
        ],
        ids=str,
    )
    def test_who_gets_around_that_is_found_at_the_first_wrong_entry(
        self, state: State, change: sa.UpdateBase, number: int, why: str
    ) -> None:
        written(state)
        tampered(state, change)
        found = state.ledger.verify()
        assert isinstance(found, Broken)
        assert found.number == number
        assert why in found.why

    def test_a_state_that_is_not_what_its_last_entry_wrote_is_found(self, state: State) -> None:
        written(state)
        for change, number, migration in (
            (sa.update(rollouts).where(rollouts.c.migration == "orders-v3").values(document="{}"), 5, "orders-v3"),
            (sa.update(rollouts).where(rollouts.c.migration == "bills-v2").values(revision=9), 3, "bills-v2"),
            (sa.delete(rollouts).where(rollouts.c.migration == "bills-v2"), 3, "bills-v2"),
        ):
            tampered(state, change)
            found = state.ledger.verify()
            assert isinstance(found, Broken)
            assert (found.number, found.migration) == (number, migration)

    def test_a_state_without_any_entry_is_found(self, state: State) -> None:
        row = {"environment": "test", "migration": "ghost", "revision": 1, "document": "{}", "changed_at_ms": 1}
        tampered(state, sa.insert(rollouts).values(row))
        assert state.ledger.verify() == Broken(0, "the state of ghost was put in without an entry", "ghost")

    def test_a_tail_that_was_cut_off_with_its_end_is_found_by_who_kept_the_end(self, state: State) -> None:
        head = written(state)
        with state.database.reading() as connection:
            cut = connection.execute(sa.select(ledger.c.hash).where(ledger.c.number == 5)).scalar_one()
        tampered(state, sa.delete(ledger).where(ledger.c.number > 5))
        tampered(state, sa.update(ledger_heads).values(number=5, hash=cut))
        assert isinstance(state.ledger.verify(), Sound)
        found = state.ledger.verify([head])
        assert isinstance(found, Broken)
        assert "removed" in found.why


class TestOnSqlite(LedgerContract):
    @pytest.fixture
    def state(self, tmp_path: Path) -> Iterator[State]:
        with fresh_state(SQLITE, tmp_path) as opened:
            yield opened

    def test_an_entry_cannot_be_replaced_either(self, state: State) -> None:
        head = written(state)
        (entry,) = state.ledger.entries(after=5)
        row = {name: getattr(entry, name) for name in ledger.columns.keys()}  # noqa: SIM118 - no mapping
        with pytest.raises(DBAPIError, match="append-only"), state.database.writing() as connection:
            connection.execute(sa.insert(ledger).prefix_with("OR REPLACE").values(row | {"actor": "eve"}))
        assert state.ledger.verify() == Sound(head)


class TestOnPostgresql(LedgerContract):
    @pytest.fixture
    def state(self, postgresql_url: str, tmp_path: Path) -> Iterator[State]:
        with fresh_state(postgresql_url, tmp_path) as opened:
            yield opened

    def test_it_cannot_be_emptied_either(self, state: State) -> None:
        head = written(state)
        with pytest.raises(DBAPIError, match="append-only"), state.database.writing() as connection:
            connection.exec_driver_sql("TRUNCATE instar_ledger")
        assert state.ledger.verify() == Sound(head)
