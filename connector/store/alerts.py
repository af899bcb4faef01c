"""The troubles that people were told of, and the channels that could not be used."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from connector.store.clock import now
from connector.store.database import Store, upsert
from connector.store.tables import alert, alert_channel

Name = tuple[str, str]
"""Kind and subject of a trouble."""


def lasting(store: Store) -> dict[Name, Any]:
    """The troubles that are not over, by name."""
    return {(row.kind, row.subject): row for row in store.rows(alert.select().where(alert.c.recovered_at.is_(None)))}


def see(store: Store, troubles: Iterable[tuple[Name, str]], at: datetime) -> None:
    """Note troubles, with their words of today. One that was over begins anew."""
    with store.begin() as connection:
        for (kind, subject), words in troubles:
            same = (alert.c.kind == kind, alert.c.subject == subject)
            still = alert.update().where(*same, alert.c.recovered_at.is_(None)).values(words=words)
            if not connection.execute(still).rowcount:
                row = {"kind": kind, "subject": subject, "words": words, "first_seen": at}
                upsert(connection, alert, [{**row, "last_told": None, "recovered_at": None}])


def mark_told(store: Store, name: Name, at: datetime) -> None:
    """Somebody was told of a trouble."""
    _change(store, name, last_told=at)


def mark_over(store: Store, name: Name, at: datetime) -> None:
    """A trouble is over."""
    _change(store, name, recovered_at=at)


def _change(store: Store, name: Name, **values: Any) -> None:
    with store.begin() as connection:
        connection.execute(alert.update().where(alert.c.kind == name[0], alert.c.subject == name[1]).values(**values))


def channel_failed(store: Store, name: str, reason: str) -> None:
    """A channel took nothing; since when is kept."""
    with store.begin() as connection:
        row = {"name": name, "reason": reason, "failing_since": now()}
        upsert(connection, alert_channel, [row], keep=("failing_since",))


def channel_works(store: Store, name: str) -> None:
    """A channel took a notice."""
    with store.begin() as connection:
        connection.execute(alert_channel.delete().where(alert_channel.c.name == name))


def failing_channels(store: Store) -> list[dict[str, Any]]:
    """Channels that took nothing when they were last tried: {"channel", "since", "reason"}."""
    rows = store.rows(sa.select(alert_channel).order_by(alert_channel.c.name))
    return [{"channel": row.name, "since": row.failing_since, "reason": row.reason} for row in rows]
