"""What was seen and what people declared: verifications, rehearsals, samples for limits, readers."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
tables = ("instar_verifications", "instar_rehearsals", "instar_readers", "instar_limit_samples")


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    for table, outcome, more in (
        ("instar_verifications", "is_right", [sa.Column("until_ms", sa.BigInteger, nullable=False)]),
        ("instar_rehearsals", "passed", []),
    ):
        op.create_table(
            table,
            sa.Column("id", number, primary_key=True),
            *(sa.Column(name, sa.Text, nullable=False) for name in ("environment", "migration", "fingerprint")),
            sa.Column("at_ms", sa.BigInteger, nullable=False),
            sa.Column(outcome, sa.Boolean, nullable=False),
            *more,
            sa.Column("report", sa.Text, nullable=False),
        )
        op.create_index(f"{table}_by_plan", table, ["environment", "migration", "fingerprint", "at_ms"])
    op.create_table(
        "instar_readers",
        *(sa.Column(name, sa.Text, primary_key=True) for name in ("environment", "group_name", "subject")),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger, nullable=False),
        sa.Column("declared_by", sa.Text, nullable=False),
        sa.Column("declared_at_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "instar_limit_samples",
        *(sa.Column(name, sa.Text, primary_key=True) for name in ("environment", "migration")),
        sa.Column("at_ms", sa.BigInteger, primary_key=True, autoincrement=False),
        *(sa.Column(name, sa.BigInteger) for name in ("read", "dead_lettered", "mismatches", "lag_records")),
        sa.Column("latency_ms", sa.Double),
    )


def downgrade() -> None:
    for table in reversed(tables):
        op.drop_table(table)
