"""`lamplighter evaluate`: how good the decisions are on this home's own history, beside plain rules."""

from typing import Annotated

import typer

from connector.cli import options
from connector.cli.terminal import heading, moment, print_json, say, table
from connector.decide.loyalty.forecasts import MODEL
from connector.evaluate import Evaluation, evaluate
from connector.evaluate.cross_sell import OURS
from connector.home import open_home
from connector.rule_language import duration


def command(
    split: Annotated[str, typer.Option("--split", metavar="TIME", help="Learn before it, test after it (ISO 8601).")],
    until: Annotated[
        str, typer.Option("--until", metavar="TIME", help="End of the test; without it, that of the history.")
    ] = "",
    lag: Annotated[
        str, typer.Option("--lag", metavar="LENGTH", help="How long until a purchase stops an ad (12h, 2d).")
    ] = "1h",
    home: options.Home = options.HOME,
    json: options.Json = False,
) -> None:
    """How good these decisions are on this home's own history, beside plain rules. Writes nothing."""
    try:
        waited = duration(lag)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--lag") from None
    cut = options.moment(split, "--split")
    if cut is None:
        raise typer.BadParameter("name a time", param_hint="--split")
    with open_home(home) as opened:
        found = evaluate(opened, cut, options.moment(until, "--until"), waited)
    if json:
        print_json(found.as_json())
    else:
        _show(found)


def _show(found: Evaluation) -> None:
    say(f"Learned before {moment(found.split)}, tested until {moment(found.until)} UTC")
    _show_cross_sell(found)
    _show_orders(found)
    _show_suppression(found)
    for sentence in found.advice():
        say(f"! {sentence}")


def _show_cross_sell(found: Evaluation) -> None:
    part = found.cross_sell
    heading(f"Cross-sell: families new to {part.people:,} people")
    if part.methods:
        ranked = sorted(part.methods.items(), key=lambda one: (-one[1][1], one[0] != OURS))
        rows = [(name, f"{recall:.4f}", f"{ndcg:.4f}") for name, (recall, ndcg) in ranked]
        table(("method", "recall@10", "nDCG@10"), rows)
    say(f"ours is {part.chosen}: {part.why}")


def _show_orders(found: Evaluation) -> None:
    part = found.expected_orders
    heading(f"Expected orders: of {part.people:,} people, mean absolute error")
    ranked = sorted(part.mae.items(), key=lambda one: (one[1], one[0] != MODEL))
    table(("method", "error"), [(name, f"{error:.3f}") for name, error in ranked])
    if part.chosen:
        say(f"model is {part.chosen.model}: {part.chosen.why}")


def _show_suppression(found: Evaluation) -> None:
    part, hours = found.suppression, found.lag.total_seconds() / 3600
    heading(f"Suppression: {part.identified:,} impressions of known people, over all time; a lag of {hours:g} h")
    rows = [
        ("after the purchase of the same item", part.after_purchase, _share(part.after_purchase, part.identified)),
        (
            "avoidable: purchase and person known for the lag",
            part.avoidable,
            _share(part.avoidable, part.after_purchase),
        ),
        ("removed", part.removed, _share(part.removed, part.avoidable)),
        ("removed, but not held", part.wrongly_removed, _share(part.wrongly_removed, part.removed)),
        (
            "removed before they bought it again",
            part.before_repeat_purchase,
            _share(part.before_repeat_purchase, part.removed),
        ),
    ]
    table(("impressions", "count", "of the above"), rows)


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "-"
