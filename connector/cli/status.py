"""`lamplighter status`: what ran, what waits, what was rejected. Reads the store alone, also while a run is at work."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from connector import settings
from connector.cli import options
from connector.cli.standing import standing
from connector.cli.terminal import heading, moment, print_json, say, table
from connector.observe.metrics import exposition
from connector.store import open_to_look

RUN = ("number", "status", "started_at", "finished_at", "as_of", "message")
SECTIONS = {
    "at_work": ("At work now", ("what", "holder", "since")),
    "breakers": (
        "Failed in their last runs, some left alone -> lamplighter retry tries them now",
        ("system", "failures", "left_alone_until", "reason"),
    ),
    "cursors": ("Sources", ("source", "stream", "moved_at")),
    "failing_channels": (
        "Channels that take no alerts -> lamplighter alerts --test, once the reason is mended",
        ("channel", "since", "reason"),
    ),
    "erasures": (
        "Erasures that are not finished -> lamplighter erase --resume",
        ("reference", "requested_at", "waits_for"),
    ),
    "rejected": (
        "Rows that could not be used; mend them at their source, which is read again with its next change",
        ("source", "stream", "rows", "reason"),
    ),
    "refused": (
        "Refused changes, tried again when the contact changes -> lamplighter retry",
        ("destination", "list", "changes", "reason"),
    ),
    "missing_lists": (
        "Lists that are not there -> lamplighter retry, once the reason is mended",
        ("destination", "list", "reason"),
    ),
    "by_hand": (
        "Taken out of lists by hand, and kept out -> lamplighter retry --list NAME",
        ("destination", "list", "members"),
    ),
}
"""What is shown of `standing` where there is any, with the next command; and its columns."""


def command(
    home: options.Home = options.HOME,
    metrics: Annotated[bool, typer.Option("--metrics", help="Print figures for Prometheus and nothing else.")] = False,
    json: options.Json = False,
) -> None:
    """The last runs, where each source stands, what waits and what was rejected."""
    chosen = settings.load(home)
    store = open_to_look(chosen.store_url(home))
    try:
        if metrics:
            print(exposition(store).decode(), end="")
            return
        found = standing(store, chosen)
    finally:
        store.close()
    if json:
        print_json(found)
    else:
        _show(found)


def _show(found: dict[str, Any]) -> None:
    for one in found["stale"]:
        say(f"! {one['words']} -> {one['next']}")
    if not found["runs"]:
        say("No run yet -> lamplighter run")
        return
    last = found["runs"][0]
    heading(f"Runs -> lamplighter runs {last['number']} shows the last in full")
    show_rows(RUN, found["runs"])
    for note in last["notes"]:
        say(f"! {note}")
    for name, (title, columns) in SECTIONS.items():
        if found[name]:
            heading(title)
            show_rows(columns, found[name])
    heading("Outbox")
    say(", ".join(f"{state} {count:,}" for state, count in sorted(found["outbox"].items())) or "empty")
    for plan in found["waiting"]:
        _show_plan(plan)


def _show_plan(plan: dict[str, Any]) -> None:
    heading(f"Plan {plan['plan']} of run {plan['run']} waits -> lamplighter run --approve {plan['plan']}")
    if plan["words"]:
        say(plan["words"])
    say("look -> lamplighter audiences preview NAME, lamplighter run --dry-run")
    rows = [(name, word, count) for name, counts in plan["lists"].items() for word, count in counts.items()]
    table(("of", "what", "how many"), rows)


def show_rows(columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    """Some columns of rows; times to the minute, several words in one cell."""
    table([name.replace("_", " ") for name in columns], [[_cell(name, row[name]) for name in columns] for row in rows])


def _cell(name: str, value: Any) -> object:
    if isinstance(value, list):
        return ", ".join(value)
    return moment(value) if name.endswith(("_at", "_of", "_until", "since")) else value
