"""Runs say whether they got to the warehouse; destinations of which a restored store knows less than they do"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("run", sa.Column("entered", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "stale_book",
        sa.Column("destination", sa.String(length=64), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("destination", name=op.f("pk_stale_book")),
    )


def downgrade() -> None:
    op.drop_table("stale_book")
    op.drop_column("run", "entered")
