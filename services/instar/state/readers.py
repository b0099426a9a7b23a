"""Declared readers: somebody's word that a program, which cannot say so itself, reads a version, until a day."""

from dataclasses import dataclass, replace

import sqlalchemy as sa

from instar.core.rollout.storage import Noted
from instar.state.database import Database
from instar.state.errors import NotThere
from instar.state.ledger import Ledger
from instar.state.tables import readers
from instar.state.text import storable


@dataclass(frozen=True, slots=True)
class DeclaredReader:
    """``group`` reads ``subject`` at ``version`` until ``expires_at_ms``; its ``owner`` can be asked."""

    group: str
    subject: str
    version: int
    owner: str
    expires_at_ms: int
    declared_by: str = ""
    declared_at_ms: int = 0


_SAID = ("version", "owner", "expires_at_ms", "declared_by", "declared_at_ms")


class Readers:
    """The declared readers of one environment. A group has one version of a subject: the one declared last."""

    def __init__(self, database: Database, environment: str, ledger: Ledger) -> None:
        self._database = database
        self._environment = environment
        self._ledger = ledger

    def declare(self, reader: DeclaredReader, by: str) -> DeclaredReader:
        """Say it, or say it anew; as it is stored. ``declared_*`` are the store's."""
        with self._database.writing() as connection:
            kept = replace(
                reader,
                owner=storable(reader.owner),
                declared_by=storable(by),
                declared_at_ms=self._database.now_ms(connection),
            )
            keys = {"environment": self._environment, "group_name": kept.group, "subject": kept.subject}
            said = {name: getattr(kept, name) for name in _SAID}
            change = self._database.insert(readers).values(keys | said)
            connection.execute(change.on_conflict_do_update(index_elements=list(keys), set_=said))
            details = {"group": reader.group, "subject": reader.subject, "version": reader.version}
            details |= {"owner": reader.owner, "expires_at_ms": reader.expires_at_ms}
            self._ledger.append(connection, "", Noted(by, "reader declared", "", "", details))
        return kept

    def withdraw(self, group: str, subject: str, by: str, reason: str) -> None:
        """It reads it no more. Raises ``NotThere``."""
        here = sa.and_(
            readers.c.environment == self._environment, readers.c.group_name == group, readers.c.subject == subject
        )
        with self._database.writing() as connection:
            if connection.execute(readers.delete().where(here)).rowcount != 1:
                raise NotThere(f"{group} is not declared as a reader of {subject} in {self._environment}.")
            details = {"group": group, "subject": subject}
            self._ledger.append(connection, "", Noted(by, "reader withdrawn", reason, "", details))

    def list(self, subject: str | None = None) -> "list[DeclaredReader]":
        """All of them, expired ones too, by group and subject."""
        asked = sa.select(readers).where(readers.c.environment == self._environment)
        if subject is not None:
            asked = asked.where(readers.c.subject == subject)
        with self._database.reading() as connection:
            found = connection.execute(asked.order_by(readers.c.group_name, readers.c.subject))
            return [
                DeclaredReader(
                    row.group_name,
                    row.subject,
                    row.version,
                    row.owner,
                    row.expires_at_ms,
                    row.declared_by,
                    row.declared_at_ms,
                )
                for row in found
            ]
