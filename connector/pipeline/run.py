"""The run: its ladder of stages, its lease, its end."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import structlog

from connector.decide.membership.consent import tally
from connector.erase import hold_to
from connector.errors import LamplighterError, RetryLater, SetupError
from connector.home import Home
from connector.model import aware
from connector.pipeline import sweeping
from connector.pipeline.ads import AdPush
from connector.pipeline.decisions import decide_stage
from connector.pipeline.outgoing import audiences_of, left_out
from connector.pipeline.push import Order, push_to
from connector.pipeline.quota import before_pull
from connector.pipeline.report import Report
from connector.ports import EventSource
from connector.pull import Book, pull_source
from connector.push.deliver import settle
from connector.store import acknowledged, approvals, leases, runs
from connector.store.erasures import DONE

log = structlog.get_logger()

STAGES = ("pull", "decide", "push")
LEASE = "pass"


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
    """

    as_of: datetime | None = None
    only: str = ""
    dry_run: bool = False
    approve: str = ""
    facts: bool = False
    everybody: bool = False
    sweeps: Sequence[str] = ()
    approve_deletions: bool = False


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


def run(home: Home, options: Options, watcher: Watcher | None = None) -> Report:
    """One pass over a home.

    Returns:
        The report; its `status` and `exit_code` tell how it ended.

    Raises:
        SetupError: the admin must change something (the run is closed as failed; what was kept stays kept).
        RetryLater: another process is at work on this home.
    """
    approved = _approved(home, options)
    as_of = aware(options.as_of or datetime.now(UTC))
    sweeping.check(home, options.sweeps)
    with leases.held(home.store, LEASE):
        report = Report(number=runs.start(home.store, as_of), as_of=as_of)
        try:
            _hold_to_erasures(home, options, report)
            _stages(home, options, approved, report, watcher or Nobody())
        except BaseException as error:
            _close(home, report, "failed", error)
            raise
        finally:
            home.warehouse.release()
        _close(home, report, _status(report, options))
    return report


def _hold_to_erasures(home: Home, options: Options, report: Report) -> None:
    """Nobody who was erased is back, whatever was restored; recipients who still have to answer are asked again."""
    waiting = hold_to(home, ask=not options.dry_run)
    for each in waiting.requests if waiting else ():
        told = [name for name, one in each.recipients.items() if one.state != DONE]
        report.notes.append(f"erasure {each.reference} waits for {', '.join(told)}: lamplighter erase --resume")


def _approved(home: Home, options: Options) -> dict[str, int]:
    """audience -> changes that the approved plan spoke of."""
    if not options.approve:
        return {}
    summary = approvals.approve(home.store, options.approve)
    if summary is None:
        raise SetupError(f"no plan {options.approve} waits for approval", hint="lamplighter status")
    return {name: counts["add"] + counts["remove"] for name, counts in summary.items()}


def _stages(home: Home, options: Options, approved: dict[str, int], report: Report, watcher: Watcher) -> None:
    wanted = (options.only,) if options.only else STAGES
    for stage, work in (("pull", _pull), ("decide", _decide)):
        if stage in wanted:
            with _timed(report, stage, watcher):
                if not work(home, options, report, watcher):
                    return
    if "push" in wanted:
        with _timed(report, "push", watcher):
            _push(home, options, approved, report, watcher)


@contextmanager
def _timed(report: Report, stage: str, watcher: Watcher) -> Iterator[None]:
    watcher.entered(stage)
    began = time.monotonic()
    try:
        yield
    finally:
        report.seconds[stage] = time.monotonic() - began


def _pull(home: Home, options: Options, report: Report, watcher: Watcher) -> bool:
    """Pull every source; False where one asked to wait: what the others tell is kept, but nothing is decided on half
    the news: an opt-out, or a purchase, may be in the other half."""
    waiting: list[str] = []
    for source in (*home.sources, *home.crms):
        try:
            for crm in home.crms:
                if crm is source:
                    before_pull(crm, home.store, report, watcher.told)
            book = pull_source(source, home.warehouse, home.store, report.number, watcher.pulled)
        except RetryLater as error:
            report.cut_short(source.name, error)
            report.status = "deferred"
            waiting.append(source.name)
            continue
        book.add(_swept(home, source, options, report, watcher))
        report.books[source.name] = book
        if book.erased:
            report.notes.append(f"{source.name}: {book.erased:,} records of erased persons were left out")
        if book.rejected:
            report.notes.append(
                f"{source.name}: {book.rejected:,} rows could not be used, the first is {book.example}; they are kept "
                "with their reasons: lamplighter status"
            )
    if waiting and len(home.crms) > 1:
        report.notes.append(
            f"nothing is decided while {' and '.join(waiting)} cannot be read: what the others told is kept, and no "
            "list of any CRM changes until then"
        )
    return not waiting


def _swept(home: Home, source: EventSource, options: Options, report: Report, watcher: Watcher) -> Book:
    """The books of the sweeps that are wanted of a CRM; empty ones for anything else."""
    book = Book()
    for crm in home.crms:
        if crm is source:
            names = sweeping.chosen(home, crm, options.sweeps, report.as_of)
            approved = options.approve_deletions
            book.add(sweeping.sweep_crm(home, crm, names, report, watcher.pulled, approved=approved))
    return book


def _decide(home: Home, options: Options, report: Report, watcher: Watcher) -> bool:
    outcome = decide_stage(home, report.number, report.as_of, with_facts=options.facts)
    report.full, report.decided, report.facts = outcome.full, outcome.decided, dict(outcome.facts)
    report.notes.extend(outcome.doubts)
    if outcome.full:
        report.notes.extend(f"no room for the list {name}: {why}" for name, why in left_out(home).items())
    return True


def _push(home: Home, options: Options, approved: dict[str, int], report: Report, watcher: Watcher) -> None:
    order = Order(
        run=report.number,
        audiences=audiences_of(home),
        approved=approved,
        dry=options.dry_run,
        everybody=options.everybody,
    )
    ads = AdPush(home, order, report, watcher.pushed, decided=options.only != "push")
    ads.suppress()
    refusals: list[LamplighterError] = []
    for crm in home.crms:
        try:
            settle(crm, home.store, report.number)
            due = sweeping.chosen(home, crm, options.sweeps, report.as_of)
            if sweeping.MEMBERSHIPS in due and not options.dry_run:
                sweeping.read_back(home, crm, report)
            push_to(home, crm, order, report, watcher.pushed, watcher.told)
        except RetryLater as error:
            report.cut_short(crm.name, error)
            report.status = "deferred"
        except LamplighterError as error:  # the lists of the others do not wait until somebody has mended this
            report.notes.append(f"{crm.name}: {error}")
            refusals.append(error)
        _show(home, crm.name, order, report)
    ads.readmit()
    if refusals or ads.refusals:
        raise [*refusals, *ads.refusals][0]


def _show(home: Home, destination: str, order: Order, report: Report) -> None:
    sizes = acknowledged.sizes(home.store, destination)
    plan, barred = report.plans.get(destination, {}), tally(home.warehouse.derived("excluded"))
    for name, audience in order.audiences.items():
        if name in sizes or name in plan or name in barred:
            plain = {"purpose": str(audience.purpose), "label": audience.label, "size": 0, "added": 0, "removed": 0}
            row = report.audiences.setdefault(name, {**plain, "excluded": barred.get(name, {})})
            row["size"] += sizes.get(name, 0)
            row["added"] += plan.get(name, {}).get("add", 0)
            row["removed"] += plan.get(name, {}).get("remove", 0)


def _status(report: Report, options: Options) -> str:
    """Green only when every row is accounted for and nothing waits."""
    if not report.balanced:
        report.notes.append("the books do not balance: please report this with `lamplighter status --json`")
        return "failed"
    if options.dry_run:
        return "planned"
    if report.held or report.stopped:
        return "guarded"
    if report.status == "deferred" or any(getattr(book, "deferred", 0) for book in report.books.values()):
        return "deferred"
    return "planned" if options.only in ("pull", "decide") else "done"


def _close(home: Home, report: Report, status: str, error: BaseException | None = None) -> None:
    report.status = status
    report.calls = {crm.name: crm.calls for crm in home.crms} | {ad.name: ad.calls for ad in home.ads}
    message = error.message if isinstance(error, LamplighterError) else (type(error).__name__ if error else "")
    runs.finish(home.store, report.number, status, report.as_json(), message)
    if status == "done":
        approvals.close(home.store)
    log.info("run_finished", run=report.number, status=status, message=message)
