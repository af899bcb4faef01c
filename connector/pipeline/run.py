"""The run: its ladder of stages, its lease, its end."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import structlog

from connector import tracing
from connector.erase import hold_to
from connector.errors import EndPass, LamplighterError
from connector.home import Home
from connector.model import aware
from connector.pipeline import recovery
from connector.pipeline.breaking import Breakers
from connector.pipeline.counted import counted
from connector.pipeline.decisions import decide_stage
from connector.pipeline.guards import clock, questions, seen
from connector.pipeline.options import Nobody, Options, Watcher
from connector.pipeline.pulling import sweeping
from connector.pipeline.pulling.stage import pull_stage
from connector.pipeline.pushing.crm import Order
from connector.pipeline.pushing.outgoing import audiences_of, left_out
from connector.pipeline.pushing.stage import push_stage
from connector.pipeline.report import Report
from connector.store import approvals, leases, runs
from connector.store.erasures import DONE

log = structlog.get_logger()

STAGES = ("pull", "decide", "push")
LEASE = "pass"
SHORT = 5
"""Runs to look back at: one that was killed has no report."""


def run(home: Home, options: Options, watcher: Watcher | None = None) -> Report:
    """One pass over a home.

    Returns:
        The report; its `status` and `exit_code` tell how it ended.

    Raises:
        SetupError: the admin must change something (the run is closed as failed; what was kept stays kept).
        RetryLater: another process is at work on this home, or has taken over from this one.
    """
    as_of = aware(options.as_of or datetime.now(UTC))
    recovery.check_store(home, as_of)
    approved = questions.approvals_of(home, options.approve)
    sweeping.check(home, options.sweeps)
    with leases.held(home.store, LEASE, options.term), tracing.span("run") as note:
        mended = recovery.set_right(home, as_of, whole=not options.only)
        report = Report(number=runs.start(home.store, as_of), as_of=as_of, notes=mended)
        structlog.contextvars.bind_contextvars(run=report.number)
        note(run=report.number)
        try:
            recovery.enter(home, report.number)
            _stages(home, options, approved, report, watcher or Nobody())
            recovery.leave(home)
        except EndPass as wish:
            report.cut_short("this pass", wish)
            report.status = "deferred"
        except BaseException as error:
            told = recovery.in_words(home, error)
            _close(home, report, "failed", told)
            if told is error:
                raise
            raise told from error
        finally:
            home.warehouse.release()
        _close(home, report, _status(report, options))
        note(run_status=report.status)
    return report


def _hold_to_erasures(home: Home, options: Options, report: Report, breakers: Breakers) -> list[LamplighterError]:
    """Nobody who was erased is back, whatever was restored; recipients who still have to answer are asked again.

    Returns:
        What the admin must mend.
    """
    waiting = hold_to(home, ask=not options.dry_run, circuits=breakers)
    for each in waiting.requests if waiting else ():
        if told := [name for name, one in each.recipients.items() if one.state != DONE]:
            report.notes.append(f"erasure {each.reference} waits for {', '.join(told)}: lamplighter erase --resume")
    if waiting is None or waiting.refusal is None:
        return []
    report.note(f"erasures: {waiting.refusal}")
    return [waiting.refusal]


def _stages(home: Home, options: Options, approved: questions.Approvals, report: Report, watcher: Watcher) -> None:
    """The stages that are wanted. What the admin must mend of one system is raised when all others have had theirs."""
    wanted: Sequence[str] = (options.only,) if options.only else STAGES
    breakers = Breakers(home.store, report)
    refusals = _hold_to_erasures(home, options, report, breakers)
    if "pull" in wanted:
        with _timed(report, "pull", watcher):
            refusals += pull_stage(home, options, report, watcher, breakers)
    else:
        report.only_protect.extend(_said_before(home, report.number))
    if "pull" in wanted and report.only_protect and not _decided_before(home):
        report.note("nothing is decided before every source was read once: what was read is kept")
        wanted = ()
    if {"decide", "push"} & {*wanted} and clock.stops(home, options, report):
        wanted = ()
    if "decide" in wanted:
        with _timed(report, "decide", watcher):
            _decide(home, options, report)
    if "push" in wanted:
        with _timed(report, "push", watcher):
            seen.look(home, report, approved, dry=options.dry_run)
            order = _order(home, options, approved, report)
            refusals += push_stage(home, order, options, report, watcher, breakers)
    breakers.close()
    if refusals:
        raise refusals[0]


def _said_before(home: Home, number: int) -> list[str]:
    """Why the run before was to send only what protects: no pull since has told what was not known then."""
    told = [row.report for row in runs.latest(home.store, limit=SHORT) if row.number < number and row.report]
    return list(told[0].get("only_protect", ())) if told else []


def _decided_before(home: Home) -> bool:
    """And holds still: not where the rows that it followed from must be had again."""
    return any(row.rules for row in runs.latest(home.store, decided=True, full=True))


def _order(home: Home, options: Options, approved: questions.Approvals, report: Report) -> Order:
    return Order(
        run=report.number,
        audiences=audiences_of(home),
        approved=approved,
        dry=options.dry_run,
        everybody=options.everybody,
        protect=bool(report.only_protect or report.doubted),
        sweeps=options.sweeps,
    )


@contextmanager
def _timed(report: Report, stage: str, watcher: Watcher) -> Iterator[None]:
    watcher.entered(stage)
    began = time.monotonic()
    try:
        with tracing.span(stage):
            yield
    finally:
        report.seconds[stage] = time.monotonic() - began


def _decide(home: Home, options: Options, report: Report) -> None:
    all_read = not report.only_protect and not report.doubted
    outcome = decide_stage(home, report.number, report.as_of, with_facts=options.facts, all_read=all_read)
    report.full, report.decided, report.facts = outcome.full, outcome.decided, dict(outcome.facts)
    report.notes.extend(outcome.doubts)
    if outcome.full:
        report.notes.extend(f"no room for the list {name}: {why}" for name, why in left_out(home).items())


def _status(report: Report, options: Options) -> str:
    """Green only when every row is accounted for and nothing waits."""
    if not report.balanced:
        report.notes.append("the books do not balance: please report this with `lamplighter status --json`")
        return "failed"
    if report.held or report.stopped:
        return "guarded"
    waits = not options.dry_run and any(getattr(book, "deferred", 0) for book in report.books.values())
    if waits or report.status == "deferred":
        return "deferred"
    return "planned" if options.dry_run or options.only in ("pull", "decide") else "done"


def _close(home: Home, report: Report, status: str, error: BaseException | None = None) -> None:
    report.status = status
    report.calls = {crm.name: crm.calls for crm in home.crms} | {ad.name: ad.calls for ad in home.ads}
    message = error.message if isinstance(error, LamplighterError) else (type(error).__name__ if error else "")
    told = report.as_json()
    runs.finish(home.store, report.number, status, told, message, counted(status, told))
    if status == "done":
        approvals.close(home.store)
        seen.went_through(home, report)
    log.info("run_finished", run=report.number, status=status, message=message)
    structlog.contextvars.unbind_contextvars("run")
