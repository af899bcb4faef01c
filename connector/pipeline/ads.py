"""Pushing to ad platforms within a run: withdrawals and exclusions before anything that adds people anywhere, the end
of exclusions after it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from connector.errors import LamplighterError, RetryLater
from connector.home import Home
from connector.pipeline import sales_out
from connector.pipeline.ads_groups import choose_missing
from connector.pipeline.ads_platform import Platform
from connector.pipeline.push import Order
from connector.pipeline.report import Report
from connector.push.deliver import Progress
from connector.store import outbox, runs

SPEAKING = ("contact", "consent", "identity_link")
"""Seen tables that may hold a withdrawal."""


@dataclass
class AdPush:
    """The push to all ad platforms of a home, in two parts.

    Attributes:
        decided: this run has decided by all that was pulled.
        refusals: what the admin must mend; neither the other platforms nor the CRMs wait for it.
    """

    home: Home
    order: Order
    report: Report
    progress: Progress
    decided: bool = True
    refusals: list[LamplighterError] = field(default_factory=list)
    _all: list[Platform] = field(default_factory=list)
    _well: list[Platform] = field(default_factory=list)

    def suppress(self) -> None:
        """Withdrawals, then whoever must be kept out of ads. Must come before any list gains people."""
        if not self.home.ads or not self._up_to_date():
            return
        if not self.order.dry:
            outbox.give_up_pending(self.home.store, "the run ended before this batch was sent")
        choose_missing(self.home, self.home.ads)
        for each in self.home.ads:
            platform = Platform(self.home, each, self.order, self.report, self.progress)
            self._all.append(platform)
            if self._done(platform, platform.suppress):
                self._well.append(platform)

    def readmit(self) -> None:
        """Whoever may be shown ads again, where the first part went well; then the report."""
        for platform in self._well:
            if self._done(platform, platform.readmit):
                self._done(platform, partial(self._report_sales, platform))
        for platform in self._all:
            platform.tell()

    def _report_sales(self, platform: Platform) -> None:
        """What was bought is told only where somebody was decided again, or an earlier push left something open."""
        news = self.report.decided or not runs.previous_push_complete(self.home.store, self.order.run)
        if news and not self.order.dry:
            sales_out.tell(self.home, platform.destination, self.order.run, self.report)

    def _up_to_date(self) -> bool:
        """Nobody is told of by decisions that are older than what was pulled: a withdrawal may be in that."""
        if self.decided or not _undecided(self.home):
            return True
        names = ", ".join(each.name for each in self.home.ads)
        self.report.notes.append(f"{names}: nothing is sent before what was pulled is decided: lamplighter run")
        return False

    def _done(self, platform: Platform, work: Callable[[], RetryLater | None]) -> bool:
        """Whether the platform did its work. In trouble it slows nobody else."""
        try:
            stopped = work()
        except RetryLater as error:
            stopped = error
        except LamplighterError as error:
            platform.ledger.defer_rest()
            self.report.notes.append(f"{platform.name}: {error}")
            self.refusals.append(error)
            return False
        if stopped is not None:
            platform.ledger.defer_rest()
            self.report.cut_short(platform.name, stopped)
            self.report.status = "deferred"
        return stopped is None


def _undecided(home: Home) -> bool:
    last = runs.latest(home.store, decided=True)
    since = last[0].number if last else 0
    tables = [home.warehouse.versions(name) for name in SPEAKING]
    return any(rows.filter(rows.run > since).limit(1).to_pyarrow().num_rows for rows in tables)
