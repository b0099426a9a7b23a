"""Approvals: asked for by one person, given by another, used once, each step of it in the ledger."""

import secrets
from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from instar.core.rollout.approving import same_person, why_unusable
from instar.core.rollout.event import Approval
from instar.core.rollout.storage import Conflict, Noted
from instar.state.database import Database
from instar.state.errors import NotThere, Refused
from instar.state.ledger import Ledger
from instar.state.tables import approvals
from instar.state.text import storable

Standing = Literal["open", "approved", "refused", "used", "expired"]

_APPROVED, _REFUSED = "approved", "refused"


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asked for, and what became of it by now. Times by the database's clock; 0: not yet."""

    id: str
    migration: str
    action: str
    fingerprint: str
    requested_by: str
    requested_at_ms: int
    request_reason: str
    expires_at_ms: int
    answered_by: str
    answered_at_ms: int
    answer_reason: str
    used_at_ms: int
    standing: Standing


class Approvals:
    """The approvals of one environment."""

    def __init__(self, database: Database, environment: str, ledger: Ledger) -> None:
        self._database = database
        self._environment = environment
        self._ledger = ledger

    def ask(self, migration: str, action: str, fingerprint: str, by: str, reason: str, expires_at_ms: int) -> str:
        """Ask for somebody else's yes to an action under a plan; the id to answer with. Raises ``Refused``."""
        name = secrets.token_hex(5)
        with self._database.writing() as connection:
            now_ms = self._database.now_ms(connection)
            if expires_at_ms <= now_ms:
                raise Refused("The approval would have expired before anybody could give it.", "Give a later time.")
            row = {
                "environment": self._environment,
                "id": name,
                "migration": migration,
                "action": action,
                "fingerprint": fingerprint,
                "requested_by": storable(by),
                "requested_at_ms": now_ms,
                "request_reason": storable(reason),
                "expires_at_ms": expires_at_ms,
                "answer": "",
                "answered_by": "",
                "answered_at_ms": 0,
                "answer_reason": "",
                "used_at_ms": 0,
            }
            connection.execute(approvals.insert().values(row))
            details = {"approval": name, "for": action, "expires_at_ms": expires_at_ms}
            self._ledger.append(connection, migration, Noted(by, "approval asked", reason, fingerprint, details))
        return name

    def approve(self, name: str, by: str, reason: str) -> Request:
        """Say yes. Raises ``NotThere``, and ``Refused``: one's own, answered, expired."""
        return self._answer(name, by, reason, _APPROVED)

    def refuse(self, name: str, by: str, reason: str) -> Request:
        """Say no, also to what was approved and is not used yet; who asked may do that. Raises like ``approve``."""
        return self._answer(name, by, reason, _REFUSED)

    def find(self, migration: str, action: str, fingerprint: str) -> Approval | None:
        """The approval that may be used now for this action under this plan: the one that is valid longest."""
        asked = (
            sa.select(approvals)
            .where(
                approvals.c.environment == self._environment,
                approvals.c.migration == migration,
                approvals.c.action == action,
                approvals.c.fingerprint == fingerprint,
                approvals.c.answer == _APPROVED,
                approvals.c.used_at_ms == 0,
                approvals.c.expires_at_ms > self._database.now,
            )
            .order_by(approvals.c.expires_at_ms.desc(), approvals.c.id)
            .limit(1)
        )
        with self._database.reading() as connection:
            row = connection.execute(asked).one_or_none()
        return None if row is None else _approval(row)

    def list(self, migration: str | None = None) -> "list[Request]":
        """Every request, the newest first."""
        asked = sa.select(approvals).where(approvals.c.environment == self._environment)
        if migration is not None:
            asked = asked.where(approvals.c.migration == migration)
        asked = asked.order_by(approvals.c.requested_at_ms.desc(), approvals.c.id)
        with self._database.reading() as connection:
            now_ms = self._database.now_ms(connection)
            return [_request(row, now_ms) for row in connection.execute(asked)]

    def get(self, name: str) -> Request:
        """Raises ``NotThere``."""
        with self._database.reading() as connection:
            return _request(self._row(connection, name), self._database.now_ms(connection))

    def _answer(self, name: str, by: str, reason: str, answer: str) -> Request:
        with self._database.writing() as connection:
            row = self._row(connection, name, lock=True)
            now_ms = self._database.now_ms(connection)
            found = _request(row, now_ms)
            _may_answer(found, by, answer)
            given = {
                "answer": answer,
                "answered_by": storable(by),
                "answered_at_ms": now_ms,
                "answer_reason": storable(reason),
            }
            connection.execute(approvals.update().where(self._is(name)).values(given))
            details = {"approval": name, "for": found.action, "asked_by": found.requested_by}
            action = "approval given" if answer == _APPROVED else "approval refused"
            self._ledger.append(connection, found.migration, Noted(by, action, reason, found.fingerprint, details))
            return _request(self._row(connection, name), now_ms)

    def _row(self, connection: Connection, name: str, *, lock: bool = False) -> Row[tuple[object, ...]]:
        asked = sa.select(approvals).where(self._is(name))
        row = connection.execute(asked.with_for_update() if lock else asked).one_or_none()
        if row is None:
            raise NotThere(
                f"{self._environment} has no request for an approval with the id {name!r}.",
                "`instar approve` without an id lists them.",
            )
        return row

    def _is(self, name: str) -> sa.ColumnElement[bool]:
        return sa.and_(approvals.c.environment == self._environment, approvals.c.id == name)


def use_up(database: Database, connection: Connection, environment: str, migration: str, noted: Noted) -> None:
    """In the caller's transaction: the approval that a decision names is there for it, and is used now.

    Raises ``Conflict``.
    """
    here = sa.and_(approvals.c.environment == environment, approvals.c.id == noted.uses_approval)
    row = connection.execute(sa.select(approvals).where(here).with_for_update()).one_or_none()
    usable = row is not None and row.migration == migration and row.answer == _APPROVED
    now_ms = database.now_ms(connection)
    approval = _approval(row) if row is not None and usable else None
    why = why_unusable(approval, noted, used=row is not None and row.used_at_ms > 0, now_ms=now_ms)
    if why is not None:
        raise Conflict(why)
    connection.execute(approvals.update().where(here).values(used_at_ms=now_ms))


def _may_answer(found: Request, by: str, answer: str) -> None:
    if found.standing in ("refused", "used", "expired"):
        raise Refused(f"Request {found.id} is {found.standing}; it takes no answer any more.", "Ask for it again.")
    if answer == _APPROVED:
        if found.standing == _APPROVED:
            raise Refused(f"Request {found.id} was approved by {found.answered_by} already.", "Nothing is left to do.")
        if same_person(by, found.requested_by):
            raise Refused("Nobody approves what they asked for themselves.", "Let somebody else approve it.")


def _approval(row: Row[tuple[object, ...]]) -> Approval:
    return Approval(row.id, row.action, row.fingerprint, row.requested_by, row.answered_by, row.expires_at_ms)


def _request(row: Row[tuple[object, ...]], now_ms: int) -> Request:
    standing: Standing = "open"
    if row.used_at_ms:
        standing = "used"
    elif row.answer == _REFUSED:
        standing = "refused"
    elif row.expires_at_ms <= now_ms:
        standing = "expired"
    elif row.answer == _APPROVED:
        standing = "approved"
    values = {name: value for name, value in row._mapping.items() if name not in ("environment", "answer")}  # noqa: SLF001
    return Request(**values, standing=standing)
