"""Where an install stands, as the store alone knows it: what `lamplighter status` shows, as plain data."""

from datetime import UTC, datetime
from typing import Any

from connector.alerts.troubles import STALE, troubles
from connector.settings import Settings
from connector.store import (
    Store,
    acknowledged,
    alerts,
    approvals,
    breakers,
    erasures,
    leases,
    outbox,
    rejections,
    runs,
    vetoes,
)
from connector.store.erasures import DONE
from connector.store.tables import cursor, refused_list

SHOWN = 10


def standing(store: Store, chosen: Settings) -> dict[str, Any]:
    """What ran, who is at work, who is left alone, what waits and why, what was rejected."""
    stale = [one for one in troubles(store, chosen.alerts, datetime.now(UTC)) if one.kind == STALE]
    return {
        "stale": [{"words": one.words, "next": one.command} for one in stale],
        "runs": [_run(row) for row in runs.latest(store, limit=SHOWN)],
        "at_work": [{"what": one.name, "holder": one.holder, "since": one.since} for one in leases.holders(store)],
        "breakers": [_breaker(one) for one in breakers.standing(store).values()],
        "cursors": [
            {"source": row.source, "stream": row.stream, "moved_at": row.moved_at}
            for row in store.rows(cursor.select().order_by(cursor.c.source, cursor.c.stream))
        ],
        "outbox": outbox.depth(store),
        "waiting": [_plan(row) for row in approvals.waiting(store)],
        "failing_channels": alerts.failing_channels(store),
        "erasures": [_erasure(one) for one in erasures.all_of(store, unfinished=True)],
        **_refused(store),
    }


def _refused(store: Store) -> dict[str, Any]:
    return {
        "rejected": [
            {"source": source, "stream": stream, "reason": reason, "rows": count}
            for source, stream, reason, count in rejections.counts(store)
        ],
        "refused": [
            {"destination": destination, "list": audience, "reason": reason, "changes": count}
            for destination, audience, reason, count in acknowledged.refusal_counts(store)
        ],
        "by_hand": [
            {"destination": destination, "list": audience, "members": count}
            for destination, audience, count in vetoes.counts(store)
        ],
        "missing_lists": [
            {"destination": row.destination, "list": row.audience, "reason": row.reason}
            for row in store.rows(refused_list.select().order_by(refused_list.c.destination, refused_list.c.audience))
        ],
    }


def _run(row: Any) -> dict[str, Any]:
    names = ("number", "status", "as_of", "started_at", "finished_at", "message")
    return {**{name: getattr(row, name) for name in names}, "notes": row.report.get("notes", [])}


def _breaker(one: breakers.Breaker) -> dict[str, Any]:
    return {
        "system": one.system,
        "failures": one.failures,
        "left_alone_until": one.try_again_at if one.open else None,
        "reason": one.reason,
    }


def _plan(row: Any) -> dict[str, Any]:
    told = {name: getattr(row, name) for name in ("plan", "run", "guard", "destination", "words")}
    return {**told, "lists": row.summary}


def _erasure(one: erasures.Erasure) -> dict[str, Any]:
    waits = [name for name, recipient in one.recipients.items() if recipient.state != DONE]
    return {"reference": one.reference, "requested_at": one.requested_at, "waits_for": waits}
