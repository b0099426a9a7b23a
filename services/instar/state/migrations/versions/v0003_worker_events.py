"""What became of workers, as they told it, perhaps later."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
tables = ("instar_worker_events",)


def upgrade() -> None:
    op.create_table(
        "instar_worker_events",
        *(sa.Column(name, sa.Text, primary_key=True) for name in ("environment", "id")),
        sa.Column("migration", sa.Text, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("worker", "kind", "details")),
        sa.Column("mirrored_at_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("instar_worker_events_by_migration", "instar_worker_events", ["environment", "migration", "at_ms"])


def downgrade() -> None:
    for table in reversed(tables):
        op.drop_table(table)
