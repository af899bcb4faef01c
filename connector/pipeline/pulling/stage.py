"""The pull of a run: every source in turn, each with its books; one that cannot be read holds up none of the others."""

from collections.abc import Sequence

from connector.errors import EndPass, LamplighterError, RetryLater, SetupError
from connector.home import Home
from connector.pipeline.breaking import Breakers
from connector.pipeline.guards import clock
from connector.pipeline.options import Options, Watcher
from connector.pipeline.pulling import sweeping
from connector.pipeline.quota import before_pull
from connector.pipeline.report import Report
from connector.ports import EventSource
from connector.pull import Book, pull_source
from connector.store import cursors


def pull_stage(
    home: Home, options: Options, report: Report, watcher: Watcher, breakers: Breakers
) -> list[LamplighterError]:
    """Pull every source. Of those that could not be read to their end `report.only_protect` tells: an opt-out, or a
    purchase, may be in what they hold.

    Returns:
        What the admin must mend.

    Raises:
        EndPass: the pass is to end here.
    """
    refusals: list[LamplighterError] = []
    _read_anew(home, options.reread)
    for source in (*home.sources, *home.crms):
        if breakers.left_alone(source.name):
            _unread(report, source.name)
            continue
        try:
            with breakers.trying(source.name):
                _pulled(home, source, options, report, watcher)
        except EndPass:
            raise
        except RetryLater as error:
            report.cut_short(source.name, error)
            report.status = "deferred"
            breakers.failed(source.name, error)
            _unread(report, source.name)
        except SetupError as error:  # the others do not wait until somebody has mended this
            report.note(f"{source.name}: {error}")
            refusals.append(error)
            _unread(report, source.name)
    return refusals


def _read_anew(home: Home, names: Sequence[str]) -> None:
    known = [source.name for source in (*home.sources, *home.crms)]
    if unknown := sorted(set(names) - set(known)):
        raise SetupError(f"there is no source {unknown[0]!r}", hint=f"there are {', '.join(known)}")
    if names:
        cursors.forget(home.store, names)


def _unread(report: Report, source: str) -> None:
    report.only_protect.append(f"{source} could not be read")


def _pulled(home: Home, source: EventSource, options: Options, report: Report, watcher: Watcher) -> None:
    for crm in home.crms:
        if crm is source:
            before_pull(crm, home.store, report, watcher.told)
    book = pull_source(source, home.warehouse, home.store, report.number, watcher.pulled)
    book.add(_swept(home, source, options, report, watcher))
    report.books[source.name] = book
    if book.erased:
        report.notes.append(f"{source.name}: {book.erased:,} records of erased persons were left out")
    if book.rejected:
        report.notes.append(
            f"{source.name}: {book.rejected:,} rows could not be used, the first is {book.example}; they are kept "
            "with their reasons: lamplighter status"
        )


def _swept(home: Home, source: EventSource, options: Options, report: Report, watcher: Watcher) -> Book:
    """The books of the sweeps that are wanted of a CRM; empty ones for anything else."""
    book = Book()
    for crm in home.crms:
        if crm is source and not clock.stops(home, options, report):
            names = sweeping.chosen(home, crm, options.sweeps, report.as_of)
            approved = options.approve_deletions
            book.add(sweeping.sweep_crm(home, crm, names, report, watcher.pulled, approved=approved))
    return book
