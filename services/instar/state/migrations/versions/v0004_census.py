"""What the census counted, for who has the database and not Kafka (`census/application.py`)."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
tables = ("instar_census",)


def upgrade() -> None:
    op.create_table(
        "instar_census",
        *(sa.Column(name, sa.Text, primary_key=True) for name in ("environment", "key")),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("last_ms", sa.BigInteger, nullable=False),
        sa.Column("counted_to", sa.BigInteger, nullable=False),
        sa.Column("result", sa.Text, nullable=False),
    )
    op.create_index("instar_census_by_time", "instar_census", ["environment", "last_ms"])


def downgrade() -> None:
    for table in reversed(tables):
        op.drop_table(table)
