"""`lamplighter import`: files into the warehouse, once, with their books."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from connector.cli import options
from connector.cli.run import tell
from connector.cli.terminal import watching
from connector.errors import SetupError
from connector.home import build_file, open_home
from connector.pipeline import Options, run
from connector.yaml_text import exists

Kind = Annotated[
    Literal["segment", "ga4", "meta_events", "snowplow", "cm360", "ad_log", "events", "catalogue"],
    typer.Option("--as", help="What the files hold."),
]


def command(
    files: Annotated[list[Path], typer.Argument(help="Plain or gzip; a folder stands for all files in it.")],
    kind: Kind,
    name: Annotated[str, typer.Option("--name", help="Source whose history this is; else a source of its own.")] = "",
    mapping: Annotated[str, typer.Option("--mapping", help="Mapping for its columns, where not the usual.")] = "",
    home: options.Home = options.HOME,
    json: options.Json = False,
) -> None:
    """Read files of events, ads or products; the next run decides with them."""
    named = _named(files, name)
    with open_home(home) as opened, watching() as watcher:
        sources = tuple(
            build_file(home, opened.settings, kind, each, path.resolve(), mapping) for each, path in named.items()
        )
        done = run(replace(opened, sources=sources, crms=()), Options(only="pull"), watcher)
    tell(done, json=json)


def _named(files: Sequence[Path], name: str) -> dict[str, Path]:
    """Each under the name of its source. Raises SetupError where one is not there, or two would have the same."""
    if name and len(files) > 1:
        raise SetupError("--name is the source of one file", hint="name a folder, or import one after the other")
    found: dict[str, Path] = {}
    for each in files:
        if not exists(each):
            raise SetupError(f"there is no file {each}", hint="check its path")
        if found.setdefault(name or f"import:{each.resolve().name}", each) is not each:
            raise SetupError(f"two files are called {each.name}", hint="import one after the other")
    return found
