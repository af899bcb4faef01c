"""What marketers took out by hand, and lists that a destination refuses; remote ids may be as long as a label"""

import sqlalchemy as sa
from alembic import op

SHORT, LONG = sa.String(length=128), sa.Text()

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "veto",
        sa.Column("destination", sa.String(length=64), nullable=False),
        sa.Column("audience", sa.String(length=128), nullable=False),
        sa.Column("member", sa.String(length=64), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("noticed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("destination", "audience", "member", name=op.f("pk_veto")),
    )
    op.create_table(
        "refused_list",
        sa.Column("destination", sa.String(length=64), nullable=False),
        sa.Column("audience", sa.String(length=128), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("destination", "audience", name=op.f("pk_refused_list")),
    )
    with op.batch_alter_table("remote", schema=None) as batch_op:
        batch_op.alter_column("remote_id", existing_type=SHORT, type_=LONG, existing_nullable=False)


def downgrade() -> None:
    with op.batch_alter_table("remote", schema=None) as batch_op:
        batch_op.alter_column("remote_id", existing_type=LONG, type_=SHORT, existing_nullable=False)
    op.drop_table("refused_list")
    op.drop_table("veto")
