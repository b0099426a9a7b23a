"""The gate that reads Flyway's ``flyway_schema_history``."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from instar.gates.answer import Answer
from instar.gates.database import History, columns
from instar.gates.question import FlywayQuestion

_BASELINE = "BASELINE"  # said by a person: this database stands at that version
_NO_MIGRATION = ("SCHEMA",)  # Flyway's note that it made the schema
_FORGOTTEN = "DELETE"  # by `repair`, of a migration whose script is gone
_LONGEST_NUMBER = 50  # Flyway's column for a whole version
_MOST_NAMED = 3


def ask_flyway(question: FlywayQuestion, history: History) -> Answer:
    """The version's own row decides, in the order of ``installed_rank``: what was applied out of order says nothing of
    the versions below it. A failed row, whichever, is dirty: Flyway itself goes no further until it is repaired.

    Raises ``Unanswered``.
    """
    place = f"{history.place} {question.table}"
    found = history.find(question.table, question.schema)
    if found is None:
        return Answer("not-applied", f"{place}: there is no such table, so Flyway has applied nothing here")
    rank, version, kind, script, success = columns("installed_rank version type script success")
    rows = history.rows(select(rank, version, kind, script, success).select_from(found).order_by(rank))
    failed = [str(row.script) for row in rows if not row.success]
    if failed:
        more = f" and {len(failed) - _MOST_NAMED} more" if len(failed) > _MOST_NAMED else ""
        names = ", ".join(failed[:_MOST_NAMED])
        return Answer("dirty", f"{place}: {names}{more} failed; mend the database, then run `flyway repair`")
    return _verdict(question.version, [row for row in rows if row.version and row.type not in _NO_MIGRATION], place)


def _verdict(wanted: str, rows: Sequence[Any], place: str) -> Answer:
    key = version_key(wanted)
    own = [row for row in rows if version_key(row.version) == key and row.type != _BASELINE]
    if own:
        last = own[-1]
        seen = f"{place}: {last.script} (rank {last.installed_rank}, {last.type})"
        if str(last.type).startswith("UNDO"):
            return Answer("not-applied", f"{seen} took it back")
        if last.type == _FORGOTTEN:
            return Answer(
                "unknown", f"{seen}: its script is gone, and a repair had Flyway forget it; what it did may stay"
            )
        return Answer("applied", seen)
    covering = [row for row in rows if row.type in (_BASELINE, "SQL_BASELINE") and version_key(row.version) >= key]
    if covering:
        by = covering[-1]
        return Answer("applied", f"{place}: covered by the baseline {by.version} (rank {by.installed_rank})")
    newest = f"; the newest is {max(rows, key=lambda row: version_key(row.version)).version}" if rows else ""
    return Answer("not-applied", f"{place}: {wanted} is not there{newest}")


def version_key(version: object) -> tuple[int, ...]:
    """Flyway's order (org.flywaydb.core.api.MigrationVersion): numbers between points or underscores, where zeros at
    the end say nothing: ``1.0`` is ``1``."""
    parts = str(version).replace("_", ".").split(".")
    numbers = [int(part) if part.isdecimal() and len(part) <= _LONGEST_NUMBER else -1 for part in parts]
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
