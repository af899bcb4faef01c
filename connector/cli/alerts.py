"""`lamplighter alerts`: the troubles there are, who is told of them, and whether they hear it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from connector import settings
from connector.alerts import channels, send_test, tell, troubles
from connector.cli import options
from connector.cli.terminal import print_json, say, table
from connector.errors import SetupError
from connector.store import Store, alerts, open_store

Test = Annotated[bool, typer.Option("--test", help="Send a test notice over every channel.")]
Tell = Annotated[bool, typer.Option("--tell", help="Tell what is due, as `serve` does every minute.")]


def command(
    home: options.Home = options.HOME, test: Test = False, do_tell: Tell = False, json: options.Json = False
) -> None:
    """What is wrong now, and over which channels people are told of it."""
    chosen = settings.load(home)
    store = open_store(chosen.store_url(home))
    try:
        if do_tell:
            tell(store, chosen.alerts, _install(home), datetime.now(UTC))
        found = _tested(store, chosen, home) if test else _found(store, chosen)
    finally:
        store.close()
    if json:
        print_json(found)
    else:
        _show(found)
    if any(found.get("tested", {}).values()):
        raise typer.Exit(SetupError.exit_code)


def _install(home: Path) -> str:
    return home.resolve().name


def _found(store: Store, chosen: settings.Settings) -> dict[str, Any]:
    found = troubles(store, chosen.alerts, datetime.now(UTC))
    return {
        "channels": [way.name for way in channels(chosen.alerts)],
        "failing_channels": alerts.failing_channels(store),
        "troubles": [vars(one) for one in found],
    }


def _tested(store: Store, chosen: settings.Settings, home: Path) -> dict[str, Any]:
    found = send_test(store, chosen.alerts, _install(home), datetime.now(UTC))
    if not found:
        raise SetupError("there is nobody to tell", hint="name a webhook, slack or email under alerts; docs/alerts.md")
    return {"tested": found}


def _show(found: dict[str, Any]) -> None:
    if "tested" in found:
        for name, problem in found["tested"].items():
            say(f"{name}: {problem or 'took the test notice'}")
        return
    say(f"told over: {', '.join(found['channels']) or 'nothing yet; see docs/alerts.md'}")
    for one in found["failing_channels"]:
        say(f"! {one['channel']} takes nothing since {one['since']:%Y-%m-%d %H:%M} UTC: {one['reason']}")
    if rows := [(one["kind"], one["subject"], one["words"], one["command"]) for one in found["troubles"]]:
        table(("trouble", "of", "words", "next"), rows)
    else:
        say("nothing is wrong")
