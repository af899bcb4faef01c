"""`lamplighter run`: one pass."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from connector.cli import options, report
from connector.cli.terminal import heading, print_json, table, watching
from connector.home import open_home
from connector.pipeline import Options, Report, run
from connector.pipeline.run import STAGES

Only = Annotated[str, typer.Option("--only", metavar="STAGE", help=f"Leave out all but one of: {', '.join(STAGES)}.")]
Sweep = Annotated[
    list[str] | None,
    typer.Option("--sweep", metavar="NAME", help="Look, too, for what pulls cannot see: a sweep's name, due or all."),
]

Reread = Annotated[
    list[str] | None,
    typer.Option("--reread", metavar="SOURCE", help="Read a source from its beginning, as after a lost permission."),
]


def _stage(name: str) -> str:
    if name and name not in STAGES:
        raise typer.BadParameter(f"there is no stage {name!r}; there are {', '.join(STAGES)}", param_hint="--only")
    return name


def _moment(text: str) -> datetime | None:
    """A time as people type it; without a zone it is UTC."""
    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no time such as 2026-09-30T18:00", param_hint="--as-of") from None
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)


def command(
    home: options.Home = options.HOME,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Pull, decide and plan; push nothing.")] = False,
    only: Only = "",
    as_of: Annotated[str, typer.Option("--as-of", metavar="TIME", help="Decide for this moment (ISO 8601).")] = "",
    approve: Annotated[str, typer.Option("--approve", metavar="PLAN", help="A stopped plan you looked at.")] = "",
    sweep: Sweep = None,
    approve_deletions: Annotated[
        bool, typer.Option("--approve-deletions", help="What a sweep finds gone was deleted, however much it is.")
    ] = False,
    reread: Reread = None,
    json: options.Json = False,
) -> None:
    """Pull, merge, decide and push once."""
    chosen = Options(
        as_of=_moment(as_of),
        only=_stage(only),
        dry_run=dry_run,
        approve=approve,
        facts=json,
        sweeps=sweep or (),
        approve_deletions=approve_deletions,
        reread=reread or (),
    )
    with open_home(home) as opened, watching() as watcher:
        done = run(opened, chosen, watcher)
    tell(done, json=json)


def tell(done: Report, *, json: bool) -> None:
    """Print a report and leave with its exit code."""
    if json:
        print_json(done.as_json())
    else:
        if done.status == "planned":
            _show_plans(done)
        report.show(done.as_json())
    raise typer.Exit(done.exit_code)


def _show_plans(done: Report) -> None:
    """What would be pushed."""
    for destination, plan in done.plans.items():
        heading(f"Plan for {destination}")
        rows = [(name, counts["add"], counts["remove"]) for name, counts in plan.items() if name]
        table(("list", "add", "remove"), rows)
        if "" in plan:
            table(("contacts whose properties change",), [(plan[""]["properties"],)])
