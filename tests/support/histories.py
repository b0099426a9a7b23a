"""Migration histories written by the real tools, and gates asked about them."""

from collections.abc import Mapping
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, make_url, text

from instar.core.rollout.event import GateVerdict
from instar.gates.evaluate import evaluate
from instar.gates.question import Question
from realdatabases.tools import MigrationTools

_ENV = """
from alembic import context
from sqlalchemy import create_engine, pool

engine = create_engine(context.config.attributes["url"], poolclass=pool.NullPool)
with engine.connect() as connection:
    context.configure(connection=connection, version_table_schema=context.config.attributes.get("schema"))
    with context.begin_transaction():
        context.run_migrations()
"""


def ask(question: Question, root: Path, environ: Mapping[str, str] | None = None) -> GateVerdict:
    """The gate's verdict, printed (`pytest -s` shows a gate block and open); no verdict ever holds the password."""
    verdict = evaluate("gate", question, root, environ or {})
    print(f"{type(question).__name__.removesuffix('Question')}: {verdict.answer}: {verdict.evidence}")
    password = make_url(question.database).password if hasattr(question, "database") else None
    assert not password or password not in verdict.evidence
    assert len(verdict.evidence) <= 1000
    return verdict


def run_sql(url: str, *statements: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        for each in statements:
            connection.execute(text(each))
    engine.dispose()


# ------------------------------------------------------------------ Alembic


class AlembicFolder:
    """A script folder of Alembic, whose migrations create a table each."""

    def __init__(self, folder: Path, url: str, schema: str | None = None) -> None:
        self.folder = folder
        self._config = Config()
        self._config.set_main_option("script_location", str(folder))
        self._config.set_main_option("path_separator", "os")
        self._config.attributes["url"] = url
        self._config.attributes["schema"] = schema
        (folder / "versions").mkdir(parents=True)
        (folder / "env.py").write_text(_ENV, encoding="utf-8")

    def revision(self, id_: str, down: str | tuple[str, ...] | None, **more: object) -> None:
        assigned = {"revision": id_, "down_revision": down, **more}
        lines = [f"{name} = {value!r}" for name, value in assigned.items()]
        lines += ["from alembic import op", "", "", "def upgrade():", f"    op.execute('CREATE TABLE t_{id_} (i int)')"]
        lines += ["", "", "def downgrade():", f"    op.execute('DROP TABLE t_{id_}')"]
        (self.folder / "versions" / f"{id_}_x.py").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def upgrade(self, to: str) -> None:
        command.upgrade(self._config, to)

    def downgrade(self, to: str) -> None:
        command.downgrade(self._config, to)


# ------------------------------------------------------------------ Flyway and Liquibase


def _jdbc(url: str) -> tuple[str, str, str]:
    parts = make_url(url)
    if parts.get_backend_name() == "sqlite":
        return f"jdbc:sqlite:{parts.database}", "", ""
    return f"jdbc:postgresql://{parts.host}:{parts.port}/{parts.database}", parts.username or "", parts.password or ""


class FlywayFolder:
    def __init__(self, tools: MigrationTools, folder: Path, url: str) -> None:
        folder.mkdir()
        self.folder = folder
        self._tools = tools
        address, user, password = _jdbc(url)
        login = {"user": user, "password": password} if user else {}
        self._settings = {"url": address, "locations": f"filesystem:{folder}", **login}

    def script(self, name: str, sql: str, *, in_transaction: bool = True) -> None:
        (self.folder / name).write_text(sql, encoding="utf-8")
        conf = self.folder / f"{name}.conf"
        conf.write_text(f"executeInTransaction={str(in_transaction).lower()}\n", encoding="utf-8")

    def run(self, *actions: str, **settings: str) -> list[str]:
        """The real Flyway's actions, one after the other; what it says of each."""
        return self._tools.flyway(*((action, {**self._settings, **settings}) for action in actions))


class LiquibaseFolder:
    def __init__(self, tools: MigrationTools, folder: Path, url: str) -> None:
        folder.mkdir()
        self.folder = folder
        self._tools = tools
        address, user, password = _jdbc(url)
        login = [f"--username={user}", f"--password={password}"] if user else []
        self._common = ["--show-banner=false", f"--search-path={folder}", f"--url={address}"]
        self._login = login

    def changes(self, text_: str) -> None:
        (self.folder / "db.sql").write_text(f"--liquibase formatted sql\n{text_}", encoding="utf-8")

    def arguments(self, action: str, *more: str) -> list[str]:
        file = ["--changelog-file=db.sql"] if action in ("update", "rollback-count") else []
        return [*self._common, *self._login, *file, action, *more]

    def run(self, action: str, *more: str, fails: bool = False) -> str:
        said = self._tools.liquibase(*self.arguments(action, *more))
        assert (said.returncode != 0) == fails, said.stderr
        return said.stderr
