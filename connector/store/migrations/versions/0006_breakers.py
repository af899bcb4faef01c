"""Which systems are left alone for a while, and no state of the outbox but those that there are"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

KNOWN = "state IN ('pending', 'sent', 'acknowledged', 'rejected', 'deferred')"


def upgrade() -> None:
    op.create_table(
        "breaker",
        sa.Column("system", sa.String(length=64), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("try_again_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("system", name=op.f("pk_breaker")),
    )
    with op.batch_alter_table("outbox") as outbox:
        outbox.create_check_constraint(op.f("ck_outbox_state"), KNOWN)


def downgrade() -> None:
    with op.batch_alter_table("outbox") as outbox:
        outbox.drop_constraint(op.f("ck_outbox_state"), type_="check")
    op.drop_table("breaker")
