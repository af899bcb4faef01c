"""Whose the match keys are that ad platforms were told of; kinds of what is remembered may be longer"""

import sqlalchemy as sa
from alembic import op

SHORT, LONG = sa.String(length=16), sa.String(length=32)

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "ad_member",
        sa.Column("destination", sa.String(length=64), nullable=False),
        sa.Column("member", sa.String(length=64), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("destination", "member", name=op.f("pk_ad_member")),
    )
    op.create_index("ix_ad_member_person", "ad_member", ["destination", "person"], unique=False)

    with op.batch_alter_table("remote", schema=None) as batch_op:
        batch_op.alter_column("kind", existing_type=SHORT, type_=LONG, existing_nullable=False)


def downgrade() -> None:
    with op.batch_alter_table("remote", schema=None) as batch_op:
        batch_op.alter_column("kind", existing_type=LONG, type_=SHORT, existing_nullable=False)
    op.drop_index("ix_ad_member_person", table_name="ad_member")
    op.drop_table("ad_member")
