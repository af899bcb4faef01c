"""The `lamplighter` command, put together: one file a command. Errors end in a sentence and an exit code."""

import logging
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from connector.cli import (
    ads,
    alerts,
    audiences,
    backup,
    catalogue,
    check,
    connect,
    demo,
    erase,
    evaluate,
    explain,
    import_file,
    init,
    process,
    restore,
    retry,
    run,
    runs,
    sandbox,
    serve,
    status,
    waste,
)
from connector.observe import logs, traces

LONGEST_WORD = 4_000
"""Characters on the command line: no path or address is longer."""


class Words(TyperGroup):
    """The commands; what was typed is text before any of them sees it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As typer does. Raises BadParameter, quoting nothing: bytes that are no UTF-8, NUL, words without end."""
        for number, word in enumerate(args, 1):
            if not word.isascii() and word != word.encode("utf-8", "replace").decode():
                raise typer.BadParameter(f"word {number} of the command is not UTF-8 text", ctx)
            if "\0" in word or len(word) > LONGEST_WORD:
                raise typer.BadParameter(f"word {number} of the command holds NUL, or is too long", ctx)
        return super().parse_args(ctx, args)


app = typer.Typer(
    name="lamplighter",
    cls=Words,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command("demo")(demo.command)
app.command("init")(init.command)
app.command("connect")(connect.command)
app.command("check")(check.command)
app.command("run")(run.command)
app.command("serve")(serve.command)
app.command("status")(status.command)
app.command("runs")(runs.command)
app.command("alerts")(alerts.command)
app.command("explain")(explain.command)
app.command("evaluate")(evaluate.command)
app.command("waste")(waste.command)
app.add_typer(audiences.app, name="audiences")
app.command("ads")(ads.command)
app.command("catalogue")(catalogue.command)
app.command("erase")(erase.command)
app.command("backup")(backup.command)
app.command("restore")(restore.command)
app.command("retry")(retry.command)
app.command("import")(import_file.command)
app.command("sandbox")(sandbox.command)


@app.callback()
def everywhere(
    ctx: typer.Context,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log every step to stderr.")] = False,
) -> None:
    """Take buyers of an item out of its ads; put loyalty and cross-sell lists back into the CRM.

    Exit codes: 0 done, 1 failed, 2 usage or set-up, 3 done in part and deferred, 4 stopped by a guard.
    """
    logs.set_up(logging.INFO if verbose else logging.WARNING)
    ctx.with_resource(traces.exporting())


def main() -> None:
    """Entry point of the command."""
    process.private_files()
    process.quiet_faults()
    process.end_on_sigterm()
    sys.exit(process.exit_code(app))
