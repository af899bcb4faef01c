"""`lamplighter restore`: the way back from a backup."""

from pathlib import Path
from typing import Annotated

import typer

from connector.backup import restore
from connector.cli import options
from connector.cli.terminal import print_json, say


def command(
    file: Annotated[Path, typer.Argument(help="What `lamplighter backup` wrote.", metavar="FILE")],
    home: options.Home = options.HOME,
    replace: Annotated[
        bool, typer.Option("--replace", help="What stands there is set aside first; without it the home must be empty.")
    ] = False,
    store_only: Annotated[
        bool, typer.Option("--store-only", help="Leave settings, mappings and warehouse of the home as they are.")
    ] = False,
    json: options.Json = False,
) -> None:
    """Make a home what it was when a backup was taken. The next run reads what has changed elsewhere since then."""
    done = restore(file, home, replace=replace, store_only=store_only)
    if json:
        told = {"taken_at": done.manifest.taken_at, "run": done.manifest.run, "with_warehouse": done.with_warehouse}
        aside = {"aside": str(done.aside) if done.aside else None, "beside": [str(path) for path in done.beside]}
        print_json({"restored": {**told, **aside}})
        return
    say(f"{home} is what it was at {done.manifest.moment:%Y-%m-%d %H:%M} UTC, after run {done.manifest.run}.")
    if kept := [str(path) for path in (done.aside, *done.beside) if path]:
        say(f"What stood there before is in {', '.join(kept)}.")
    say("Next: lamplighter check, then lamplighter run: it reads every list before it changes any.")
