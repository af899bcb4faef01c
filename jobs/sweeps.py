"""The passes that also look for what pulls cannot see: one job a sweep, each with a cadence of its own."""

from collections.abc import Callable
from pathlib import Path

from connector.home import open_home
from connector.pipeline import Options, run
from jobs.stop import Stop


def sweep_job(name: str) -> Callable[[Path, Stop], None]:
    """The job of one sweep, `sweep_NAME`."""

    def job(home: Path, stop: Stop) -> None:
        with open_home(home) as opened:
            run(opened, Options(sweeps=(name,)), stop)

    job.__name__ = f"sweep_{name}"
    return job
