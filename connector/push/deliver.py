"""Plans on their way: written down, sent, acknowledged row by row; settled after a crash by reading back."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from connector.errors import EndPass, ListGone, RetryLater
from connector.model import Delivery, Receipt
from connector.ports import Destination
from connector.store import Store, acknowledged, outbox

log = structlog.get_logger()

Progress = Callable[[str, int, int], None]
"""Told after each batch: destination, batches done, batches in all. May raise EndPass to end the push there."""

Steps = Generator[None, None, RetryLater | None]
"""Work for one destination. Where it yields, others may have their turn; it returns why it stopped early, or None."""


class Carrier(Protocol):
    """What delivering needs of a destination, whether it is a CRM or an ad platform."""

    name: str

    def deliver(self, delivery: Delivery) -> Receipt:
        """As of `ports.Destination`."""
        ...


@dataclass(kw_only=True)
class Ledger:
    """The books of one destination within a run, in changes (people in or out of lists, contacts written)."""

    planned: int = 0
    acknowledged: int = 0
    deferred: int = 0
    rejected: int = 0

    def defer_rest(self) -> None:
        """Whatever has no other end yet waits for a later run."""
        self.deferred = self.planned - self.acknowledged - self.rejected

    def plan_anew(self) -> None:
        """Whatever has no end yet is left to another plan."""
        self.planned, self.deferred = self.acknowledged + self.rejected, 0

    @property
    def balanced(self) -> bool:
        return self.planned == self.acknowledged + self.deferred + self.rejected and self.deferred >= 0

    def as_json(self) -> dict[str, int]:
        return {
            "planned": self.planned,
            "acknowledged": self.acknowledged,
            "deferred": self.deferred,
            "rejected": self.rejected,
        }


def settle(destination: Destination, store: Store, run: int) -> int:
    """Find out what became of batches whose answer nobody saw; returns how many there were.

    What holds at the destination is acknowledged. A batch that does not wholly is deferred: the next plan finds what is
    missing again.
    """
    outbox.give_up_pending(store, "the run ended before this batch was sent", destination.name)
    open_batches = outbox.unsettled(store, destination.name)
    for delivery in open_batches:
        held = _read_back(destination, delivery)
        kept = Receipt(added=held.added, removed=held.removed, written=held.written)
        state = "acknowledged" if _accepted(kept) == delivery.size else "deferred"
        with store.begin() as connection:
            acknowledged.record(connection, delivery, kept, run)
            outbox.move(connection, delivery.id, state, "settled by reading back after a crash")
    return len(open_batches)


def _read_back(destination: Destination, delivery: Delivery) -> Receipt:
    try:
        return destination.read_back(delivery)
    except ListGone:
        return Receipt()


def deliver(
    destination: Carrier, store: Store, run: int, batches: Sequence[Delivery], ledger: Ledger, progress: Progress
) -> RetryLater | None:
    """Send batches in their order without a pause; returns why it stopped early, or None."""
    steps = delivering(destination, store, run, batches, ledger, progress)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            stopped: RetryLater | None = end.value
            return stopped


def delivering(
    destination: Carrier, store: Store, run: int, batches: Sequence[Delivery], ledger: Ledger, progress: Progress
) -> Steps:
    """Send batches in their order, a step each.

    After a RetryLater nothing more of them is sent: the destination asked for rest, and what follows must not overtake
    what is missing.
    """
    outbox.enqueue(store, run, batches)
    for done, delivery in enumerate(batches, start=1):
        stopped = _send(destination, store, run, delivery, ledger)
        stopped = stopped or _told(progress, destination.name, done, len(batches))
        if stopped is not None:
            ledger.deferred += sum(later.size for later in batches[done:])
            outbox.give_up_pending(store, stopped.message, destination.name)
            return stopped
        yield
    return None


def _told(progress: Progress, destination: str, done: int, total: int) -> EndPass | None:
    """Tell whoever looks on; returns their wish to end here, if they have one."""
    try:
        progress(destination, done, total)
    except EndPass as wish:
        return wish
    return None


def _send(destination: Carrier, store: Store, run: int, delivery: Delivery, ledger: Ledger) -> RetryLater | None:
    with store.begin() as connection:
        outbox.move(connection, delivery.id, "sent")
    try:
        receipt = destination.deliver(delivery)
    except EndPass:
        raise
    except RetryLater as error:
        if isinstance(error, ListGone):  # a known end: nothing was done
            with store.begin() as connection:
                outbox.move(connection, delivery.id, "deferred", error.message)
        log.warning("delivery_deferred", destination=destination.name, audience=delivery.audience, reason=error.message)
        ledger.deferred += delivery.size
        return error
    accepted = _accepted(receipt)
    with store.begin() as connection:
        acknowledged.record(connection, delivery, receipt, run)
        outbox.move(connection, delivery.id, "acknowledged" if accepted else "rejected", _reason(receipt))
    ledger.acknowledged += accepted
    ledger.rejected += len(receipt.rejected)
    return None


def _accepted(receipt: Receipt) -> int:
    return len(receipt.added) + len(receipt.removed) + len(receipt.written)


def _reason(receipt: Receipt) -> str:
    reasons = sorted(set(receipt.rejected.values()))
    return "; ".join(reasons[:3])
