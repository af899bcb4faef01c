"""Each trouble is told once, again every day that it lasts, and when it is over. A dead channel stops nothing."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog

from connector.alerts.channels import Channel, channels
from connector.alerts.notice import OVER, REMINDER, TEST, TROUBLE, Notice
from connector.alerts.troubles import Trouble, troubles
from connector.errors import LamplighterError
from connector.settings import AlertsPart
from connector.store import Store, alerts, leases

log = structlog.get_logger()

LEASE = "watch"
"""Held while troubles are told: of several machines one does."""


def tell(store: Store, part: AlertsPart, install: str, at: datetime) -> list[Notice]:
    """Look for troubles, note them, and tell of those that are due.

    Args:
        install: what people call this install.

    Returns:
        What somebody was told.

    Raises:
        RetryLater: another process is telling.
    """
    with leases.kept(store, LEASE):
        return _told(store, part, install, at)


def _told(store: Store, part: AlertsPart, install: str, at: datetime) -> list[Notice]:
    found = {(one.kind, one.subject): one for one in troubles(store, part, at)}
    alerts.see(store, [(name, one.words) for name, one in found.items()], at)
    _forget_untold(store, found, at)
    ways = list(channels(part))
    told = []
    for notice in _due(alerts.lasting(store), found, part, install, at):
        if _sent(store, ways, notice):
            told.append(notice)
            mark = alerts.mark_over if notice.state == OVER else alerts.mark_told
            mark(store, (notice.kind, notice.subject), at)
    return told


def _forget_untold(store: Store, found: Mapping[alerts.Name, Trouble], at: datetime) -> None:
    """Who never heard of a trouble is not told that it is over."""
    for name, row in alerts.lasting(store).items():
        if name not in found and row.last_told is None:
            alerts.mark_over(store, name, at)


def _due(
    lasting: Mapping[alerts.Name, Any],
    found: Mapping[alerts.Name, Trouble],
    part: AlertsPart,
    install: str,
    at: datetime,
) -> Iterator[Notice]:
    remind = timedelta(hours=part.remind_hours)
    for name, row in sorted(lasting.items()):
        known = {"kind": row.kind, "subject": row.subject, "words": row.words, "since": row.first_seen}
        if name not in found:
            yield Notice(state=OVER, **known, command="", install=install, at=at)
        elif row.last_told is None or at - row.last_told >= remind:
            state = TROUBLE if row.last_told is None else REMINDER
            yield Notice(state=state, **known, command=found[name].command, install=install, at=at)


def _sent(store: Store, ways: Sequence[Channel], notice: Notice) -> bool:
    """Whether somebody was told. Where there is nobody to tell, everybody who asks was."""
    answers = [_handed_over(store, way, notice) for way in ways]
    return None in answers or not ways


def _handed_over(store: Store, way: Channel, notice: Notice) -> str | None:
    """Why a channel did not take a notice; None: it did."""
    try:
        way.send(notice)
    except LamplighterError as error:
        alerts.channel_failed(store, way.name, error.message)
        log.warning("alert_not_sent", channel=way.name, reason=error.message)
        return str(error)
    alerts.channel_works(store, way.name)
    return None


def send_test(store: Store, part: AlertsPart, install: str, at: datetime) -> dict[str, str | None]:
    """Send a test notice; channel -> why it did not take it, None: it did."""
    words = "This is a test: whoever reads it will be told of troubles."
    known = {"kind": "test", "subject": "", "words": words, "command": "lamplighter status"}
    notice = Notice(state=TEST, **known, install=install, since=at, at=at)
    return {way.name: _handed_over(store, way, notice) for way in channels(part)}
