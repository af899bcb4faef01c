"""Delivery: written down before it leaves, acknowledged row by row, settled after a crash by reading back."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connector.errors import RetryLater
from connector.model import Calls, Delivery, Ensured, ListSpec, Receipt
from connector.push.deliver import Ledger, deliver, settle
from connector.store import Store, acknowledged, open_store, outbox, runs
from connector.store.begun import begun

NOW = datetime(2026, 9, 30, tzinfo=UTC)


class Shelf:
    """A destination in memory: lists of members, and two ways to fail."""

    name = "shelf"
    calls = Calls()

    def __init__(self) -> None:
        self.members: dict[str, set[str]] = {}
        self.refuses: set[str] = set()
        self.fails_after: int | None = None
        self.dies = False

    def ensure(self, lists: Sequence[ListSpec]) -> Ensured:
        return Ensured(ids={spec.name: spec.name for spec in lists})

    def batch_size(self, kind: str) -> int:
        return 2

    def deliver(self, delivery: Delivery) -> Receipt:
        if self.fails_after is not None:
            self.fails_after -= 1
            if self.fails_after < 0:
                raise RetryLater("the shelf asks for rest")
        here = self.members.setdefault(delivery.audience, set())
        here |= set(delivery.add) - self.refuses
        here -= set(delivery.remove)
        if self.dies:
            raise KeyboardInterrupt
        refused = {member: "no such contact" for member in delivery.add if member in self.refuses}
        return Receipt(added=[m for m in delivery.add if m not in refused], removed=delivery.remove, rejected=refused)

    def read_back(self, delivery: Delivery) -> Receipt:
        here = self.members.get(delivery.audience, set())
        return Receipt(
            added=[m for m in delivery.add if m in here], removed=[m for m in delivery.remove if m not in here]
        )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path / 'state.db'}")
    yield opened
    opened.close()


def batch(number: int, *add: str, remove: tuple[str, ...] = ()) -> Delivery:
    return Delivery(id=str(number), destination="shelf", kind="membership", audience="cart", add=add, remove=remove)


def in_store(store: Store) -> set[str]:
    return {member for _, member, _ in acknowledged.members(store, "shelf")}


def quiet(_destination: str, _done: int, _total: int) -> None: ...


def test_what_was_accepted_is_acknowledged_and_counted(store: Store) -> None:
    """Books: planned = acknowledged + rejected; the refused row is kept with its reason and not in the list."""
    shelf, ledger = Shelf(), Ledger(planned=3)
    shelf.refuses = {"2"}
    assert deliver(shelf, store, 1, [batch(1, "1", "2"), batch(2, "3")], ledger, quiet) is None
    assert in_store(store) == {"1", "3"} == shelf.members["cart"]
    assert ledger.as_json() == {"planned": 3, "acknowledged": 2, "deferred": 0, "rejected": 1}
    assert ledger.balanced
    assert acknowledged.refusals(store, "shelf") == {("cart", "2"): "add"}


def test_a_destination_that_asks_for_rest_defers_all_that_follows(store: Store) -> None:
    """Nothing overtakes what is missing; the books still balance and the first batch stays acknowledged."""
    shelf, ledger = Shelf(), Ledger(planned=5)
    shelf.fails_after = 1
    stopped = deliver(shelf, store, 1, [batch(1, "1", "2"), batch(2, "3", "4"), batch(3, "5")], ledger, quiet)
    assert isinstance(stopped, RetryLater)
    assert in_store(store) == {"1", "2"}
    assert ledger.as_json() == {"planned": 5, "acknowledged": 2, "deferred": 3, "rejected": 0}
    assert outbox.depth(store) == {"acknowledged": 1, "sent": 1, "deferred": 1}


def test_a_batch_whose_answer_was_never_seen_is_read_back(store: Store) -> None:
    """Killed after the destination had done it: the next run knows without doing it twice."""
    shelf, ledger = Shelf(), Ledger(planned=2)
    shelf.dies = True
    with pytest.raises(KeyboardInterrupt):
        deliver(shelf, store, 1, [batch(1, "1"), batch(2, "2")], ledger, quiet)
    assert in_store(store) == set()
    shelf.dies = False
    assert settle(shelf, store, 2) == 1
    assert in_store(store) == {"1"}
    assert outbox.depth(store) == {"acknowledged": 1, "deferred": 1}


def test_a_batch_that_never_arrived_is_not_believed(store: Store) -> None:
    """Killed before the destination did anything: reading back finds nothing, so nothing is acknowledged."""
    shelf = Shelf()
    outbox.enqueue(store, 1, [batch(1, "1", remove=("9",))])
    with store.begin() as connection:
        outbox.move(connection, "1", "sent")
    shelf.members["cart"] = {"9"}
    settle(shelf, store, 2)
    assert in_store(store) == set()


def test_what_has_arrived_opens_no_guard(store: Store) -> None:
    """A push goes on unasked in what was broken off, until that has arrived, or a run went through."""
    shelf = Shelf()
    shelf.members["cart"] = {"1", "2"}
    for state, add in (("sent", ("1", "2")), ("sent", ("3",)), ("deferred", ("4",))):
        number = runs.start(store, NOW)
        outbox.enqueue(store, number, [batch(number, *add)])
        with store.begin() as connection:
            outbox.move(connection, str(number), state)
        settle(shelf, store, number)
        runs.finish(store, number, "deferred", {})
        if add == ("1", "2"):
            assert begun(store) == {}
    assert begun(store) == {"shelf": {"cart": {"add": 1, "remove": 0}}}
    runs.finish(store, runs.start(store, NOW), "done", {})
    assert begun(store) == {}


def test_the_outbox_refuses_a_step_its_table_does_not_know(store: Store) -> None:
    """An acknowledged batch can never be sent again."""
    outbox.enqueue(store, 1, [batch(1, "1")])
    with store.begin() as connection:
        outbox.move(connection, "1", "sent")
        outbox.move(connection, "1", "acknowledged")
    with store.begin() as connection, pytest.raises(ValueError, match="may not become sent"):
        outbox.move(connection, "1", "sent")
