"""The gate that reads Alembic's history, on histories that Alembic wrote."""

from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from tests.support.histories import AlembicFolder, ask, run_sql

from instar.gates.question import AlembicQuestion


class OnAnyDatabase:
    """``database`` is the URL of an empty one; the subclasses give it."""

    def test_a_gate_blocks_until_its_revision_is_applied_and_again_once_it_is_taken_back(
        self, tmp_path: Path, database: str
    ) -> None:
        alembic = AlembicFolder(tmp_path / "alembic", database)
        for id_, down in (("a1", None), ("b2", "a1"), ("c3", "b2")):
            alembic.revision(id_, down)
        question = AlembicQuestion(database, "b2", scripts=("alembic",))
        answers = [ask(question, tmp_path).answer]
        for to in ("a1", "b2", "c3"):
            alembic.upgrade(to)
            answers.append(ask(question, tmp_path).answer)
        alembic.downgrade("a1")
        answers.append(ask(question, tmp_path).answer)
        alembic.downgrade("base")
        answers.append(ask(question, tmp_path).answer)
        assert answers == ["not-applied", "not-applied", "applied", "applied", "not-applied", "not-applied"]

    def test_without_scripts_only_the_revision_itself_is_known(self, tmp_path: Path, database: str) -> None:
        alembic = AlembicFolder(tmp_path / "alembic", database)
        alembic.revision("a1", None)
        alembic.revision("b2", "a1")
        alembic.upgrade("a1")
        assert ask(AlembicQuestion(database, "a1"), tmp_path).answer == "applied"
        alembic.upgrade("b2")
        verdict = ask(AlembicQuestion(database, "a1"), tmp_path)
        assert verdict.answer == "unknown"
        assert "add them to the gate" in verdict.evidence

    def test_several_heads_count_each_with_what_lies_behind_it(self, tmp_path: Path, database: str) -> None:
        alembic = AlembicFolder(tmp_path / "alembic", database)
        alembic.revision("a1", None)
        alembic.revision("b2", "a1", branch_labels=("left",))
        alembic.revision("c2", "a1")
        alembic.revision("c3", "c2")
        alembic.revision("d1", None, depends_on="b2")
        alembic.revision("m9", ("b2", "c3"))
        alembic.upgrade("d1")  # takes a1 and b2 with it, and leaves one row
        answers = {
            each: ask(AlembicQuestion(database, each, scripts=("alembic/versions",)), tmp_path).answer
            for each in ("a1", "b2", "c2", "d1")
        }
        assert answers == {"a1": "applied", "b2": "applied", "c2": "not-applied", "d1": "applied"}
        alembic.upgrade("c2")
        answers = {
            each: ask(AlembicQuestion(database, each, scripts=("alembic",)), tmp_path).answer
            for each in ("a1", "b2", "c2", "c3", "m9")
        }
        assert answers == {"a1": "applied", "b2": "applied", "c2": "applied", "c3": "not-applied", "m9": "not-applied"}
        alembic.upgrade("m9")
        assert ask(AlembicQuestion(database, "c3", scripts=("alembic",)), tmp_path).answer == "applied"

    def test_a_database_that_is_ahead_of_the_scripts_is_unknown(self, tmp_path: Path, database: str) -> None:
        alembic = AlembicFolder(tmp_path / "alembic", database)
        for id_, down in (("a1", None), ("b2", "a1"), ("c3", "b2")):
            alembic.revision(id_, down)
        alembic.upgrade("c3")
        (tmp_path / "alembic/versions/c3_x.py").unlink()
        verdict = ask(AlembicQuestion(database, "b2", scripts=("alembic",)), tmp_path)
        assert verdict.answer == "unknown"
        assert "c3" in verdict.evidence
        assert ask(AlembicQuestion(database, "c3", scripts=("alembic",)), tmp_path).answer == "applied"

    def test_a_head_beside_one_that_lies_behind_it_is_dirty_until_it_is_mended(
        self, tmp_path: Path, database: str
    ) -> None:
        alembic = AlembicFolder(tmp_path / "alembic", database)
        alembic.revision("a1", None)
        alembic.revision("b2", "a1")
        alembic.upgrade("b2")
        question = AlembicQuestion(database, "a1", scripts=("alembic",))
        run_sql(database, "INSERT INTO alembic_version VALUES ('a1')")
        assert ask(question, tmp_path).answer == "dirty"
        run_sql(database, "DELETE FROM alembic_version WHERE version_num = 'a1'")
        assert ask(question, tmp_path).answer == "applied"


class TestOnSqlite(OnAnyDatabase):
    @pytest.fixture
    def database(self, tmp_path: Path) -> str:
        file = tmp_path / "shop.db"
        file.touch()
        return f"sqlite:///{file}"

    def test_a_database_that_is_written_is_unknown_until_it_can_be_read(self, tmp_path: Path, database: str) -> None:
        run_sql(
            database,
            "CREATE TABLE alembic_version (version_num VARCHAR(32))",
            "INSERT INTO alembic_version VALUES ('a1')",
        )
        engine = create_engine(database, isolation_level="AUTOCOMMIT")
        with engine.connect() as writer:
            writer.execute(text("BEGIN EXCLUSIVE"))
            verdict = ask(AlembicQuestion(database, "a1"), tmp_path)
            writer.execute(text("ROLLBACK"))
        engine.dispose()
        assert verdict.answer == "unknown"
        assert "locked" in verdict.evidence
        assert ask(AlembicQuestion(database, "a1"), tmp_path).answer == "applied"


class TestOnPostgresql(OnAnyDatabase):
    @pytest.fixture
    def database(self, postgresql_url: str) -> str:
        return postgresql_url

    def test_a_history_that_is_locked_is_unknown_until_it_can_be_read(self, tmp_path: Path, database: str) -> None:
        run_sql(
            database,
            "CREATE TABLE alembic_version (version_num VARCHAR(32))",
            "INSERT INTO alembic_version VALUES ('a1')",
        )
        engine = create_engine(database)
        with engine.connect() as writer:
            writer.execute(text("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE"))
            verdict = ask(AlembicQuestion(database, "a1"), tmp_path)
        engine.dispose()
        assert verdict.answer == "unknown"
        assert "lock timeout" in verdict.evidence
        assert ask(AlembicQuestion(database, "a1"), tmp_path).answer == "applied"

    def test_the_schema_of_the_history_is_kept_apart(self, tmp_path: Path, database: str) -> None:
        run_sql(database, "CREATE SCHEMA shop")
        alembic = AlembicFolder(tmp_path / "alembic", database, schema="shop")
        alembic.revision("a1", None)
        alembic.upgrade("a1")
        assert ask(AlembicQuestion(database, "a1", schema="shop"), tmp_path).answer == "applied"
        unnamed = ask(AlembicQuestion(database, "a1"), tmp_path)
        assert (unnamed.answer, "in shop" in unnamed.evidence) == ("unknown", True)
        missing = ask(AlembicQuestion(database, "a1", schema="shpo"), tmp_path)
        assert (missing.answer, "has no schema shpo" in missing.evidence) == ("unknown", True)
        elsewhere = ask(AlembicQuestion(database, "a1", schema="public"), tmp_path)
        assert elsewhere.answer == "unknown"
