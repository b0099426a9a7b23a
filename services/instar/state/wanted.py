"""Which lines of the ledger or the audit are wanted."""

from dataclasses import dataclass

import sqlalchemy as sa

from instar.state.text import storable


@dataclass(frozen=True, slots=True)
class Wanted:
    """Every part that is given must fit. ``who`` and ``what`` may be any part of it, in capitals or not."""

    who: str = ""
    what: str = ""
    migration: str = ""
    since_ms: int | None = None
    until_ms: int | None = None
    refused: bool = False  # of the audit: only what was refused


def within(wanted: Wanted, table: sa.Table) -> list[sa.ColumnElement[bool]]:
    """The conditions that both tables have."""
    found: list[sa.ColumnElement[bool]] = []
    if wanted.who:
        found.append(holds(table.c.actor, wanted.who))
    if wanted.migration:
        found.append(table.c.migration == storable(wanted.migration))
    if wanted.since_ms is not None:
        found.append(table.c.at_ms >= wanted.since_ms)
    if wanted.until_ms is not None:
        found.append(table.c.at_ms < wanted.until_ms)
    return found


def holds(column: sa.ColumnElement[str], text: str) -> sa.ColumnElement[bool]:
    return sa.func.lower(column).contains(storable(text).lower(), autoescape=True)
