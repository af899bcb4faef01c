"""`lamplighter audiences`: the lists there are, who is in one, and what an edited file would make of it."""

from pathlib import Path
from typing import Annotated, Any

import typer

from connector.audiences import load_audiences, load_audiences_file
from connector.cli import options
from connector.cli.preview import show_preview
from connector.cli.report import excluded_in_words
from connector.cli.terminal import print_json, say, table
from connector.decide.membership.consent import tally
from connector.decide.membership.lists import most_there_may_be
from connector.errors import SetupError
from connector.explain import audiences_of
from connector.home import Home, open_home
from connector.model import Audience
from connector.pipeline.pushing.outgoing import left_out
from connector.pipeline.pushing.preview import preview as previewed
from connector.store import acknowledged

SHOWN = 10

app = typer.Typer(help="The lists there are, and why people are in them.", invoke_without_command=True)

Name = Annotated[str, typer.Argument(help="Name of the audience.")]


@app.callback()
def overview(context: typer.Context, home: options.Home = options.HOME, json: options.Json = False) -> None:
    """The lists there are, and why people are in them."""
    if context.invoked_subcommand:
        return
    with open_home(home) as opened:
        rows, without_room = _overview(opened), left_out(opened)
        spare = [one.name for one in opened.audiences.spare]
    if json:
        print_json({"audiences": rows, "left_out": without_room, "not_enabled": spare})
        return
    columns = ("name", "label", "purpose", "guard", "wanted", "held")
    kept_out = [sum(row["excluded"].values()) for row in rows]
    told = [(*(row[column] for column in columns), out) for row, out in zip(rows, kept_out, strict=True)]
    table((*columns, "kept out"), told)
    for name, why in without_room.items():
        say(f"! no room for {name}: {why}")
    if spare:
        say(f"not enabled: {', '.join(spare)}")


def _overview(home: Home) -> list[dict[str, Any]]:
    wanted = home.warehouse.derived("wanted").group_by("audience").agg(members=lambda rows: rows.count())
    sizes = {row["audience"]: row["members"] for row in wanted.to_pyarrow().to_pylist()}
    held = [acknowledged.sizes(home.store, crm.name) for crm in home.crms]
    excluded = tally(home.warehouse.derived("excluded"))
    return [
        {
            "name": one.name,
            "label": one.label,
            "purpose": str(one.purpose),
            "guard": f"{one.guard.percent:g} % or {one.guard.at_least:,}",
            "wanted": sizes.get(one.name, 0),
            "held": sum(names.get(one.name, 0) for names in held),
            "excluded": excluded.get(one.name, {}),
        }
        for one in audiences_of(home)
    ]


@app.command()
def show(name: Name, home: options.Home = options.HOME, json: options.Json = False) -> None:
    """How many people the last run wanted in one list, who is kept out, and ten of the reasons."""
    with open_home(home) as opened:
        audience = _named(opened, name)
        wanted = opened.warehouse.derived("wanted")
        members = wanted.filter(wanted.audience == name)
        count = members.count().to_pyarrow().as_py()
        some = members.order_by("person_id").select("person_id", "reason", "evidence").limit(SHOWN)
        rows = some.to_pyarrow().to_pylist()
        excluded = tally(opened.warehouse.derived("excluded")).get(name, {})
    if json:
        told = {"name": name, "label": audience.label, "members": count, "excluded": excluded, "some": rows}
        print_json(told)
        return
    say(f"{audience.label} [{name}, {audience.purpose}]: {count:,} people")
    if excluded:
        say(excluded_in_words(excluded))
    for row in rows:
        say(f"{row['person_id']}: {row['reason']}")


@app.command()
def preview(
    name: Name,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="An edited audiences.yaml instead of the home's.")
    ] = None,
    home: options.Home = options.HOME,
    json: options.Json = False,
) -> None:
    """Who would be in a list, why, and what the next push would change. Decides afresh and writes nothing."""
    with open_home(home) as opened:
        found = previewed(opened, name, load_audiences_file(file, home) if file else opened.audiences)
    if json:
        print_json(found.as_json())
    else:
        show_preview(found)


@app.command()
def check(
    file: Annotated[Path | None, typer.Argument(help="The file; without it, that of the home.")] = None,
    home: options.Home = options.HOME,
    json: options.Json = False,
) -> None:
    """Whether an audiences.yaml is right. An error names file, line and the nearest valid word."""
    found = load_audiences_file(file, home) if file else load_audiences(home)
    if json:
        print_json(
            {"audiences": [one.name for one in found.audiences], "not_enabled": [one.name for one in found.spare]}
        )
        return
    lists = f"{most_there_may_be(found)} lists ({found.policy.most_lists} at most)"
    say(f"{len(found.audiences)} audiences, which make up to {lists}")
    if found.spare:
        say(f"not enabled: {', '.join(one.name for one in found.spare)}")


def _named(home: Home, name: str) -> Audience:
    known = {one.name: one for one in audiences_of(home)}
    if name not in known:
        raise SetupError(f"there is no audience called {name!r}", hint="lamplighter audiences")
    return known[name]
