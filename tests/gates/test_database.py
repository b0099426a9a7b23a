"""Databases that do not answer, or must not be changed, or whose password must not be told."""

import socket
import threading
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text
from tests.support.histories import ask, run_sql

from instar.gates import evaluate as module
from instar.gates.answer import Answer
from instar.gates.evaluate import evaluate
from instar.gates.question import AlembicQuestion

SECRET = "hunter2-hunter2"  # noqa: S105 - what no evidence may hold


def alembic(url: object) -> AlembicQuestion:
    return AlembicQuestion(str(url), "a1")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"jdbc:postgresql://host/db?password={SECRET}", "write a SQLAlchemy URL"),
        (f"mysql://ana:{SECRET}@host/db", "and not mysql"),
        (f"postgresql://ana:{SECRET}@127.0.0.1:1/db", "postgresql 127.0.0.1:1/db: "),
        (f"postgresql://127.0.0.1:1/db?user=ana&password={SECRET}", "127.0.0.1:1/db: "),
        (f"postgresql://ana:{SECRET}@127.0.0.1:1/db?host=%00&sslmode={SECRET}", "db: "),
        (f"postgresql://ana:{SECRET}@host:port/db", "cannot be read"),
        ("sqlite://", "in a file"),
        ("sqlite:///nowhere.db", "no such file"),
        ("", "cannot be read"),
    ],
)
def test_what_cannot_be_asked_is_unknown_and_its_password_is_not_told(tmp_path: Path, url: str, said: str) -> None:
    verdict = evaluate("gate", alembic(url), tmp_path, {})
    assert verdict.answer == "unknown"
    assert said in verdict.evidence
    assert SECRET not in verdict.evidence.replace("sslmode", "")
    assert SECRET not in repr(alembic(url))
    assert not list(tmp_path.iterdir())  # nothing was created either


def test_a_server_that_accepts_and_says_nothing_is_unknown(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        verdict = ask(alembic(f"postgresql://ana:{SECRET}@127.0.0.1:{silent.getsockname()[1]}/db"), tmp_path)
    assert verdict.answer == "unknown"
    assert "timeout" in verdict.evidence


def test_a_driver_that_never_comes_back_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = threading.Event()

    def hang(*_: object) -> Answer:
        held.wait()
        return Answer("applied", "")

    monkeypatch.setattr(module, "ask_alembic", hang)
    monkeypatch.setattr(module, "DATABASE_TIMEOUT_S", 0.05)
    (tmp_path / "shop.db").touch()
    verdict = ask(alembic("sqlite:///shop.db"), tmp_path)
    held.set()
    assert (verdict.answer, "no answer within 0.05 s" in verdict.evidence) == ("unknown", True)


def test_an_error_of_ours_is_not_taken_for_an_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ask_alembic", lambda *_: 1 / 0)
    (tmp_path / "shop.db").touch()
    with pytest.raises(ZeroDivisionError):
        evaluate("gate", alembic("sqlite:///shop.db"), tmp_path, {})


# ------------------------------------------------------------------ SQLite


def test_a_relative_file_starts_at_the_project(tmp_path: Path) -> None:
    run_sql(f"sqlite:///{tmp_path / 'shop.db'}", "CREATE TABLE alembic_version (version_num text)")
    verdict = ask(alembic("sqlite:///shop.db"), tmp_path)
    assert (verdict.answer, "sqlite shop.db" in verdict.evidence) == ("not-applied", True)


def test_a_file_that_is_no_database_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "shop.db").write_bytes(b"not a database at all, " * 100)
    verdict = ask(alembic("sqlite:///shop.db"), tmp_path)
    assert (verdict.answer, "not a database" in verdict.evidence) == ("unknown", True)


def test_a_table_of_another_shape_is_unknown(tmp_path: Path) -> None:
    run_sql(f"sqlite:///{tmp_path / 'shop.db'}", "CREATE TABLE alembic_version (something text)")
    verdict = ask(alembic("sqlite:///shop.db"), tmp_path)
    assert (verdict.answer, "version_num" in verdict.evidence) == ("unknown", True)


def test_a_question_without_end_is_cut_off(tmp_path: Path) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS version_num FROM n"
    run_sql(f"sqlite:///{tmp_path / 'shop.db'}", f"CREATE VIEW alembic_version AS {endless}")
    verdict = ask(alembic("sqlite:///shop.db"), tmp_path)
    assert verdict.answer == "unknown"
    assert "interrupted" in verdict.evidence or "more than 100000 rows" in verdict.evidence


def test_a_table_is_found_whatever_the_case_of_its_name(tmp_path: Path) -> None:
    run_sql(
        f"sqlite:///{tmp_path / 'shop.db'}",
        "CREATE TABLE Alembic_Version (version_num text)",
        "INSERT INTO Alembic_Version VALUES ('a1')",
    )
    assert ask(alembic("sqlite:///shop.db"), tmp_path).answer == "applied"


# ------------------------------------------------------------------ PostgreSQL


def test_a_wrong_password_is_unknown_and_not_told(tmp_path: Path, postgresql_url: str) -> None:
    url = make_url(postgresql_url).set(password=SECRET).render_as_string(hide_password=False)
    verdict = ask(alembic(url), tmp_path)
    assert (verdict.answer, "password authentication failed" in verdict.evidence) == ("unknown", True)


def test_a_database_that_is_not_there_is_unknown(tmp_path: Path, postgresql_url: str) -> None:
    url = make_url(postgresql_url).set(database="nowhere").render_as_string(hide_password=False)
    verdict = ask(alembic(url), tmp_path)
    assert (verdict.answer, "does not exist" in verdict.evidence) == ("unknown", True)


def test_a_history_that_may_not_be_read_is_unknown(tmp_path: Path, postgresql_url: str) -> None:
    parts = make_url(postgresql_url)
    role = f"reader_{parts.database}"
    run_sql(
        postgresql_url,
        "CREATE TABLE alembic_version (version_num text)",
        f"CREATE ROLE {role} LOGIN PASSWORD '{SECRET}'",
    )
    url = parts.set(username=role, password=SECRET).render_as_string(hide_password=False)
    refused = ask(alembic(url), tmp_path)
    assert (refused.answer, "permission denied" in refused.evidence) == ("unknown", True)
    run_sql(postgresql_url, f"GRANT SELECT ON alembic_version TO {role}")
    assert ask(alembic(url), tmp_path).answer == "not-applied"


def test_nothing_is_written_even_where_reading_would(tmp_path: Path, postgresql_url: str) -> None:
    run_sql(
        postgresql_url,
        "CREATE TABLE seen (i int)",
        "CREATE FUNCTION note() RETURNS text AS 'INSERT INTO seen VALUES (1) RETURNING ''a1''' LANGUAGE sql VOLATILE",
        "CREATE VIEW alembic_version AS SELECT note() AS version_num",
    )
    verdict = ask(alembic(postgresql_url), tmp_path)
    assert (verdict.answer, "read-only transaction" in verdict.evidence) == ("unknown", True)
    engine = create_engine(postgresql_url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM seen")).scalar() == 0
    engine.dispose()


def test_a_statement_that_takes_too_long_is_cut_off(tmp_path: Path, postgresql_url: str) -> None:
    run_sql(postgresql_url, "CREATE VIEW alembic_version AS SELECT pg_sleep(600)::text AS version_num")
    verdict = ask(alembic(postgresql_url), tmp_path)
    assert (verdict.answer, "statement timeout" in verdict.evidence) == ("unknown", True)


def test_the_plainest_url_of_postgresql_will_do(tmp_path: Path, postgresql_url: str) -> None:
    url = postgresql_url.replace("postgresql+psycopg", "postgresql")
    assert ask(alembic(url), tmp_path).answer == "not-applied"


def test_tables_that_differ_in_case_alone_are_not_chosen_between(tmp_path: Path, postgresql_url: str) -> None:
    run_sql(
        postgresql_url,
        'CREATE TABLE "History" (version_num text)',
        "CREATE TABLE history (version_num text)",
        "INSERT INTO history VALUES ('a1')",
    )
    verdict = ask(AlembicQuestion(postgresql_url, "a1", table="HISTORY"), tmp_path)
    assert (verdict.answer, "History and history" in verdict.evidence) == ("unknown", True)
    assert ask(AlembicQuestion(postgresql_url, "a1", table="history"), tmp_path).answer == "applied"
