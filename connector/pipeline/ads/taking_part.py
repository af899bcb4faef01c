"""The ad platforms of a push: which take part, and that nobody is told of by decisions older than what was pulled."""

from connector.home import Home
from connector.pipeline.ads.groups import choose_missing
from connector.pipeline.ads.platform import Platform
from connector.pipeline.breaking import Breakers
from connector.pipeline.pushing.crm import Order, unasked
from connector.pipeline.report import Report
from connector.push.deliver import Progress
from connector.store import runs

SPEAKING = ("contact", "consent", "identity_link")
"""Seen tables that may hold a withdrawal."""


def platforms(
    home: Home, order: Order, report: Report, progress: Progress, breakers: Breakers, *, decided: bool
) -> list[Platform]:
    """The push to each ad platform, not begun yet. None where a withdrawal may be in what was pulled and not decided.

    Args:
        decided: this run has decided by all that was pulled.
    """
    if not home.ads or not (decided or _up_to_date(home, report)):
        return []
    choose_missing(home, home.ads)
    return [
        Platform(home, each, unasked(order) if breakers.left_alone(each.name) else order, report, progress)
        for each in home.ads
    ]


def _up_to_date(home: Home, report: Report) -> bool:
    if not _undecided(home):
        return True
    names = ", ".join(each.name for each in home.ads)
    report.notes.append(f"{names}: nothing is sent before what was pulled is decided: lamplighter run")
    report.status = "deferred"
    return False


def _undecided(home: Home) -> bool:
    last = runs.latest(home.store, decided=True)
    since = last[0].number if last else 0
    tables = [home.warehouse.versions(name) for name in SPEAKING]
    return any(rows.filter(rows.run > since).limit(1).to_pyarrow().num_rows for rows in tables)
