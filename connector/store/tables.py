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
    # it got to the warehouse; see warehouse.damage
    sa.Column("entered", sa.Boolean, nullable=False, default=False, server_default=sa.false()),
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
    sa.Column("taken_at", UtcTime),  # None: by an older Lamplighter
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
    sa.CheckConstraint("state IN ('pending', 'sent', 'acknowledged', 'rejected', 'deferred')", name="ck_outbox_state"),
)

breaker = sa.Table(
    "breaker",
    metadata,
    sa.Column("system", sa.String(64), primary_key=True),  # a source or a destination
    sa.Column("failures", sa.Integer, nullable=False),  # runs in a row
    sa.Column("opened_at", UtcTime),  # None: it is asked as ever
    sa.Column("try_again_at", UtcTime),
    sa.Column("reason", sa.Text, nullable=False),
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
    sa.Column("rows", sa.Integer, nullable=False, default=1, server_default="1"),  # it stands for so many
)

approval = sa.Table(
    "approval",
    metadata,
    sa.Column("plan", sa.String(64), primary_key=True),
    sa.Column("run", sa.Integer, nullable=False),  # the run that was stopped
    sa.Column("summary", sa.JSON, nullable=False),  # what it covers: audience, or figure -> counts
    sa.Column("approved_at", UtcTime),
    sa.Column("guard", sa.String(16), nullable=False, default="list", server_default="list"),  # see pipeline.guards
    sa.Column("destination", sa.String(64), nullable=False, default="", server_default=""),  # "": the whole run
    sa.Column("words", sa.Text, nullable=False, default="", server_default=""),  # what a person is asked
    sa.Column("used_at", UtcTime),  # when a push took it: it is good for one
)

believed = sa.Table(
    "believed",
    metadata,
    sa.Column("name", sa.String(32), primary_key=True),  # of a set of figures that guards compare with
    sa.Column("run", sa.Integer, nullable=False),  # the last run whose figures were believed
    sa.Column("value", sa.JSON, nullable=False),
)

alert = sa.Table(
    "alert",
    metadata,
    sa.Column("kind", sa.String(32), primary_key=True),  # see alerts.troubles
    sa.Column("subject", sa.String(128), primary_key=True),  # a system or a source; "" for the whole
    sa.Column("words", sa.Text, nullable=False),
    sa.Column("first_seen", UtcTime, nullable=False),
    sa.Column("last_told", UtcTime),  # None: nobody could be told yet
    sa.Column("recovered_at", UtcTime),  # None: it lasts
)

alert_channel = sa.Table(
    "alert_channel",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("failing_since", UtcTime, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),  # without addresses and secrets
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

stale_book = sa.Table(
    "stale_book",
    metadata,
    sa.Column("destination", sa.String(64), primary_key=True),
    sa.Column("since", UtcTime, nullable=False),  # what our books say of it may be wrong from this moment on
)

total = sa.Table(
    "total",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),  # see pipeline.counted
    sa.Column("key", sa.String(512), primary_key=True),  # its labels, in one text
    sa.Column("labels", sa.JSON, nullable=False),
    sa.Column("value", sa.Double, nullable=False),
)
