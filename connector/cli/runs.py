"""`lamplighter runs`: the last runs, or one of them in full. Reads the store alone, also while a run is at work."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from connector import settings
from connector.cli import options, report
from connector.cli.status import RUN, show_rows
from connector.cli.terminal import heading, print_json, say, table
from connector.errors import SetupError
from connector.store import Store, open_to_look, outbox, runs

SHOWN = 30
NEXT = {
    "running": "lamplighter status: it is at work, or was killed; the next run puts that right",
    "done": "nothing is to be done",
    "deferred": "lamplighter run goes on where it stopped; lamplighter retry tries at once who is left alone",
    "guarded": "lamplighter status shows what waits for approval",
    "planned": "lamplighter run",
    "failed": "mend what the message says, or lamplighter check finds it; then lamplighter run",
}
BATCH = ("destination", "audience", "state", "batches", "changes", "reason")

Number = Annotated[int | None, typer.Argument(metavar="N", help="One run in full, by its number.")]
Last = Annotated[bool, typer.Option("--last", help="The newest run in full.")]


def command(
    number: Number = None, last: Last = False, home: options.Home = options.HOME, json: options.Json = False
) -> None:
    """The last runs; with a number or --last one of them in full, with what to do next."""
    store = open_to_look(settings.load(home).store_url(home))
    try:
        row = _row(store, number) if number is not None or last else None
        found = (
            _in_full(store, row)
            if row is not None
            else {"runs": [_head(one) for one in runs.latest(store, limit=SHOWN)]}
        )
    finally:
        store.close()
    if json:
        print_json(found)
    elif row is None:
        _show_all(found["runs"])
    else:
        _show(found)


def _row(store: Store, number: int | None) -> Any:
    """A run, or the newest. Raises SetupError: there is none."""
    where = {} if number is None else {"number": number}
    found = runs.latest(store, **where)
    if not found:
        raise SetupError("there is no such run", hint="lamplighter runs")
    return found[0]


def _head(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in RUN}


def _in_full(store: Store, row: Any) -> dict[str, Any]:
    """The report as it was kept, and what became of each batch that is still kept."""
    told = dict(row.report)
    run = {**told.get("run", {}), **_head(row), "means": runs.STATUSES[row.status]}
    return {**told, "run": run, "batches": outbox.outcomes(store, row.number), "next": NEXT[row.status]}


def _show_all(found: list[dict[str, Any]]) -> None:
    if found:
        show_rows(RUN, found)
    else:
        say("No run yet -> lamplighter run")


def _show(found: Mapping[str, Any]) -> None:
    run = found["run"]
    say(f"Run {run['number']}: {run['status']} ({run['means']})" + (f"; {run['message']}" if run["message"] else ""))
    say(f"-> {found['next']}")
    if "books" in found:  # else it was killed before it could tell, or is too old
        report.show(found)
        _show_plans(found)
    if found["batches"]:
        heading("Batches")
        show_rows(BATCH, [{**one, "audience": one["audience"] or "(properties)"} for one in found["batches"]])


def _show_plans(found: Mapping[str, Any]) -> None:
    """What each destination was to change."""
    for destination, plan in found["plans"].items():
        heading(f"Planned for {destination}")
        rows = [
            (name or "(properties)", word, count) for name, counts in plan.items() for word, count in counts.items()
        ]
        table(("list", "what", "how many"), rows)
