"""The gate that reads Liquibase's ``DATABASECHANGELOG`` and its lock."""

import re
from typing import Any

from sqlalchemy import TableClause, select

from instar.gates.answer import Answer, Unanswered
from instar.gates.database import History, columns
from instar.gates.question import LiquibaseQuestion

_RAN = ("EXECUTED", "RERAN")
_FREE = ("false", "f", "0", "none")
_MARKED = "MARK_RAN"
_CLASSPATH = re.compile(r"^classpath\*?:")


def ask_liquibase(question: LiquibaseQuestion, history: History) -> Answer:
    """Lock and log are read in one snapshot. A lock that is held is dirty, whoever holds it: a Liquibase at work and
    one that was killed in the middle leave the same row, and both are between two states.

    Raises ``Unanswered``.
    """
    place = f"{history.place} {question.table}"
    log = history.find(question.table, question.schema)
    lock = history.find(question.lock_table, question.schema)
    if lock is not None and (held := _held(history, lock)) is not None:
        return Answer("dirty", f"{history.place} {question.lock_table}: {held}")
    if log is None:
        return Answer("not-applied", f"{place}: there is no such table, so Liquibase has run nothing here")
    if lock is None:
        raise Unanswered(
            f"{history.place}: there is no table {question.lock_table}, so nobody knows whether Liquibase is at work"
        )
    if question.changeset is not None:
        return _of_changeset(question.changeset, history, log, place)
    return _of_tag(question.tag or "", history, log, place)


def _held(history: History, lock: TableClause) -> str | None:
    locked, granted, by = columns("locked lockgranted lockedby")
    holders = [
        row
        for row in history.rows(select(locked, granted, by).select_from(lock))
        if str(row.locked).lower() not in _FREE
    ]
    if not holders:
        return None
    holder = holders[0]
    return (
        f"locked since {holder.lockgranted} by {holder.lockedby}; wait for it, or, where no Liquibase runs any more,"
        " look at what it left and run `liquibase release-locks`"
    )


def _of_changeset(wanted: tuple[str, str, str], history: History, log: TableClause, place: str) -> Answer:
    id_, author, path = wanted
    name = "::".join(wanted)
    key, by, filename, kind, order = columns("id author filename exectype orderexecuted")
    query = select(filename, kind, order).select_from(log).where(key == id_, by == author).order_by(order)
    rows = history.rows(query)
    own: list[Any] = [row for row in rows if _path(str(row.filename)) == _path(path)]
    if not own:
        elsewhere = ", ".join(sorted({str(row.filename) for row in rows})[:3])
        hint = f"; there is one of this id and author in {elsewhere}" if rows else ""
        return Answer("not-applied", f"{place}: {name} is not there{hint}")
    last = own[-1]
    seen = f"{place}: {name} {last.exectype} (order {last.orderexecuted})"
    if last.exectype in _RAN:
        return Answer("applied", seen)
    if last.exectype == _MARKED:
        return Answer("unknown", f"{seen}: a precondition had it marked without running it; look, and waive the gate")
    return Answer("dirty", f"{seen}: it did not come to its end")


def _of_tag(wanted: str, history: History, log: TableClause, place: str) -> Answer:
    tag, order = columns("tag orderexecuted")
    rows = history.rows(select(order).select_from(log).where(tag == wanted).order_by(order))
    if not rows:
        return Answer("not-applied", f"{place}: the tag {wanted} is not set")
    return Answer("applied", f"{place}: the tag {wanted} is set (order {rows[-1].orderexecuted})")


def _path(written: str) -> str:
    """Liquibase takes these for one file too (liquibase.changelog.DatabaseChangeLog.normalizePath)."""
    return _CLASSPATH.sub("", written.replace("\\", "/")).removeprefix("./").lstrip("/")
