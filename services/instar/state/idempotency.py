"""What was asked under which key, and how it was answered: the same request twice is done once.

Who works on a request holds its key by a lease. A server that is killed renews nothing, so that its key is free again
after ``LEASE_MS`` and the request may be tried anew: what is guarded here is idempotent by itself.
"""

import json
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from instar.state.database import Database
from instar.state.tables import idempotency
from instar.state.text import storable

LEASE_MS = 30_000
KEPT_MS = 24 * 3_600_000


@dataclass(frozen=True, slots=True)
class Request:
    """Who asked for what. ``fingerprint`` tells requests under one key apart."""

    caller: str
    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of taking a key.

    mine: do it, then ``finish`` or ``release``. done: it was answered with ``status`` and ``document``. at work:
    somebody holds it for ``for_s`` more, unless they renew. another: it was used for another request.
    """

    kind: Literal["mine", "done", "at work", "another"]
    status: int = 0
    document: Any = None
    for_s: float = 0.0


class Answers:
    """The keys of one environment. ``owner`` is whoever works on a request, and no two are the same."""

    def __init__(self, database: Database, environment: str) -> None:
        self._database = database
        self._environment = environment

    def take(self, request: Request, owner: str) -> Taken:
        """Hold the key for ``LEASE_MS``, unless it is answered or somebody else holds it."""
        with self._database.writing() as connection:
            now_ms = self._database.now_ms(connection)
            mine = {
                "fingerprint": request.fingerprint,
                "at_ms": now_ms,
                "owner": owner,
                "until_ms": now_ms + LEASE_MS,
                "status": 0,
                "answer": "",
            }
            named = {"environment": self._environment, "caller": storable(request.caller), "key": request.key}
            new = self._database.insert(idempotency).values(named | mine).on_conflict_do_nothing()
            if connection.execute(new).rowcount == 1:
                return Taken("mine")
            row = self._locked(connection, request)
            now_ms = self._database.now_ms(connection)  # waiting for the lock takes time as well
            if row is not None and (found := _standing(row, request, now_ms)) is not None:
                return found
            mine |= {"at_ms": now_ms, "until_ms": now_ms + LEASE_MS}
            connection.execute(idempotency.update().where(self._is(request)).values(mine))
            return Taken("mine")

    def renew(self, request: Request, owner: str) -> bool:
        """Hold it for ``LEASE_MS`` more; False where it is somebody else's by now."""
        return self._changed(request, owner, until_ms=self._database.now + LEASE_MS)

    def finish(self, request: Request, owner: str, status: int, document: Any) -> bool:
        """Keep the answer, plain JSON, for ``KEPT_MS``; False where somebody else has taken the key meanwhile."""
        answer = json.dumps(document, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
        return self._changed(request, owner, status=status, answer=answer, until_ms=0)

    def release(self, request: Request, owner: str) -> None:
        """It came to nothing, and may be asked for again at once."""
        with self._database.writing() as connection:
            connection.execute(idempotency.delete().where(self._is(request), *_at_work(owner)))

    def prune(self, most: int) -> int:
        """Forget what is kept for long enough, ``most`` at once; how many."""
        names = (idempotency.c.caller, idempotency.c.key)
        here = idempotency.c.environment == self._environment
        old = sa.select(*names).where(here, idempotency.c.at_ms <= self._database.now - KEPT_MS).limit(most)
        with self._database.writing() as connection:
            return connection.execute(idempotency.delete().where(here, sa.tuple_(*names).in_(old))).rowcount

    def _locked(self, connection: Connection, request: Request) -> Row[tuple[Any, ...]] | None:
        asked = sa.select(idempotency).where(self._is(request)).with_for_update()
        return connection.execute(asked).one_or_none()

    def _changed(self, request: Request, owner: str, **values: Any) -> bool:
        change = idempotency.update().where(self._is(request), *_at_work(owner)).values(values)
        with self._database.writing() as connection:
            return connection.execute(change).rowcount == 1

    def _is(self, request: Request) -> sa.ColumnElement[bool]:
        return sa.and_(
            idempotency.c.environment == self._environment,
            idempotency.c.caller == storable(request.caller),
            idempotency.c.key == request.key,
        )


def _at_work(owner: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (idempotency.c.owner == owner, idempotency.c.status == 0)


def _standing(row: Row[tuple[Any, ...]], request: Request, now_ms: int) -> Taken | None:
    """What stands against taking it; None: nothing any more."""
    if row.at_ms + KEPT_MS <= now_ms:
        return None
    if row.fingerprint != request.fingerprint:
        return Taken("another")
    if row.status:
        return Taken("done", row.status, json.loads(row.answer))
    return Taken("at work", for_s=(row.until_ms - now_ms) / 1000) if row.until_ms > now_ms else None
