"""`lamplighter waste`: what ads cost that were shown to who had bought the item, and how fast we stop them."""

from typing import Annotated

import typer

from connector.cli import options
from connector.cli.terminal import heading, moment, print_json, say, table
from connector.home import open_home
from connector.waste import Waste, waste

SUMS = ("impressions", "clicks", "cost")
STEPS = {
    "order_to_pull": "order to pull",
    "pull_to_decision": "pull to decision",
    "decision_to_upload": "decision to acknowledged",
    "order_to_upload": "order to acknowledged",
    "upload_to_effect": "acknowledged to in effect",
}


def command(
    since: Annotated[str, typer.Option("--from", metavar="TIME", help="Start (ISO 8601); that of the history.")] = "",
    until: Annotated[str, typer.Option("--to", metavar="TIME", help="End; that of the history.")] = "",
    home: options.Home = options.HOME,
    json: options.Json = False,
) -> None:
    """Ads shown after the purchase of their item: avoidable or not, before and since suppression. Writes nothing."""
    start, end = options.moment(since, "--from"), options.moment(until, "--to")
    with open_home(home) as opened:
        found = waste(opened, start, end)
    if json:
        print_json(found.as_json())
    else:
        _show(found)


def _show(found: Waste) -> None:
    since = moment(found.began) if found.began else "not yet"
    say(f"Ads up to {moment(found.until)} UTC; suppression began: {since}")
    heading("Measured: ads after the purchase of the same item")
    rows = [
        (f"{half}: {word}", *(part[name] for name in SUMS))
        for half, parts in found.measured.items()
        for word, part in parts.items()
    ]
    table(("", *SUMS), rows)
    _show_worst(found)
    heading("Estimated: ads to nobody known that are likely to have met buyers")
    say(f"{found.estimate['impressions']:,} impressions, cost {found.estimate['cost']:,.2f}")
    _show_coverage(found)
    _show_latency(found)
    for sentence in found.assumptions:
        say(f"assumed: {sentence}")


def _show_worst(found: Waste) -> None:
    heading("By item")
    rows = [(row["family"], row["title"] or "-", *(row[name] for name in SUMS)) for row in found.families]
    table(("family", "title", *SUMS), rows)
    if found.audiences:
        heading("By ad audience")
        rows = [(row["destination"], row["label"] or "none", *(row[n] for n in SUMS)) for row in found.audiences]
        table(("platform", "audience", *SUMS), rows)


def _show_coverage(found: Waste) -> None:
    part, every = found.coverage, found.coverage["ads"] or 1
    heading("Coverage")
    told = ", ".join(f"{name.replace('_', ' ')} {part[name] / every:.1%}" for name in part if name != "ads")
    say(f"{part['ads']:,} impressions and clicks: {told}")


def _show_latency(found: Waste) -> None:
    heading(f"From order to effect: {found.orders:,} orders placed since the first pass")
    rows = [
        (word, _length(found.latency[name]["median"]), _length(found.latency[name]["p90"]))
        for name, word in STEPS.items()
    ]
    table(("step", "median", "90th percentile"), rows)


def _length(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.1f} min"
