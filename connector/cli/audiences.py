"""`lamplighter audiences`: the lists there are, and who is in one."""

from typing import Annotated, Any

import typer

from connector.cli import options
from connector.cli.report import excluded_in_words
from connector.cli.terminal import print_json, say, table
from connector.decide.consent import tally
from connector.errors import SetupError
from connector.explain import audiences_of
from connector.home import Home, open_home
from connector.model import Audience
from connector.store import acknowledged

SHOWN = 10

app = typer.Typer(help="The lists there are, and why people are in them.", invoke_without_command=True)


@app.callback()
def overview(context: typer.Context, home: options.Home = options.HOME, json: options.Json = False) -> None:
    """The lists there are, and why people are in them."""
    if context.invoked_subcommand:
        return
    with open_home(home) as opened:
        rows = _overview(opened)
    if json:
        print_json({"audiences": rows})
        return
    columns = ("name", "label", "purpose", "guard", "wanted", "held")
    kept_out = [sum(row["excluded"].values()) for row in rows]
    told = [(*(row[column] for column in columns), out) for row, out in zip(rows, kept_out, strict=True)]
    table((*columns, "kept out"), told)


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
def show(
    name: Annotated[str, typer.Argument(help="Name of the audience.")],
    home: options.Home = options.HOME,
    json: options.Json = False,
) -> None:
    """How many people are wanted in one list, whom consent keeps out, and ten of the reasons."""
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


def _named(home: Home, name: str) -> Audience:
    known = {one.name: one for one in audiences_of(home)}
    if name not in known:
        raise SetupError(f"there is no audience called {name!r}", hint="lamplighter audiences")
    return known[name]
