"""The pass: pull, merge, decide, push."""

from pathlib import Path

from connector.home import open_home
from connector.pipeline import Options, run
from connector.pipeline.pulling.sweeping import BEGUN
from jobs.stop import Stop


def sync(home: Path, stop: Stop) -> None:
    """One pass over the home; a sweep that was broken off goes on. The pipeline logs how it ended."""
    with open_home(home) as opened:
        run(opened, Options(sweeps=(BEGUN,)), stop)
