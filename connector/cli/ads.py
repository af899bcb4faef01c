"""`lamplighter ads`: which audiences each ad platform keeps for us, what they prevent, and whom nobody is told of."""

from collections.abc import Mapping
from typing import Any

from connector.cli import options
from connector.cli.terminal import heading, print_json, say, table
from connector.decide.membership.consent import WORDS
from connector.home import open_home
from connector.pipeline.ads.groups import in_words
from connector.pipeline.ads.overview import overview

SHOWN = ("label", "level", "people", "members", "expected", "hidden")


def command(home: options.Home = options.HOME, json: options.Json = False) -> None:
    """The audiences at each ad platform, what they prevent, and whom consent keeps out. Asks no platform."""
    with open_home(home) as opened:
        found = overview(opened)
    if json:
        print_json(found)
    else:
        show(found)


def show(found: Mapping[str, Any]) -> None:
    """A table for each platform, and a line of those who are kept out."""
    if not found["platforms"]:
        say("No ad platform is connected -> ads: in lamplighter.yaml")
    for name, one in found["platforms"].items():
        heading(name)
        say(in_words(name, one))
        if one["in_effect_by"]:
            say(f"All of it is in effect by {one['in_effect_by'][:16].replace('T', ' ')} UTC")
        table((*SHOWN, "why"), [_cells(row) for row in one["groups"] if row["audience"] or row["expected"]])
        for each in one["leaving"]:
            say(_leaving(each))
    for why, people in found["kept_out"].items():
        say(f"{people:,} people are in no audience: {WORDS[why]}")


def _leaving(one: Mapping[str, Any]) -> str:
    return (
        f"No group wants {one['label'] or one['audience']} any more. It keeps its {one['members']:,} members until "
        f"{one['deleted_after'][:10]}, so that there is time to exclude what has its items now, and is then deleted"
    )


def _cells(row: Mapping[str, Any]) -> tuple[object, ...]:
    """Of a row without an audience the impressions alone: nobody counts whom it would hold."""
    plain = {**row, "expected": round(row["expected"]), "hidden": round(row["hidden"])}
    rest = {} if row["audience"] else {"label": "in no audience", "level": "-", "people": "-", "members": "-"}
    return (*({**plain, **rest}[name] for name in SHOWN), row["why"])
