"""`lamplighter import`: one file into the warehouse, once, with its books."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from connector import events
from connector.cli import options
from connector.cli.run import tell
from connector.cli.terminal import watching
from connector.errors import SetupError
from connector.home import open_home
from connector.pipeline import Options, run

Kind = Annotated[
    Literal["segment", "ga4", "meta_events", "snowplow", "cm360", "ad_log", "events", "catalogue"],
    typer.Option("--as", help="What the file holds."),
]


def command(
    file: Annotated[Path, typer.Argument(help="Plain or gzip.")],
    kind: Kind,
    name: Annotated[str, typer.Option("--name", help="Source whose history this is; else a source of its own.")] = "",
    mapping: Annotated[str, typer.Option("--mapping", help="Mapping for its columns, where not the usual.")] = "",
    home: options.Home = options.HOME,
    json: options.Json = False,
) -> None:
    """Read one file of events, ads or products; the next run decides with it."""
    if not file.is_file():
        raise SetupError(f"there is no file {file}", hint="check its path")
    with open_home(home) as opened, watching() as watcher:
        source = events.build(kind, name or f"import:{file.name}", file.resolve(), mapping, home)
        done = run(replace(opened, sources=(source,), crms=()), Options(only="pull"), watcher)
    tell(done, json=json)
