"""What an approval covers and whether it was used, the figures that guards believe, and the troubles that were told"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("approval", sa.Column("guard", sa.String(length=16), nullable=False, server_default="list"))
    op.add_column("approval", sa.Column("destination", sa.String(length=64), nullable=False, server_default=""))
    op.add_column("approval", sa.Column("words", sa.Text(), nullable=False, server_default=""))
    op.add_column("approval", sa.Column("used_at", TIME))
    op.create_table(
        "believed",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_believed")),
    )
    op.create_table(
        "alert",
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=128), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("first_seen", TIME, nullable=False),
        sa.Column("last_told", TIME),
        sa.Column("recovered_at", TIME),
        sa.PrimaryKeyConstraint("kind", "subject", name=op.f("pk_alert")),
    )
    op.create_table(
        "alert_channel",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("failing_since", TIME, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_alert_channel")),
    )


def downgrade() -> None:
    for table in ("alert_channel", "alert", "believed"):
        op.drop_table(table)
    with op.batch_alter_table("approval") as approval:
        for column in ("used_at", "words", "destination", "guard"):
            approval.drop_column(column)
