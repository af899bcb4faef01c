"""Rejected rows that are only counted"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.add_column("rejected", sa.Column("rows", sa.Integer(), server_default="1", nullable=False))


def downgrade() -> None:
    op.drop_column("rejected", "rows")
