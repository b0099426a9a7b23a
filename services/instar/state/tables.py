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

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # SQLite numbers rows by itself only for INTEGER

verifications = sa.Table(
    "instar_verifications",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("environment", sa.Text, nullable=False),
    sa.Column("migration", sa.Text, nullable=False),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("is_right", sa.Boolean, nullable=False),
    sa.Column("until_ms", sa.BigInteger, nullable=False),
    sa.Column("report", sa.Text, nullable=False),
    sa.Index("instar_verifications_by_plan", "environment", "migration", "fingerprint", "at_ms"),
)

rehearsals = sa.Table(
    "instar_rehearsals",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("environment", sa.Text, nullable=False),
    sa.Column("migration", sa.Text, nullable=False),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("passed", sa.Boolean, nullable=False),
    sa.Column("report", sa.Text, nullable=False),
    sa.Index("instar_rehearsals_by_plan", "environment", "migration", "fingerprint", "at_ms"),
)

readers = sa.Table(
    "instar_readers",
    metadata,
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("group_name", sa.Text, primary_key=True),
    sa.Column("subject", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("expires_at_ms", sa.BigInteger, nullable=False),
    sa.Column("declared_by", sa.Text, nullable=False),
    sa.Column("declared_at_ms", sa.BigInteger, nullable=False),
)

limit_samples = sa.Table(
    "instar_limit_samples",
    metadata,
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("migration", sa.Text, primary_key=True),
    sa.Column("at_ms", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("read", sa.BigInteger),
    sa.Column("dead_lettered", sa.BigInteger),
    sa.Column("mismatches", sa.BigInteger),
    sa.Column("lag_records", sa.BigInteger),
    sa.Column("latency_ms", sa.Double),
)

worker_events = sa.Table(
    "instar_worker_events",
    metadata,
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("migration", sa.Text, nullable=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),  # by the worker's clock: the database was perhaps away
    sa.Column("worker", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("details", sa.Text, nullable=False),
    sa.Column("mirrored_at_ms", sa.BigInteger, nullable=False),
    sa.Index("instar_worker_events_by_migration", "environment", "migration", "at_ms"),
)

census = sa.Table(
    "instar_census",
    metadata,
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("last_ms", sa.BigInteger, nullable=False),  # by the reporter's clock
    sa.Column("counted_to", sa.BigInteger, nullable=False),  # offset of the last summary that the result counts
    sa.Column("result", sa.Text, nullable=False),
    sa.Index("instar_census_by_time", "environment", "last_ms"),
)

sessions = sa.Table(
    "instar_sessions",
    metadata,
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),  # SHA-256 of what the browser keeps
    sa.Column("caller", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("token", sa.Text, nullable=False),  # fingerprint of the token, its name and its role
    sa.Column("began_ms", sa.BigInteger, nullable=False),
    sa.Column("until_ms", sa.BigInteger, nullable=False),
    sa.Index("instar_sessions_by_end", "environment", "until_ms"),
)

idempotency = sa.Table(
    "instar_idempotency",
    metadata,
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("caller", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("fingerprint", sa.Text, nullable=False),  # of the request
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("until_ms", sa.BigInteger, nullable=False),  # of the owner's lease
    sa.Column("status", sa.Integer, nullable=False),  # of the answer; 0: it is at work
    sa.Column("answer", sa.Text, nullable=False),
    sa.Index("instar_idempotency_by_time", "environment", "at_ms"),
)

audit = sa.Table(
    "instar_audit",
    metadata,
    sa.Column("number", _ID, primary_key=True),
    sa.Column("environment", sa.Text, nullable=False),
    sa.Column("deed", sa.Text, nullable=False),  # what is begun and what became of it have the same
    sa.Column("began_ms", sa.BigInteger, nullable=False),  # by the server's clock: the database was perhaps away
    sa.Column("at_ms", sa.BigInteger, nullable=False),  # likewise
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("migration", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("details", sa.Text, nullable=False),
    sa.Index("instar_audit_by_deed", "environment", "deed", "number"),
    sa.Index("instar_audit_by_number", "environment", "number"),
)
