"""A guard over this machine's clock. One that jumped would end windows, let buyers back into ads, and delete what is
young: where it cannot be believed, nothing is decided and nothing leaves until a person has set it or named the time.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

from connector.home import Home
from connector.pipeline.options import Options
from connector.pipeline.report import Report
from connector.store import Store, runs

SLACK = timedelta(hours=1)
"""A clock may be so far from that of a CRM, and go back so far: less moves no window that anybody would notice."""
LONGEST, TIMES = timedelta(days=30), 3
"""Where no CRM tells the time: a pause may be so long, or so many times the longest there ever was."""


def stops(home: Home, options: Options, report: Report) -> bool:
    """Whether the pass must end here, which the report then tells. A time that was named explicitly is believed."""
    if options.as_of is not None:
        return False
    words = _trouble(home, report.as_of)
    if words:
        report.stopped = True
        report.note(words)
    return bool(words)


def believed(store: Store, now: datetime) -> datetime:
    """The time for what deletes by age: never later than the last pass whose clock was believed."""
    last = next(iter(runs.begun(store)), now)
    return min(now, last)


def _trouble(home: Home, now: datetime) -> str:
    """A CRM's own clock decides, where one was heard; else what this machine's told before."""
    ahead = {crm.name: crm.calls.clock_ahead for crm in home.crms if crm.calls.clock_ahead is not None}
    wrong = [f"{_long(apart)} {_side(apart)} {name}'s" for name, apart in ahead.items() if abs(apart) > SLACK]
    if wrong:
        return (
            f"this machine's clock is {' and '.join(wrong)}: nothing is decided by it, and what was read is kept; set "
            "it (timedatectl set-ntp true), then: lamplighter run"
        )
    return "" if ahead else _jump(home.store, now)


def _jump(store: Store, now: datetime) -> str:
    begun = runs.begun(store)
    if not begun:
        return ""
    went, last = now - begun[0], f"since the last run that went by it, of {begun[0]:%Y-%m-%d %H:%M} UTC"
    if -SLACK <= went <= max(LONGEST, TIMES * max(_gaps(begun), default=timedelta())):
        return ""
    words = f"went {_long(went)} {'on' if went > timedelta() else 'back'} {last}, to {now:%Y-%m-%d %H:%M} UTC"
    return (
        f"this machine's clock {words}: nothing is decided by it, and what was read is kept; set it, or if it is "
        f"right: lamplighter run --as-of {now:%Y-%m-%dT%H:%M}"
    )


def _gaps(begun: list[datetime]) -> Iterator[timedelta]:
    return (abs(later - earlier) for later, earlier in pairwise(begun))


def _side(apart: timedelta) -> str:
    return "ahead of" if apart > timedelta() else "behind"


def _long(span: timedelta) -> str:
    hours = abs(span) / timedelta(hours=1)
    return f"{hours:,.1f} hours" if hours < 48 else f"{hours / 24:,.0f} days"
