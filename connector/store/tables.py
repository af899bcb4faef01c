"""The store's tables. Alembic's migrations make them; a test compares the two."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa


class UtcTime(sa.TypeDecorator[datetime]):
    """Aware UTC times on every database; SQLite would forget the zone. Naive times are refused."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive time: every time in the store carries its zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
    }
)

run = sa.Table(
    "run",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("status", sa.String(16), nullable=False),  # see runs.STATUSES
    sa.Column("as_of", UtcTime, nullable=False),
    sa.Column("started_at", UtcTime, nullable=False),
    sa.Column("finished_at", UtcTime),
    sa.Column("decided", sa.Boolean, nullable=False, default=False),  # its derived rows are complete and visible
    sa.Column("full", sa.Boolean, nullable=False, default=False),  # everybody was decided, with fresh figures
    sa.Column("rules", sa.String(64), nullable=False, default=""),  # digest of the audiences it decided by
    sa.Column("report", sa.JSON, nullable=False, default=dict),
    sa.Column("message", sa.Text, nullable=False, default=""),
)

cursor = sa.Table(
    "cursor",
    metadata,
    sa.Column("source", sa.String(128), primary_key=True),
    sa.Column("stream", sa.String(128), primary_key=True),
    sa.Column("value", sa.JSON, nullable=False),
    sa.Column("moved_at", UtcTime, nullable=False),
)

lease = sa.Table(
    "lease",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("holder", sa.String(128), nullable=False),
    sa.Column("token", sa.Integer, nullable=False),  # grows with every new holder
    sa.Column("expires_at", UtcTime, nullable=False),
)

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("run", sa.Integer, nullable=False, index=True),
    sa.Column("position", sa.Integer, nullable=False),  # order of delivery within the run
    sa.Column("destination", sa.String(64), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("audience", sa.String(128), nullable=False),
    sa.Column("state", sa.String(16), nullable=False, index=True),  # see outbox.STATES
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("payload", sa.JSON, nullable=False),
    sa.Column("reason", sa.Text, nullable=False, default=""),
    sa.Column("changed_at", UtcTime, nullable=False),
)

membership = sa.Table(
    "membership",
    metadata,
    sa.Column("destination", sa.String(64), primary_key=True),
    sa.Column("audience", sa.String(128), primary_key=True),
    sa.Column("member", sa.String(64), primary_key=True),  # the CRM's id of the contact
    sa.Column("certain", sa.Boolean, nullable=False, default=True),  # False: may or may not be in; push either way
    sa.Column("run", sa.Integer, nullable=False),
)
sa.Index("ix_membership_member", membership.c.destination, membership.c.member)

ad_member = sa.Table(
    "ad_member",
    metadata,
    sa.Column("destination", sa.String(64), primary_key=True),
    sa.Column("member", sa.String(64), primary_key=True),  # a match key
    sa.Column("person", sa.Text, nullable=False),  # whose it was when an ad platform was last told of it
)
sa.Index("ix_ad_member_person", ad_member.c.destination, ad_member.c.person)

profile = sa.Table(
    "profile",
    metadata,
    sa.Column("destination", sa.String(64), primary_key=True),
    sa.Column("member", sa.String(64), primary_key=True),
    sa.Column("properties", sa.Text, nullable=False),  # JSON, sorted: what the CRM acknowledged
    sa.Column("version", UtcTime),  # the record's modification time after our write: our own echo
    sa.Column("run", sa.Integer, nullable=False),
)

remote = sa.Table(
    "remote",
    metadata,
    sa.Column("destination", sa.String(64), primary_key=True),
    sa.Column("kind", sa.String(32), primary_key=True),
    sa.Column("name", sa.String(128), primary_key=True),
    sa.Column("remote_id", sa.Text, nullable=False),
)

refusal = sa.Table(
    "refusal",
    metadata,
    sa.Column("destination", sa.String(64), primary_key=True),
    sa.Column("audience", sa.String(128), primary_key=True),  # "" for properties
    sa.Column("member", sa.String(64), primary_key=True),
    sa.Column("wish", sa.Text, nullable=False),  # what was refused; another wish is tried at once
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("run", sa.Integer, nullable=False),
)

veto = sa.Table(
    "veto",
    metadata,
    sa.Column("destination", sa.String(64), primary_key=True),
    sa.Column("audience", sa.String(128), primary_key=True),
    sa.Column("member", sa.String(64), primary_key=True),
    sa.Column("run", sa.Integer, nullable=False),
    sa.Column("noticed_at", UtcTime, nullable=False),  # when we saw that a person had taken them out by hand
)

refused_list = sa.Table(
    "refused_list",
    metadata,
    sa.Column("destination", sa.String(64), primary_key=True),
    sa.Column("audience", sa.String(128), primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("run", sa.Integer, nullable=False),
)

rejected = sa.Table(
    "rejected",
    metadata,
    sa.Column("source", sa.String(128), primary_key=True),
    sa.Column("stream", sa.String(128), primary_key=True),
    sa.Column("reference", sa.String(512), primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("row", sa.JSON, nullable=False),
    sa.Column("run", sa.Integer, nullable=False),
    sa.Column("first_seen", UtcTime, nullable=False),
    sa.Column("last_seen", UtcTime, nullable=False),
)

approval = sa.Table(
    "approval",
    metadata,
    sa.Column("plan", sa.String(64), primary_key=True),
    sa.Column("run", sa.Integer, nullable=False),  # the run that was stopped
    sa.Column("summary", sa.JSON, nullable=False),  # audience -> adds, removes, size
    sa.Column("approved_at", UtcTime),
)

erasure = sa.Table(
    "erasure",
    metadata,
    sa.Column("reference", sa.String(16), primary_key=True),  # what a receipt calls it
    sa.Column("requested_at", UtcTime, nullable=False),
    sa.Column("finished_at", UtcTime),  # None: a place or a recipient is still to come
    sa.Column("digest", sa.String(64), nullable=False),  # of the address that was asked for
    sa.Column("subject", sa.JSON, nullable=False),  # [kind, value] of a person, until every place of ours is done
    sa.Column("places", sa.JSON, nullable=False),  # of ours, that are done
    sa.Column("recipients", sa.JSON, nullable=False),  # name -> {state, words, members}; members until it is done
)

forgotten = sa.Table(
    "forgotten",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),  # of an identifier of somebody erased: stops its re-import
    sa.Column("reference", sa.String(16), nullable=False),
)

salt = sa.Table(
    "salt",
    metadata,
    sa.Column("name", sa.String(16), primary_key=True),
    sa.Column("value", sa.String(64), nullable=False),
)

told_sale = sa.Table(
    "told_sale",
    metadata,
    sa.Column("destination", sa.String(64), primary_key=True),
    sa.Column("key", sa.String(256), primary_key=True),  # of the sale: the CRM's order, or the line that came back
    sa.Column("words", sa.Text, nullable=False),  # of the platform that refused it; empty: it took it
    sa.Column("run", sa.Integer, nullable=False),
    sa.Column("told_at", UtcTime, nullable=False),
)
