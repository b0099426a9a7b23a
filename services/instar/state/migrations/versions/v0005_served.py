"""Who is signed in at the dashboard, which requests were done under which key, and who did or tried what there."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
tables = ("instar_sessions", "instar_idempotency", "instar_audit")

_SQLITE_TRIGGERS = (
    """
    CREATE TRIGGER instar_audit_no_update BEFORE UPDATE ON instar_audit
    BEGIN SELECT RAISE(ABORT, 'the audit is append-only: entries are never changed'); END
    """,
    """
    CREATE TRIGGER instar_audit_no_delete BEFORE DELETE ON instar_audit
    BEGIN SELECT RAISE(ABORT, 'the audit is append-only: entries are never deleted'); END
    """,
    # INSERT OR REPLACE deletes without firing the trigger above unless recursive_triggers is on.
    """
    CREATE TRIGGER instar_audit_no_replace BEFORE INSERT ON instar_audit
    WHEN EXISTS (SELECT 1 FROM instar_audit WHERE number = NEW.number)
    BEGIN SELECT RAISE(ABORT, 'the audit is append-only: entries are never replaced'); END
    """,
)

_POSTGRESQL_TRIGGERS = (
    """
    CREATE FUNCTION instar_audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'the audit is append-only: entries are never changed or deleted'; END $$
    """,
    """
    CREATE TRIGGER instar_audit_no_change BEFORE UPDATE OR DELETE ON instar_audit
    FOR EACH ROW EXECUTE FUNCTION instar_audit_is_append_only()
    """,
    """
    CREATE TRIGGER instar_audit_no_truncate BEFORE TRUNCATE ON instar_audit
    FOR EACH STATEMENT EXECUTE FUNCTION instar_audit_is_append_only()
    """,
)


def upgrade() -> None:
    op.create_table(
        "instar_sessions",
        *(sa.Column(name, sa.Text, primary_key=True) for name in ("environment", "id")),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("caller", "role", "token")),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("began_ms", "until_ms")),
    )
    op.create_index("instar_sessions_by_end", "instar_sessions", ["environment", "until_ms"])
    op.create_table(
        "instar_idempotency",
        *(sa.Column(name, sa.Text, primary_key=True) for name in ("environment", "caller", "key")),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("until_ms", sa.BigInteger, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
    )
    op.create_index("instar_idempotency_by_time", "instar_idempotency", ["environment", "at_ms"])
    op.create_table(
        "instar_audit",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("environment", "deed")),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("began_ms", "at_ms")),
        *(
            sa.Column(name, sa.Text, nullable=False)
            for name in ("actor", "role", "what", "migration", "why", "outcome", "details")
        ),
    )
    op.create_index("instar_audit_by_deed", "instar_audit", ["environment", "deed", "number"])
    op.create_index("instar_audit_by_number", "instar_audit", ["environment", "number"])
    for trigger in _SQLITE_TRIGGERS if op.get_bind().dialect.name == "sqlite" else _POSTGRESQL_TRIGGERS:
        op.execute(trigger)


def downgrade() -> None:
    """Drops the audit as well: `instar db downgrade` asks for the environment's name first."""
    for table in reversed(tables):
        op.drop_table(table)
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION instar_audit_is_append_only()")
