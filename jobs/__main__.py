"""`python -m jobs`: the scheduler as a process; `lamplighter serve` becomes it."""

import logging
import sys

import typer

from connector.cli import options, process
from connector.observe import logs, traces
from jobs.scheduler import serve

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def jobs(home: options.Home = options.HOME) -> None:
    """Run the jobs on their schedule until SIGTERM or Ctrl-C."""
    serve(home)


process.private_files()
process.quiet_faults()
logs.set_up(logging.INFO)
with traces.exporting():
    ended = process.exit_code(app)
sys.exit(ended)
