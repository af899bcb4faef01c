"""`lamplighter backup`: everything that cannot be had again, in one file."""

from pathlib import Path
from typing import Annotated

import typer

from connector import settings
from connector.backup import take
from connector.cli import options
from connector.cli.terminal import print_json, say
from connector.store import open_store


def command(
    target: Annotated[Path, typer.Argument(help="A file that ends in .zip, or a folder.", metavar="FILE|DIR")],
    home: options.Home = options.HOME,
    with_warehouse: Annotated[
        bool,
        typer.Option("--with-warehouse", help="The warehouse, too: it can be built again, but that takes a while."),
    ] = False,
    json: options.Json = False,
) -> None:
    """Write store, settings, mappings and audiences to one file, also while `serve` is at work. Secrets stay out."""
    chosen = settings.load(home)
    store = open_store(chosen.store_url(home))
    try:
        path, manifest = take(home, chosen, store, target, with_warehouse=with_warehouse)
    finally:
        store.close()
    if json:
        print_json({"backup": {"file": str(path), "taken_at": manifest.taken_at, "parts": len(manifest.parts)}})
        return
    say(f"{path}: {len(manifest.parts)} parts, {path.stat().st_size:,} bytes, as of run {manifest.run}")
    say("Tokens and passwords are not in it: keep what your keyring and environment hold apart from it.")
