"""Circuit breakers keep the same promises on SQLite and on PostgreSQL."""

from datetime import timedelta

import pytest

from connector.store import Store, breakers
from connector.store.clock import now
from connector.store.tables import breaker


def failures(store: Store, count: int) -> breakers.Breaker:
    """So many failed runs in a row; the breaker after the last."""
    for _ in range(count):
        last = breakers.failed(store, "shop", "503")
    return last


def test_a_system_is_left_alone_after_some_failed_runs(store: Store) -> None:
    """Not before, and others are not touched by it."""
    assert not failures(store, breakers.AFTER - 1).open
    assert failures(store, 1).open
    assert {name: one.open for name, one in breakers.standing(store).items()} == {"shop": True}
    assert breakers.standing(store)["shop"].reason == "503"


def test_it_is_left_alone_for_longer_each_time_up_to_a_bound(store: Store) -> None:
    """Since when is kept; how long doubles."""
    first = failures(store, breakers.AFTER)
    pauses, since = [], first.opened_at
    for _ in range(4):
        before = now()
        one = failures(store, 1)
        assert one.opened_at == since and one.try_again_at is not None
        pauses.append((one.try_again_at - before) / breakers.FIRST)
    assert pauses == [pytest.approx(times, abs=0.1) for times in (2, 4, 4, 4)]
    assert breakers.FIRST * 4 == breakers.LONGEST


def test_a_clock_that_was_ahead_leaves_nobody_alone_for_long(store: Store) -> None:
    """An end that is further away than any pause is of another clock: the system is tried now."""
    failures(store, breakers.AFTER)
    with store.begin() as connection:
        connection.execute(breaker.update().values(try_again_at=now() + timedelta(days=400)))
    assert not breakers.standing(store)["shop"].open
    assert failures(store, 1).open


def test_an_answer_closes_it(store: Store) -> None:
    """By name, or all of them when somebody wants them tried; only the open ones are told."""
    failures(store, breakers.AFTER)
    breakers.failed(store, "other", "503")
    assert breakers.close(store, "other") == []
    assert breakers.close(store) == ["shop"]
    assert breakers.standing(store) == {}
    assert not failures(store, 1).open
