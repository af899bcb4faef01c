"""Of all that serve one store, one is at work; the others stand by, and take over when it is not heard of any more."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import structlog

from connector.errors import Failed, RetryLater
from connector.store import Store, leases
from jobs.stop import Stop

log = structlog.get_logger()

LEASE = "serve"
LOOK_AGAIN = 5.0
"""Seconds until whoever stands by looks again."""
LOOK = 1.0
"""Seconds after which whoever is at work looks whether it still is."""

SET = 60.0
"""Seconds by which the clock goes elsewhere than time does once somebody has set it."""

Work = Callable[[Stop], AbstractContextManager[None]]
"""Begins a shift and ends it; what it started ends soon once its Stop is asked."""


def in_turn(store: Store, stop: Stop, work: Work) -> None:
    """Until `stop` is asked: be at work while it is our turn, else stand by. A line is logged when that changes.

    A disk that is full is no end: somebody makes room.
    """
    said = ""
    while not stop.asked:
        try:
            with leases.kept(store, LEASE) as keeper:
                said = ""
                _shift(keeper, stop, work)
        except (RetryLater, Failed) as error:
            if error.message != said:
                tell = log.error if isinstance(error, Failed) else log.info
                tell("standing_by", reason=error.message)
            said = error.message
            stop.wait(LOOK_AGAIN)


def _shift(keeper: leases.Keeper, stop: Stop, work: Work) -> None:
    """Until `stop` is asked, or somebody sets the clock: what is due by the old one may be years away, and is made up
    anew. Raises EndPass where the turn is over before."""
    shift, apart = Stop(), _apart()
    with work(shift):
        try:
            while not stop.wait(LOOK) and abs(_apart() - apart) < SET:
                keeper.check()
        finally:
            shift.ask()


def _apart() -> float:
    """The clock that people set, less the one that nobody can."""
    return time.time() - leases.elapsed()
