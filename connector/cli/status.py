"""`lamplighter status`: what ran, what waits, what was rejected. Reads the store alone, also while a run is at work."""

from typing import Any

from connector import settings
from connector.cli import options
from connector.cli.terminal import heading, moment, print_json, say, table
from connector.store import Store, acknowledged, approvals, open_store, outbox, rejections, runs, vetoes
from connector.store.tables import cursor, refused_list

SHOWN = 10
RUN = ("number", "status", "started_at", "finished_at", "as_of", "message")
SOURCE = ("source", "stream", "moved_at")
REJECTED = ("source", "stream", "rows", "reason")
REFUSED = ("destination", "list", "changes", "reason")
BY_HAND = ("destination", "list", "members")
MISSING = ("destination", "list", "reason")


def command(home: options.Home = options.HOME, json: options.Json = False) -> None:
    """The last runs, where each source stands, what waits and what was rejected."""
    store = open_store(settings.load(home).store_url(home))
    try:
        found = _status(store)
    finally:
        store.close()
    if json:
        print_json(found)
    else:
        _show(found)


def _status(store: Store) -> dict[str, Any]:
    return {
        "runs": [_run(row) for row in runs.latest(store, limit=SHOWN)],
        "cursors": [
            {"source": row.source, "stream": row.stream, "moved_at": row.moved_at, "cursor": row.value}
            for row in store.rows(cursor.select().order_by(cursor.c.source, cursor.c.stream))
        ],
        "outbox": outbox.depth(store),
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
        "waiting": [{"plan": row.plan, "run": row.run, "lists": row.summary} for row in approvals.waiting(store)],
    }


def _run(row: Any) -> dict[str, Any]:
    names = ("number", "status", "as_of", "started_at", "finished_at", "message")
    return {**{name: getattr(row, name) for name in names}, "notes": row.report.get("notes", [])}


def _show(found: dict[str, Any]) -> None:
    if not found["runs"]:
        say("No run yet -> lamplighter run")
        return
    heading("Runs")
    table(RUN, [_cells(row, RUN) for row in found["runs"]])
    for note in found["runs"][0]["notes"]:
        say(f"! {note}")
    heading("Sources")
    table(SOURCE, [_cells(row, SOURCE) for row in found["cursors"]])
    heading("Outbox")
    say(", ".join(f"{state} {count:,}" for state, count in sorted(found["outbox"].items())) or "empty")
    _show_trouble(found)


def _show_trouble(found: dict[str, Any]) -> None:
    if found["rejected"]:
        heading("Rejected rows")
        table(REJECTED, [_cells(row, REJECTED) for row in found["rejected"]])
    if found["refused"]:
        heading("Refused changes, tried again when the contact changes -> lamplighter retry")
        table(REFUSED, [_cells(row, REFUSED) for row in found["refused"]])
    if found["missing_lists"]:
        heading("Lists that are not there")
        table(MISSING, [_cells(row, MISSING) for row in found["missing_lists"]])
    if found["by_hand"]:
        heading("Taken out of lists by hand, and kept out -> lamplighter retry --list NAME")
        table(BY_HAND, [_cells(row, BY_HAND) for row in found["by_hand"]])
    for plan in found["waiting"]:
        heading(f"Plan {plan['plan']} of run {plan['run']} waits -> lamplighter run --approve {plan['plan']}")
        table(("list", "add", "remove"), [(name, one["add"], one["remove"]) for name, one in plan["lists"].items()])


def _cells(row: dict[str, Any], columns: tuple[str, ...]) -> tuple[object, ...]:
    return tuple(moment(row[name]) if name.endswith(("_at", "_of")) else row[name] for name in columns)
