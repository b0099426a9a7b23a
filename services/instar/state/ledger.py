"""The append-only history of an environment: who did what, when, why, under which plan, chained by hashes.

Entries are added in the transaction of what they tell of. Triggers in the database refuse to change or delete them;
whoever gets around the triggers is found by ``verify`` (``core/ledger.py``).
"""

import hashlib
from collections.abc import Iterable, Iterator

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from instar.core.ledger import BEGINNING, Broken, Entry, Head, Sound, check, details_text, follow
from instar.core.rollout.storage import Noted
from instar.state.database import Database
from instar.state.tables import ledger, ledger_heads, rollouts
from instar.state.text import storable
from instar.state.wanted import Wanted, holds, within

_COLUMNS = [column.name for column in ledger.columns]


class Ledger:
    """The ledger of one environment."""

    def __init__(self, database: Database, environment: str) -> None:
        self._database = database
        self._environment = environment

    def note(self, migration: str, noted: Noted) -> Entry:
        """Add an entry in a transaction of its own. ``migration`` is empty for what concerns the environment.

        Raises TypeError where the details are not plain JSON.
        """
        with self._database.writing() as connection:
            return self.append(connection, migration, noted)

    def append(self, connection: Connection, migration: str, noted: Noted, revision: int = 0, state: str = "") -> Entry:
        """Add an entry in the caller's transaction; ``state`` is the document of the rollout that it was written with.

        Call it last: from here on until the commit nobody else can add one.
        """
        head = self._locked_head(connection)
        entry = follow(
            head,
            Entry(
                environment=self._environment,
                number=0,
                migration=migration,
                at_ms=self._database.now_ms(connection),
                actor=storable(noted.actor),
                action=storable(noted.action),
                reason=storable(noted.reason),
                fingerprint=noted.fingerprint,
                details=details_text(noted.details),
                state_revision=revision,
                state_digest=digest(state) if revision else "",
            ),
        )
        connection.execute(ledger.insert().values({name: getattr(entry, name) for name in _COLUMNS}))
        connection.execute(
            ledger_heads.update()
            .where(ledger_heads.c.environment == self._environment)
            .values(number=entry.number, hash=entry.hash)
        )
        return entry

    def entries(self, migration: str | None = None, *, after: int = 0, newest: int | None = None) -> list[Entry]:
        """In the order in which they were added; those of one migration, those ``after`` a number, the ``newest`` n."""
        asked = sa.select(ledger).where(ledger.c.environment == self._environment, ledger.c.number > after)
        if migration is not None:
            asked = asked.where(ledger.c.migration == migration)
        with self._database.reading() as connection:
            if newest is None:
                return [_entry(row) for row in connection.execute(asked.order_by(ledger.c.number))]
            rows = connection.execute(asked.order_by(ledger.c.number.desc()).limit(newest))
            return [_entry(row) for row in rows][::-1]

    def page(self, wanted: Wanted, limit: int, before: int | None = None) -> list[Entry]:
        """The newest first; those ``before`` a number. ``what`` may be an effect's name as well: close epoch."""
        asked = sa.select(ledger).where(ledger.c.environment == self._environment, *within(wanted, ledger))
        if wanted.what:
            effect = "".join(word[:1].upper() + word[1:] for word in wanted.what.split())
            named = ledger.c.details.contains(f'"do":"{storable(effect)}', autoescape=True)
            asked = asked.where(holds(ledger.c.action, wanted.what) | named)
        if before is not None:
            asked = asked.where(ledger.c.number < before)
        with self._database.reading() as connection:
            return [_entry(row) for row in connection.execute(asked.order_by(ledger.c.number.desc()).limit(limit))]

    def head(self) -> Head:
        """Where it ends now: to be written down elsewhere, as an anchor of a later ``verify``."""
        with self._database.reading() as connection:
            return self._head(connection)

    def verify(self, anchors: Iterable[Head] = ()) -> Sound | Broken:
        """Read all of it: the chain, its end, and that each rollout is what its last entry says was written."""
        with self._database.reading() as connection:
            asked = sa.select(ledger).where(ledger.c.environment == self._environment).order_by(ledger.c.number)
            written: dict[str, Entry] = {}
            with connection.execution_options(yield_per=1000).execute(asked) as rows:  # closed where a check ends early
                found = check(_watched(map(_entry, rows), written), self._head(connection), anchors)
            if isinstance(found, Broken):
                return found
            return self._disowned(connection, written) or found

    def _disowned(self, connection: Connection, written: dict[str, Entry]) -> Broken | None:
        """A rollout that is not the one its last entry was written with."""
        asked = sa.select(rollouts).where(rollouts.c.environment == self._environment)
        stored = {row.migration: (row.revision, digest(row.document)) for row in connection.execute(asked)}
        for migration in sorted({*stored, *written}):
            entry = written.get(migration)
            if entry is None:
                return Broken(0, f"the state of {migration} was put in without an entry", migration)
            if migration not in stored:
                return Broken(entry.number, f"the state of {migration}, which it tells of, was removed", migration)
            if stored[migration] != (entry.state_revision, entry.state_digest):
                return Broken(entry.number, f"the state of {migration} is not the one it was written with", migration)
        return None

    def _locked_head(self, connection: Connection) -> Head:
        first = {"environment": self._environment, "number": 0, "hash": BEGINNING}
        connection.execute(self._database.insert(ledger_heads).values(first).on_conflict_do_nothing())
        return self._head(connection, lock=True)

    def _head(self, connection: Connection, *, lock: bool = False) -> Head:
        asked = sa.select(ledger_heads.c.number, ledger_heads.c.hash)
        asked = asked.where(ledger_heads.c.environment == self._environment)
        row = connection.execute(asked.with_for_update() if lock else asked).one_or_none()
        return Head() if row is None else Head(row.number, row.hash)


def digest(document: str) -> str:
    """SHA-256 of a rollout's document as it is stored, as 64 hex digits."""
    return hashlib.sha256(document.encode("ascii")).hexdigest()


def _watched(entries: Iterable[Entry], written: dict[str, Entry]) -> Iterator[Entry]:
    """The entries, and in passing the last of each migration that was written with its state."""
    for entry in entries:
        if entry.state_revision:
            written[entry.migration] = entry
        yield entry


def _entry(row: Row[tuple[object, ...]]) -> Entry:
    return Entry(**row._mapping)  # noqa: SLF001 - the public name of a row as a mapping
