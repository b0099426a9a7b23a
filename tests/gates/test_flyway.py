"""The gate that reads Flyway's history, on histories that Flyway wrote."""

from pathlib import Path

import pytest
from tests.support.histories import FlywayFolder, ask, run_sql

from instar.gates.flyway import version_key
from instar.gates.question import FlywayQuestion
from realdatabases.tools import MigrationTools

HALF = "CREATE TABLE half (i int);\nSELECT * FROM nowhere;"


class OnAnyDatabase:
    """``database`` is the URL of an empty one; the subclasses give it."""

    def test_a_gate_blocks_until_its_version_is_applied(
        self, tmp_path: Path, database: str, migration_tools: MigrationTools
    ) -> None:
        flyway = FlywayFolder(migration_tools, tmp_path / "sql", database)
        question = FlywayQuestion(database, "7.0")
        assert ask(question, tmp_path).answer == "not-applied"
        flyway.script("V6__orders.sql", "CREATE TABLE orders (i int);")
        flyway.script("R__view.sql", "CREATE VIEW seven AS SELECT 7 AS version;")  # a repeatable one has no version
        assert flyway.run("migrate") == ["ok"]
        blocked = ask(question, tmp_path)
        assert (blocked.answer, "the newest is 6" in blocked.evidence) == ("not-applied", True)
        flyway.script("V7__weight.sql", "ALTER TABLE orders ADD COLUMN weight int;")
        assert flyway.run("migrate") == ["ok"]
        opened = ask(question, tmp_path)
        assert (opened.answer, "V7__weight.sql" in opened.evidence) == ("applied", True)

    def test_what_ran_out_of_order_says_nothing_of_what_is_below_it(
        self, tmp_path: Path, database: str, migration_tools: MigrationTools
    ) -> None:
        flyway = FlywayFolder(migration_tools, tmp_path / "sql", database)
        flyway.script("V8__later.sql", "CREATE TABLE later (i int);")
        assert flyway.run("migrate") == ["ok"]
        assert ask(FlywayQuestion(database, "7"), tmp_path).answer == "not-applied"
        flyway.script("V7__earlier.sql", "CREATE TABLE earlier (i int);")
        assert flyway.run("migrate", outOfOrder="true") == ["ok"]
        assert ask(FlywayQuestion(database, "7"), tmp_path).answer == "applied"

    def test_a_baseline_covers_what_is_not_above_it(
        self, tmp_path: Path, database: str, migration_tools: MigrationTools
    ) -> None:
        run_sql(database, "CREATE TABLE older_than_flyway (i int)")
        flyway = FlywayFolder(migration_tools, tmp_path / "sql", database)
        assert flyway.run("baseline", baselineVersion="7", table="history") == ["ok"]
        answers = {
            version: ask(FlywayQuestion(database, version, table="history"), tmp_path)
            for version in ("6.9", "7", "7.1")
        }
        assert {version: each.answer for version, each in answers.items()} == {
            "6.9": "applied",
            "7": "applied",
            "7.1": "not-applied",
        }
        assert "covered by the baseline 7" in answers["6.9"].evidence

    @pytest.mark.parametrize(
        ("kind", "answer"), [("UNDO_SQL", "not-applied"), ("DELETE", "unknown"), ("SQL", "applied"), (None, "applied")]
    )
    def test_the_last_row_of_a_version_decides(
        self, tmp_path: Path, database: str, kind: str | None, answer: str
    ) -> None:
        """Rows as Flyway's paid editions and `repair` write them, by hand."""
        row = "INSERT INTO flyway_schema_history VALUES"
        later = [] if kind is None else [f"{row} (3, '7.0', '{kind}', 'V7__weight.sql', {self.TRUE})"]
        run_sql(
            database,
            "CREATE TABLE flyway_schema_history"
            " (installed_rank int, version text, type text, script text, success boolean)",
            f"{row} (1, NULL, 'SCHEMA', 'made the schema', {self.TRUE})",
            f"{row} (2, '7', 'SQL', 'V7__weight.sql', {self.TRUE})",
            *later,
        )
        assert ask(FlywayQuestion(database, "7"), tmp_path).answer == answer

    TRUE = "true"


class TestOnSqlite(OnAnyDatabase):
    @pytest.fixture
    def database(self, tmp_path: Path) -> str:
        (tmp_path / "shop.db").touch()
        return f"sqlite:///{tmp_path / 'shop.db'}"

    def test_a_migration_that_failed_halfway_is_dirty_until_it_is_repaired_and_applied(
        self, tmp_path: Path, database: str, migration_tools: MigrationTools
    ) -> None:
        flyway = FlywayFolder(migration_tools, tmp_path / "sql", database)
        flyway.script("V7__weight.sql", HALF, in_transaction=False)
        assert flyway.run("migrate")[0].startswith("failed")
        dirty = ask(FlywayQuestion(database, "7"), tmp_path)
        assert (dirty.answer, "V7__weight.sql failed" in dirty.evidence) == ("dirty", True)
        flyway.script("V7__weight.sql", "CREATE TABLE whole (i int);")
        assert flyway.run("repair") == ["ok"]
        assert ask(FlywayQuestion(database, "7"), tmp_path).answer == "not-applied"
        assert flyway.run("migrate") == ["ok"]
        assert ask(FlywayQuestion(database, "7"), tmp_path).answer == "applied"

    def test_a_later_migration_that_failed_closes_the_gate_of_an_earlier_one(
        self, tmp_path: Path, database: str, migration_tools: MigrationTools
    ) -> None:
        flyway = FlywayFolder(migration_tools, tmp_path / "sql", database)
        flyway.script("V7__weight.sql", "CREATE TABLE whole (i int);")
        flyway.script("R__view.sql", HALF, in_transaction=False)
        assert flyway.run("migrate")[0].startswith("failed")
        assert ask(FlywayQuestion(database, "7"), tmp_path).answer == "dirty"


class TestOnPostgresql(OnAnyDatabase):
    @pytest.fixture
    def database(self, postgresql_url: str) -> str:
        return postgresql_url

    def test_flyway_keeps_no_trace_of_a_failure_here_so_the_gate_stays_closed_without_a_reason(
        self, tmp_path: Path, database: str, migration_tools: MigrationTools
    ) -> None:
        """Seen of Flyway 13: outside of a transaction too, where the half that ran stays. docs/gates.md says so."""
        flyway = FlywayFolder(migration_tools, tmp_path / "sql", database)
        flyway.script("V7__weight.sql", HALF, in_transaction=False)
        assert flyway.run("migrate")[0].startswith("failed")
        run_sql(database, "SELECT * FROM half")
        assert ask(FlywayQuestion(database, "7"), tmp_path).answer == "not-applied"

    def test_a_row_of_a_failure_is_dirty_until_the_real_repair_took_it_away(
        self, tmp_path: Path, database: str, migration_tools: MigrationTools
    ) -> None:
        """The row as earlier versions of Flyway leave it, made of one that Flyway wrote."""
        flyway = FlywayFolder(migration_tools, tmp_path / "sql", database)
        flyway.script("V7__weight.sql", "CREATE TABLE whole (i int);")
        assert flyway.run("migrate") == ["ok"]
        run_sql(database, "UPDATE flyway_schema_history SET success = false", "DROP TABLE whole")
        assert ask(FlywayQuestion(database, "7"), tmp_path).answer == "dirty"
        assert flyway.run("repair", "migrate") == ["ok", "ok"]
        assert ask(FlywayQuestion(database, "7"), tmp_path).answer == "applied"

    def test_the_schema_that_flyway_made_is_the_one_that_is_looked_in(
        self, tmp_path: Path, database: str, migration_tools: MigrationTools
    ) -> None:
        flyway = FlywayFolder(migration_tools, tmp_path / "sql", database)
        flyway.script("V7__weight.sql", "CREATE TABLE whole (i int);")
        assert flyway.run("migrate", schemas="shop") == ["ok"]
        assert ask(FlywayQuestion(database, "7", schema="shop"), tmp_path).answer == "applied"
        assert ask(FlywayQuestion(database, "7"), tmp_path).answer == "unknown"


def test_versions_are_ordered_as_flyway_orders_them() -> None:
    assert version_key("1.0") == version_key("1") == version_key("01_0")
    assert version_key("2") < version_key("10") < version_key("10.1") < version_key("2026.11.3")
    assert version_key("9" * 5000) == (-1,)
