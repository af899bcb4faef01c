"""One pass: pull -> merge -> decide -> push. The only room that knows all four; it opens and closes the run."""

from connector.pipeline.options import Options, Watcher
from connector.pipeline.report import Report
from connector.pipeline.run import run

__all__ = ["Options", "Report", "Watcher", "run"]
