"""`lamplighter serve`: the scheduler and the collector, until they are stopped."""

import os
import sys
from typing import NoReturn

from connector.cli import options


def command(home: options.Home = options.HOME) -> NoReturn:
    """Run the jobs on their schedule, and the collector if there is one, until SIGTERM or Ctrl-C."""
    os.execv(sys.executable, jobs_command(home))  # noqa: S606  (no shell, our own interpreter)


def jobs_command(home: object) -> list[str]:
    """How to start the scheduler. Jobs stand above the commands and may not be imported here, so this process becomes
    theirs: signals and exit code need nobody in between. -P: a folder called jobs in the working folder is not ours."""
    return [sys.executable, "-P", "-m", "jobs", "--home", str(home)]
