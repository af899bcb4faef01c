"""Retry, rate and quota: how long they wait, when they stop, and what they say."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from connector import limits
from connector.errors import Resting, RetryLater, SetupError
from connector.limits import Again, Clock, DailyBudget, Rate, Repeat, Retry, Retrying, retry_after

START = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Time:
    """A clock that moves only by sleeping."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.slept: list[float] = []
        self.clock = Clock(
            now=lambda: START + timedelta(seconds=self.passed), monotonic=lambda: self.passed, sleep=self.sleep
        )

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.slept.append(seconds)
        self.passed += seconds


@pytest.fixture
def moment() -> Time:
    """A clock of the test's own."""
    return Time()


def failing(times: int, **how: float) -> Callable[[], str]:
    """A call that fails so many times, then works."""
    left = iter(range(times))

    def once() -> str:
        for _ in left:
            raise Again("not now", **how)  # type: ignore[arg-type]
        return "done"

    return once


def retrying(moment: Time, chance: float = 1.0, **policy: float) -> Retrying:
    """A retry policy on the test's clock, with a fixed chance instead of a random one."""
    return Retrying(
        system="Shop",
        policy=Retry(**policy),  # type: ignore[arg-type]
        clock=moment.clock,
        chance=lambda: chance,
    )


def test_waits_double_up_to_the_longest(moment: Time) -> None:
    """Waits grow from `first` by doubling, up to `longest`."""
    assert retrying(moment, first=1, longest=5).call("read", failing(5)) == "done"
    assert moment.slept == [1, 2, 4, 5, 5]


def test_full_jitter(moment: Time) -> None:
    """A wait is anything between nothing and its bound, so that many clients do not come back together."""
    retrying(moment, chance=0.25, first=1, longest=5).call("read", failing(3))
    assert moment.slept == [0.25, 0.5, 1]


def test_what_the_other_side_asks_for(moment: Time) -> None:
    """The other side's own wait is kept even where ours would be shorter."""
    retrying(moment, chance=0).call("read", failing(2, at_least=7))
    assert moment.slept == [7, 7]


def test_attempts_end(moment: Time) -> None:
    """After the last attempt it is "later", with the step, the reason, and when."""
    with pytest.raises(RetryLater, match=r"Shop, read: not now \(attempt 3\); what is done is kept") as caught:
        retrying(moment, attempts=3, first=1).call("read", failing(9))
    assert len(moment.slept) == 2
    assert caught.value.resume_at == START + timedelta(seconds=3 + 4)


def test_deadline(moment: Time) -> None:
    """It stops before a wait that would pass the deadline, and does not sit it out."""
    with pytest.raises(RetryLater) as caught:
        retrying(moment, deadline=100).call("read", failing(9, at_least=86_400))
    assert moment.slept == []
    assert caught.value.resume_at == START + timedelta(days=1)


def test_known_reopening(moment: Time) -> None:
    """Where the other side is known to stay closed until some time, nothing is tried before it."""
    until = START + timedelta(hours=9)

    def once() -> None:
        raise Again("out of calls", after=until)

    with pytest.raises(RetryLater) as caught:
        retrying(moment).call("read", once)
    assert (moment.slept, caught.value.resume_at) == ([], until)


def test_other_errors_pass(moment: Time) -> None:
    """What waiting does not mend is not repeated."""

    def once() -> None:
        raise SetupError("wrong token")

    with pytest.raises(SetupError):
        retrying(moment).call("read", once)
    assert moment.slept == []


def test_hook(moment: Time) -> None:
    """Each further attempt is told, with what, why and how long."""
    told: list[Repeat] = []
    Retrying(system="Shop", clock=moment.clock, on_repeat=told.append, chance=lambda: 1).call("read", failing(2))
    assert told[1] == Repeat(system="Shop", operation="read", number=2, seconds=1.0, reason="not now")


@pytest.mark.parametrize(
    ("header", "status", "seconds"),
    [
        ("7", 429, 7),
        (None, 423, 2),
        ("1", 423, 2),
        ("soon", 429, 0),
        ("-3", 503, 0),
        ("inf", 429, 0),
        ("nan", 423, 2),
        ("1e300", 503, 30 * 86_400),
    ],
)
def test_retry_after(header: str | None, status: int, seconds: float) -> None:
    """Retry-After counts in seconds, up to a month; a locked record waits two; nonsense is nothing."""
    assert retry_after(header, status) == seconds


@pytest.fixture
def never_waiting() -> Iterator[None]:
    """The test switch, on."""
    limits.never_wait()
    yield
    limits.never_wait(False)


def test_switch(never_waiting: None) -> None:
    """With the switch on, nothing sleeps, and decisions stay the same."""
    start = time.monotonic()
    with pytest.raises(RetryLater):
        Retrying(system="Shop", policy=Retry(attempts=5)).call("read", failing(9, at_least=20))
    assert time.monotonic() - start < 1


def test_switch_off() -> None:
    """With the switch off, a wait is a wait."""
    start = time.monotonic()
    Retrying(system="Shop").call("read", failing(1, at_least=0.05))
    assert time.monotonic() - start >= 0.05


def test_rate(moment: Time) -> None:
    """No window of ten seconds ever holds more calls than allowed, and none waits longer than it must."""
    rate, taken = Rate(3, 10, moment.clock), []
    for pause in (0, 1, 0, 0, 0, 0, 12, 0, 0, 0):
        moment.passed += pause
        rate.take()
        taken.append(moment.passed)
    assert taken == [0, 1, 1, 10, 11, 11, 23, 23, 23, 33]
    assert all(later - earlier >= 10 for earlier, later in zip(taken, taken[3:], strict=False))


def test_rate_that_is_learned(moment: Time) -> None:
    """Without a known limit nothing waits; one that is learned later counts the calls before it."""
    rate = Rate(None, 10, moment.clock)
    assert [rate.take() for _ in range(5)] == [0] * 5
    rate.calls = 4
    assert rate.take() == 10


def test_rate_across_threads() -> None:
    """Threads share one rate."""
    rate = Rate(5, 0.2, Clock())
    start = time.monotonic()
    threads = [threading.Thread(target=rate.take) for _ in range(11)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - start >= 0.4


def budget(moment: Time) -> DailyBudget:
    """A budget that leaves a fifth, of a day that ends in nine hours."""
    return DailyBudget("Shop", 20, moment.clock, lambda: START + timedelta(hours=9))


def test_reserve(moment: Time) -> None:
    """Calls go through down to the reserve and not into it; the message says what is left and when it goes on."""
    day = budget(moment)
    day.heard("1000", "201")
    day.spend()
    day.heard("1000", "200")
    with pytest.raises(RetryLater, match=r"200 of 1,000 daily calls are left, and the last 20% are kept") as caught:
        day.spend()
    assert caught.value.resume_at == START + timedelta(hours=9)


def test_new_day(moment: Time) -> None:
    """After the day has ended calls go through again."""
    day = budget(moment)
    day.heard("1000", "3")
    with pytest.raises(RetryLater):
        day.spend()
    moment.passed = 9 * 3600
    day.spend()


@pytest.mark.parametrize("said", [(None, None), ("", "5"), ("many", "few")])
def test_untold_budget(moment: Time, said: tuple[str | None, str | None]) -> None:
    """Where nothing is told there is nothing to guard."""
    day = budget(moment)
    day.heard(*said)
    day.spend()
    assert day.left is None


def test_searches_between_answers_count(moment: Time) -> None:
    """Calls whose answers tell nothing are counted by us, down to the reserve."""
    day = budget(moment)
    day.heard("1000", "203")
    for _ in range(3):
        day.spend()
    with pytest.raises(RetryLater):
        day.spend()


def test_others_spend_meanwhile(moment: Time) -> None:
    """Where others were seen to spend two calls beside each of ours, calls without an answer count threefold."""
    day = budget(moment)
    day.heard("1000", "233")
    for _ in range(10):
        day.spend()
    day.heard("1000", "203")
    assert day.spare == 3
    day.spend()
    with pytest.raises(RetryLater):
        day.spend()


def test_a_burst_of_others(moment: Time) -> None:
    """A burst that others made at once is not taken for their pace."""
    day = budget(moment)
    day.heard("100000", "90000")
    day.spend()
    day.heard("100000", "30000")
    for _ in range(1_000):
        day.spend()


def test_somebody_else_in_the_window(moment: Time) -> None:
    """What others took of the window is left to them; once they are gone the whole share is ours again."""
    rate = Rate(8, 10, moment.clock)
    for _ in range(2):
        rate.take()
    rate.heard(most=10, left=4)  # ours are 2, so others took 4
    assert [rate.take() for _ in range(3)] == [0, 0, 10]
    rate.heard(most=10, left=9)
    assert [rate.take() for _ in range(7)] == [0] * 7


def test_somebody_else_takes_everything(moment: Time) -> None:
    """One call a window is always tried, or nobody would hear that there is room again."""
    rate = Rate(8, 10, moment.clock)
    rate.heard(most=10, left=0)
    assert [rate.take() for _ in range(3)] == [0, 10, 10]


def test_one_too_many(moment: Time) -> None:
    """A limit that was met although we kept to it is halved, and given back step by step after a minute each."""
    rate = Rate(4, 1, moment.clock)
    rate.pushed_back()
    assert [rate.take() for _ in range(3)] == [0, 0, 1]
    rate.pushed_back()
    moment.passed += 1
    assert [rate.take() for _ in range(2)] == [0, 1]
    moment.passed += 121
    assert [rate.take() for _ in range(3)] == [0, 0, 1]
    moment.passed += 61
    assert [rate.take() for _ in range(4)] == [0] * 4


def test_a_long_rest_that_is_asked_for_ends_a_turn(moment: Time) -> None:
    """Where others wait, at once and with the time when it is over; a short one is waited for. Without others, too."""
    with limits.patient(limits.Patience(longest=5.0)):
        assert retrying(moment).call("read", failing(1, at_least=5.0)) == "done"
        with pytest.raises(Resting) as caught:
            retrying(moment).call("read", failing(1, at_least=60.0))
    assert caught.value.resume_at == START + timedelta(seconds=65)
    assert moment.slept == [5.0]
    assert retrying(moment).call("read", failing(1, at_least=60.0)) == "done"


def test_a_doubtful_system_is_tried_with_one_call(moment: Time) -> None:
    """No repeats until it has answered; from then on as ever."""
    with limits.patient(limits.Patience(proven=False)):
        with pytest.raises(RetryLater, match="attempt 1"):
            retrying(moment).call("read", failing(1))
        assert retrying(moment).call("read", failing(0)) == "done"
        assert retrying(moment).call("read", failing(3)) == "done"
    assert len(moment.slept) == 3
