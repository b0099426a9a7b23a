"""The gate that reads Liquibase's change log and its lock, as Liquibase wrote them."""

from pathlib import Path

import pytest
from tests.support.histories import LiquibaseFolder, ask, run_sql

from instar.gates.question import LiquibaseQuestion
from realdatabases.tools import MigrationTools

ORDERS = "--changeset ana:orders\nCREATE TABLE orders (i int);\n--rollback DROP TABLE orders;\n"
WEIGHT = "--changeset ana:weight\nCREATE TABLE weights (i int);\n--rollback DROP TABLE weights;\n"
BROKEN = "--changeset ana:weight\nCREATE TABLE weights (i int);\nSELECT * FROM nowhere;\n"
MARKED = (
    "--changeset ana:marked\n--preconditions onFail:MARK_RAN\n--precondition-sql-check expectedResult:1 SELECT 0\n"
    "CREATE TABLE marked (i int);\n"
)


class OnAnyDatabase:
    """``database`` is the URL of an empty one; the subclasses give it."""

    def test_a_gate_blocks_until_its_change_set_has_run_and_again_once_it_is_rolled_back(
        self, tmp_path: Path, database: str, migration_tools: MigrationTools
    ) -> None:
        liquibase = LiquibaseFolder(migration_tools, tmp_path / "changes", database)
        question = LiquibaseQuestion(database, changeset=("weight", "ana", "./db.sql"))
        answers = [ask(question, tmp_path).answer]
        liquibase.changes(ORDERS)
        liquibase.run("update")
        answers.append(ask(question, tmp_path).answer)
        liquibase.changes(ORDERS + WEIGHT)
        liquibase.run("update")
        answers.append(ask(question, tmp_path).answer)
        elsewhere = ask(LiquibaseQuestion(database, changeset=("weight", "ana", "other.sql")), tmp_path)
        assert (elsewhere.answer, "in db.sql" in elsewhere.evidence) == ("not-applied", True)
        liquibase.run("rollback-count", "1")
        answers.append(ask(question, tmp_path).answer)
        assert answers == ["not-applied", "not-applied", "applied", "not-applied"]

    def test_a_gate_blocks_until_its_tag_is_set(
        self, tmp_path: Path, database: str, migration_tools: MigrationTools
    ) -> None:
        liquibase = LiquibaseFolder(migration_tools, tmp_path / "changes", database)
        question = LiquibaseQuestion(database, tag="v7")
        liquibase.changes(ORDERS)
        liquibase.run("update")
        assert ask(question, tmp_path).answer == "not-applied"
        liquibase.run("tag", "v7")
        assert ask(question, tmp_path).answer == "applied"

    def test_a_change_set_that_failed_blocks_and_one_that_was_only_marked_is_unknown(
        self, tmp_path: Path, database: str, migration_tools: MigrationTools
    ) -> None:
        liquibase = LiquibaseFolder(migration_tools, tmp_path / "changes", database)
        liquibase.changes(MARKED + BROKEN)
        liquibase.run("update", fails=True)
        marked = ask(LiquibaseQuestion(database, changeset=("marked", "ana", "db.sql")), tmp_path)
        assert (marked.answer, "without running it" in marked.evidence) == ("unknown", True)
        broken = LiquibaseQuestion(database, changeset=("weight", "ana", "db.sql"))
        assert ask(broken, tmp_path).answer == "not-applied"
        run_sql(database, "UPDATE DATABASECHANGELOG SET EXECTYPE = 'FAILED', ID = 'weight'")  # of no Liquibase we saw
        assert ask(broken, tmp_path).answer == "dirty"

    def test_without_its_lock_table_nobody_knows_whether_liquibase_is_at_work(
        self, tmp_path: Path, database: str, migration_tools: MigrationTools
    ) -> None:
        liquibase = LiquibaseFolder(migration_tools, tmp_path / "changes", database)
        liquibase.changes(WEIGHT)
        liquibase.run("update")
        question = LiquibaseQuestion(database, changeset=("weight", "ana", "db.sql"), lock_table="OTHER")
        verdict = ask(question, tmp_path)
        assert (verdict.answer, "no table OTHER" in verdict.evidence) == ("unknown", True)


class TestOnSqlite(OnAnyDatabase):
    @pytest.fixture
    def database(self, tmp_path: Path) -> str:
        (tmp_path / "shop.db").touch()
        return f"sqlite:///{tmp_path / 'shop.db'}"

    def test_a_lock_that_is_held_is_dirty_until_the_real_release(
        self, tmp_path: Path, database: str, migration_tools: MigrationTools
    ) -> None:
        liquibase = LiquibaseFolder(migration_tools, tmp_path / "changes", database)
        liquibase.changes(WEIGHT)
        liquibase.run("update")
        question = LiquibaseQuestion(database, changeset=("weight", "ana", "db.sql"))
        run_sql(database, "UPDATE DATABASECHANGELOGLOCK SET LOCKED = 1, LOCKEDBY = 'ana (10.0.0.7)'")
        dirty = ask(question, tmp_path)
        assert (dirty.answer, "by ana (10.0.0.7)" in dirty.evidence) == ("dirty", True)
        liquibase.run("release-locks")
        assert ask(question, tmp_path).answer == "applied"


class TestOnPostgresql(OnAnyDatabase):
    @pytest.fixture
    def database(self, postgresql_url: str) -> str:
        return postgresql_url

    def test_a_liquibase_at_work_and_one_that_was_killed_are_dirty_until_the_real_release(
        self, tmp_path: Path, database: str, migration_tools: MigrationTools
    ) -> None:
        liquibase = LiquibaseFolder(migration_tools, tmp_path / "changes", database)
        liquibase.changes(WEIGHT)
        liquibase.run("update")
        question = LiquibaseQuestion(database, changeset=("weight", "ana", "db.sql"))
        assert ask(question, tmp_path).answer == "applied"
        liquibase.changes(WEIGHT + "--changeset ana:slow\nSELECT pg_sleep(600);\n")
        process = migration_tools.liquibase_process(*liquibase.arguments("update"), folder=tmp_path)
        try:
            process.wait_until(lambda: ask(question, tmp_path).answer == "dirty", timeout_s=120)
        finally:
            process.kill()
        killed = ask(question, tmp_path)
        assert (killed.answer, "locked since" in killed.evidence) == ("dirty", True)
        liquibase.run("release-locks")
        assert ask(question, tmp_path).answer == "applied"
