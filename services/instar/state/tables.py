"""The tables as this program reads and writes them. Only ``migrations/`` makes and changes them; a test compares.

Times are milliseconds since 1970 by the database's clock. JSON is text: it is compared and hashed as it was written.
"""

import sqlalchemy as sa

metadata = sa.MetaData()

rollouts = sa.Table(
    "instar_rollouts",
    metadata,
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("migration", sa.Text, primary_key=True),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("document", sa.Text, nullable=False),
    sa.Column("changed_at_ms", sa.BigInteger, nullable=False),
)

leases = sa.Table(
    "instar_leases",
    metadata,
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("migration", sa.Text, primary_key=True),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("token", sa.BigInteger, nullable=False),
    sa.Column("until_ms", sa.BigInteger, nullable=False),
)

ledger = sa.Table(
    "instar_ledger",
    metadata,
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("migration", sa.Text, nullable=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("details", sa.Text, nullable=False),
    sa.Column("state_revision", sa.BigInteger, nullable=False),
    sa.Column("state_digest", sa.Text, nullable=False),
    sa.Column("previous", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
    sa.Index("instar_ledger_by_migration", "environment", "migration", "number"),
)

ledger_heads = sa.Table(
    "instar_ledger_heads",
    metadata,
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
)

approvals = sa.Table(
    "instar_approvals",
    metadata,
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("migration", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("requested_by", sa.Text, nullable=False),
    sa.Column("requested_at_ms", sa.BigInteger, nullable=False),
    sa.Column("request_reason", sa.Text, nullable=False),
    sa.Column("expires_at_ms", sa.BigInteger, nullable=False),
    sa.Column("answer", sa.Text, nullable=False),  # "" | approved | refused
    sa.Column("answered_by", sa.Text, nullable=False),
    sa.Column("answered_at_ms", sa.BigInteger, nullable=False),
    sa.Column("answer_reason", sa.Text, nullable=False),
    sa.Column("used_at_ms", sa.BigInteger, nullable=False),  # 0: not yet
    sa.Index("instar_approvals_by_action", "environment", "migration", "action"),
)
