"""The `lamplighter` command, put together: one file a command. Errors end in a sentence and an exit code."""

import logging
import sys
from typing import Annotated

import typer

from connector.cli import (
    ads,
    audiences,
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
    retry,
    run,
    sandbox,
    serve,
    status,
    waste,
)

from connector.observe import logs

app = typer.Typer(
    name="lamplighter",
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
app.command("explain")(explain.command)
app.command("evaluate")(evaluate.command)
app.command("waste")(waste.command)
app.add_typer(audiences.app, name="audiences")
app.command("ads")(ads.command)
app.command("catalogue")(catalogue.command)
app.command("erase")(erase.command)
app.command("retry")(retry.command)
app.command("import")(import_file.command)
app.command("sandbox")(sandbox.command)


@app.callback()
def everywhere(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log every step to stderr.")] = False,
) -> None:
    """Take buyers of an item out of its ads; put loyalty and cross-sell lists back into the CRM.

    Exit codes: 0 done, 1 failed, 2 usage or set-up, 3 done in part and deferred, 4 stopped by a guard.
    """
    logs.set_up(logging.INFO if verbose else logging.WARNING)


def main() -> None:
    """Entry point of the command."""
    process.private_files()
    process.quiet_faults()
    process.end_on_sigterm()
    sys.exit(process.exit_code(app))
