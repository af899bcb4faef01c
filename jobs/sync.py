"""The pass: pull, merge, decide, push."""

from pathlib import Path

from connector.home import open_home
from connector.pipeline import Options, run
from jobs.stop import Stop


def sync(home: Path, stop: Stop) -> None:
    """One pass over the home. The pipeline logs how it ended."""
    with open_home(home) as opened:
        run(opened, Options(), stop)
