"""Rollouts, the leases on them, the ledger that nobody edits, and approvals."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
tables = ("instar_rollouts", "instar_leases", "instar_ledger", "instar_ledger_heads", "instar_approvals")

_SQLITE_TRIGGERS = (
    """
    CREATE TRIGGER instar_ledger_no_update BEFORE UPDATE ON instar_ledger
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: entries are never changed'); END
    """,
    """
    CREATE TRIGGER instar_ledger_no_delete BEFORE DELETE ON instar_ledger
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: entries are never deleted'); END
    """,
    # INSERT OR REPLACE deletes without firing the trigger above unless recursive_triggers is on.
    """
    CREATE TRIGGER instar_ledger_no_replace BEFORE INSERT ON instar_ledger
    WHEN EXISTS (SELECT 1 FROM instar_ledger WHERE environment = NEW.environment AND number = NEW.number)
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: entries are never replaced'); END
    """,
)

_POSTGRESQL_TRIGGERS = (
    """
    CREATE FUNCTION instar_ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'the ledger is append-only: entries are never changed or deleted'; END $$
    """,
    """
    CREATE TRIGGER instar_ledger_no_change BEFORE UPDATE OR DELETE ON instar_ledger
    FOR EACH ROW EXECUTE FUNCTION instar_ledger_is_append_only()
    """,
    """
    CREATE TRIGGER instar_ledger_no_truncate BEFORE TRUNCATE ON instar_ledger
    FOR EACH STATEMENT EXECUTE FUNCTION instar_ledger_is_append_only()
    """,
)


def upgrade() -> None:
    op.create_table(
        "instar_rollouts",
        sa.Column("environment", sa.Text, primary_key=True),
        sa.Column("migration", sa.Text, primary_key=True),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("changed_at_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "instar_leases",
        sa.Column("environment", sa.Text, primary_key=True),
        sa.Column("migration", sa.Text, primary_key=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("token", sa.BigInteger, nullable=False),
        sa.Column("until_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "instar_ledger",
        sa.Column("environment", sa.Text, primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("migration",)),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("actor", "action", "reason", "fingerprint", "details")),
        sa.Column("state_revision", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("state_digest", "previous", "hash")),
    )
    op.create_index("instar_ledger_by_migration", "instar_ledger", ["environment", "migration", "number"])
    op.create_table(
        "instar_ledger_heads",
        sa.Column("environment", sa.Text, primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
    )
    op.create_table(
        "instar_approvals",
        sa.Column("environment", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("migration", "action", "fingerprint", "requested_by")),
        sa.Column("requested_at_ms", sa.BigInteger, nullable=False),
        sa.Column("request_reason", sa.Text, nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("answer", "answered_by")),
        sa.Column("answered_at_ms", sa.BigInteger, nullable=False),
        sa.Column("answer_reason", sa.Text, nullable=False),
        sa.Column("used_at_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("instar_approvals_by_action", "instar_approvals", ["environment", "migration", "action"])
    for trigger in _SQLITE_TRIGGERS if op.get_bind().dialect.name == "sqlite" else _POSTGRESQL_TRIGGERS:
        op.execute(trigger)


def downgrade() -> None:
    """Drops everything, the ledger included: `instar db downgrade` asks for the environment's name first."""
    for table in reversed(tables):
        op.drop_table(table)
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION instar_ledger_is_append_only()")
