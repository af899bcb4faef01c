"""What a run is told, and whom it tells how far it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from connector.store import leases


@dataclass(frozen=True, kw_only=True)
class Options:
    """How to run.

    Attributes:
        as_of: the moment to decide for; now where None.
        only: one of STAGES, the rest is left out.
        dry_run: plan, and push nothing.
        approve: id of a stopped plan that a person has looked at.
        facts: count the documented facts too (reads everything once).
        everybody: plan for everybody, not only for those with news.
        sweeps: names of sweeps to carry out after the pull, or `all`, `due`, `begun`.
        approve_deletions: what a sweep finds gone counts as deleted, however much it is.
        reread: names of sources that are read from their beginning.
        term: another process takes over after so long without a sign of life.
    """

    as_of: datetime | None = None
    only: str = ""
    dry_run: bool = False
    approve: str = ""
    facts: bool = False
    everybody: bool = False
    sweeps: Sequence[str] = ()
    approve_deletions: bool = False
    reread: Sequence[str] = ()
    term: timedelta = leases.TERM


class Watcher(Protocol):
    """Somebody who looks on: a progress bar, or nobody."""

    def pulled(self, source: str, stream: str, read: int) -> None:
        """After each batch: records read so far."""

    def entered(self, stage: str) -> None:
        """A stage begins."""

    def pushed(self, destination: str, done: int, total: int) -> None:
        """After each delivery."""

    def told(self, sentence: str) -> None:
        """Something worth knowing before it is done."""


class Nobody:
    """A watcher for the night."""

    def pulled(self, source: str, stream: str, read: int) -> None: ...

    def entered(self, stage: str) -> None: ...

    def pushed(self, destination: str, done: int, total: int) -> None: ...

    def told(self, sentence: str) -> None: ...
