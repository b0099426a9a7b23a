"""The setting ``state`` as a database's address. What is shown of it has no password."""

from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from instar.state.errors import BadUrl

_REMEDY = 'Use "sqlite:///.instar/state.db", or "postgresql://user:password@host/database" by way of "env:NAME".'
_POSTGRESQL = ("postgresql", "postgres", "postgresql+psycopg")


def parse_url(text: str, root: Path) -> URL:
    """A relative path of SQLite is relative to ``root``, the project's folder. Raises ``BadUrl``."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as problem:  # its message may hold what was given, which may hold a password
        raise BadUrl("The setting `state` is not the URL of a database.", _REMEDY) from problem
    if url.drivername in _POSTGRESQL:
        if not url.database:
            raise BadUrl(f"The setting `state` ({shown(url)}) names no database on its server.", _REMEDY)
        return url.set(drivername="postgresql+psycopg")
    if url.drivername not in ("sqlite", "sqlite+pysqlite"):
        kind = url.drivername.partition("+")[0]
        raise BadUrl(f"The setting `state` asks for {kind}; instar keeps its state in SQLite or PostgreSQL.", _REMEDY)
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        raise BadUrl("The setting `state` names no file: a state in memory would be forgotten at once.", _REMEDY)
    return url.set(drivername="sqlite", database=str((root / url.database).resolve()))


def is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def shown(url: URL) -> str:
    """The address for people: no password, and no parameters, which may hold one."""
    if is_sqlite(url):
        return str(url.database)
    plain = url.set(query={}, drivername=url.get_backend_name())
    return plain.render_as_string(hide_password=True)
