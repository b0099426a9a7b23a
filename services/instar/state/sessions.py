"""Who is signed in at the dashboard. What a browser keeps is never stored, only its SHA-256."""

from dataclasses import dataclass

import sqlalchemy as sa

from instar.state.database import Database
from instar.state.tables import sessions
from instar.state.text import storable

SESSION_MS = 12 * 3_600_000
MOST_OF_A_CALLER = 100  # older ones end when a further one begins


@dataclass(frozen=True, slots=True)
class Session:
    """``token`` is the fingerprint of what the caller signed in with: a session lives no longer than its token."""

    caller: str
    role: str
    token: str


class Sessions:
    """The sessions of one environment, by the SHA-256 of what the browser keeps, as 64 hex digits."""

    def __init__(self, database: Database, environment: str) -> None:
        self._database = database
        self._environment = environment

    def begin(self, name: str, session: Session) -> None:
        """For ``SESSION_MS`` from now on by the database's clock."""
        with self._database.writing() as connection:
            now_ms = self._database.now_ms(connection)
            row = {
                "environment": self._environment,
                "id": name,
                "caller": storable(session.caller),
                "role": session.role,
                "token": session.token,
                "began_ms": now_ms,
                "until_ms": now_ms + SESSION_MS,
            }
            connection.execute(sessions.insert().values(row))
            theirs = self._here(sessions.c.caller == row["caller"])
            newest = sessions.c.began_ms.desc()
            old = sa.select(sessions.c.id).where(theirs).order_by(newest, sessions.c.id).offset(MOST_OF_A_CALLER)
            too_many = connection.execute(old.limit(MOST_OF_A_CALLER)).scalars().all()
            if too_many:
                connection.execute(sessions.delete().where(self._here(sessions.c.id.in_(too_many))))

    def find(self, name: str) -> Session | None:
        """None where there is none, or its time is over."""
        asked = sa.select(sessions).where(self._here(sessions.c.id == name), sessions.c.until_ms > self._database.now)
        with self._database.reading() as connection:
            row = connection.execute(asked).one_or_none()
        return None if row is None else Session(row.caller, row.role, row.token)

    def end(self, name: str) -> None:
        """Sign out. One that is not there has ended already."""
        with self._database.writing() as connection:
            connection.execute(sessions.delete().where(self._here(sessions.c.id == name)))

    def prune(self, most: int) -> int:
        """Forget those whose time is over, ``most`` at once; how many."""
        over = sa.select(sessions.c.id).where(self._here(sessions.c.until_ms <= self._database.now)).limit(most)
        with self._database.writing() as connection:
            return connection.execute(sessions.delete().where(self._here(sessions.c.id.in_(over)))).rowcount

    def _here(self, condition: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
        return sa.and_(sessions.c.environment == self._environment, condition)
