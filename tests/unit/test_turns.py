"""Whose turn it is in a push: nobody waits long for another, and what protects leaves first everywhere."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connector.errors import EndPass, LamplighterError, Resting, RetryLater, SetupError
from connector.limits import Clock
from connector.model import Calls
from connector.pipeline.breaking import Breakers
from connector.pipeline.pushing.turns import RESTS, TURN, Turns
from connector.pipeline.report import Report
from connector.push.deliver import Ledger, Steps
from connector.store import Store, breakers, open_store
from connector.store.clock import now

START = datetime(2026, 11, 22, 12, tzinfo=UTC)


@dataclass
class Time:
    """A clock that moves by sleeping and by work."""

    passed: float = 0.0

    @property
    def clock(self) -> Clock:
        return Clock(now=self.now, monotonic=lambda: self.passed, sleep=self.spend)

    def now(self) -> datetime:
        return START + timedelta(seconds=self.passed)

    def spend(self, seconds: float) -> None:
        self.passed += seconds


@dataclass
class Shelf:
    """Takes `batches` of so many seconds each; `trouble` is raised at the beginning while there is any."""

    name: str
    time: Time
    log: list[str]
    batches: int = 2
    seconds: float = 1.0
    trouble: list[Callable[[], LamplighterError]] = field(default_factory=list)
    ledger: Ledger = field(default_factory=Ledger)
    calls: Calls = field(default_factory=Calls)

    def phase(self, word: str) -> Steps:
        if self.trouble:
            raise self.trouble.pop(0)()
        for _ in range(self.batches):
            self.time.spend(self.seconds)
            self.log.append(f"{self.name} {word}")
            yield
        return None


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path / 'state.db'}")
    yield opened
    opened.close()


@dataclass
class Push:
    """Shelves on one clock, and how each ended."""

    store: Store
    time: Time = field(default_factory=Time)
    log: list[str] = field(default_factory=list)
    ends: dict[str, LamplighterError | None] = field(default_factory=dict)

    def shelf(self, name: str, **how: object) -> Shelf:
        return Shelf(name, self.time, self.log, **how)  # type: ignore[arg-type]

    def go(self, *shelves: Shelf) -> list[str]:
        """A phase of suppressions, and one that adds; who went through both."""
        breaking = Breakers(self.store, Report(number=1, as_of=START))
        turns = Turns(breaking, several=len(shelves) > 1, clock=self.time.clock)
        well = turns.take(shelves, lambda one: one.phase("suppresses"), self.ended)
        return [one.name for one in turns.take(well, lambda one: one.phase("adds"), self.ended)]

    def ended(self, shelf: Shelf, outcome: LamplighterError | None) -> bool:
        self.ends[shelf.name] = outcome
        return outcome is None

    def rest(self, seconds: float) -> Callable[[], LamplighterError]:
        return lambda: Resting("asks for rest", resume_at=self.time.now() + timedelta(seconds=seconds))


@pytest.fixture
def push(store: Store) -> Push:
    return Push(store)


def test_all_suppress_before_any_adds(push: Push) -> None:
    """Promise 1 holds across destinations."""
    assert sorted(push.go(push.shelf("a"), push.shelf("b"), push.shelf("c", batches=5))) == ["a", "b", "c"]
    words = [line.split()[1] for line in push.log]
    assert words == ["suppresses"] * 9 + ["adds"] * 9


def test_a_slow_one_holds_up_nobody_for_longer_than_its_turn(push: Push) -> None:
    """A minute a batch: the others are through after its first turn, and it does all of its own in the end."""
    slow = push.shelf("slow", batches=10, seconds=60.0)
    push.go(slow, push.shelf("quick", batches=20))
    assert push.log.index("quick suppresses") == 1
    assert push.log[1:21] == ["quick suppresses"] * 20
    assert push.log.count("slow suppresses") == push.log.count("slow adds") == 10
    assert TURN < 60.0


def test_of_two_with_much_to_do_neither_waits_for_the_other(push: Push) -> None:
    """They take turns, each as long as the other."""
    push.go(push.shelf("a", batches=100), push.shelf("b", batches=100))
    first = push.log[:100]
    assert first.count("a suppresses") == pytest.approx(first.count("b suppresses"), abs=TURN)


def test_whoever_asks_for_rest_is_taken_up_again_after_the_others(push: Push) -> None:
    """A minute's rest costs the others nothing, and the work is done in this push."""
    tired = push.shelf("tired")
    tired.trouble = [push.rest(60.0)]
    assert sorted(push.go(tired, push.shelf("well"))) == ["tired", "well"]
    assert push.log[:4] == ["well suppresses"] * 2 + ["tired suppresses"] * 2
    assert push.ends == {"tired": None, "well": None}
    assert 60.0 <= push.time.passed < 75.0


def test_rests_have_a_budget(push: Push) -> None:
    """Longer than it in all, and the rest waits for the next run; what it said last is why."""
    tired = push.shelf("tired")
    tired.trouble = [push.rest(50.0) for _ in range(9)]
    assert push.go(tired, push.shelf("well")) == ["well"]
    assert isinstance(push.ends["tired"], Resting)
    assert push.time.passed <= RESTS + 10.0
    assert "tired adds" not in push.log


@pytest.mark.parametrize("error", [RetryLater("is down"), SetupError("the token is dead")])
def test_one_that_fails_is_left_out_and_the_others_go_on(push: Push, error: LamplighterError) -> None:
    """It is not asked for the second phase; how it ended is told."""
    sick = push.shelf("sick")
    sick.trouble = [lambda: error]
    assert push.go(sick, push.shelf("well")) == ["well"]
    assert push.ends["sick"] is error
    assert push.log == ["well suppresses"] * 2 + ["well adds"] * 2


def test_the_end_of_the_pass_ends_all(push: Push) -> None:
    """Asked to stop in the middle of one destination: no other begins."""
    last = push.shelf("last")
    last.trouble = [lambda: EndPass("stopped")]
    with pytest.raises(EndPass):
        push.go(last, push.shelf("never"))
    assert push.log == []


def test_the_order_of_calls_is_the_same_each_time(push: Push, store: Store) -> None:
    """Nothing in it depends on chance."""
    logs = []
    for _ in range(2):
        again = Push(store)
        again.go(again.shelf("a", batches=50), again.shelf("b", seconds=20.0), again.shelf("c"))
        logs.append(again.log)
    assert logs[0] == logs[1]


def test_a_run_counts_a_failure_once_and_closes_who_answers(store: Store) -> None:
    """However often a system fails within a run; a wish to stop is no failure, nor is a day's quota that is spent."""
    report = Report(number=1, as_of=START)
    Breakers(store, report).failed("shop", RetryLater("the day is spent", resume_at=now() + timedelta(hours=9)))
    assert breakers.standing(store) == {}
    for number in (1, 2):
        breaking = Breakers(store, report)
        for error in (EndPass("stopped"), RetryLater("is down"), RetryLater("is still down")):
            with breaking.trying("shop"):
                breaking.failed("shop", error)
        breaking.close()
        assert breakers.standing(store)["shop"].failures == number
    breaking = Breakers(store, report)
    with breaking.trying("shop"):
        pass
    breaking.close()
    assert breakers.standing(store) == {}


def test_who_is_left_alone_is_said_and_the_run_is_not_green(store: Store) -> None:
    """With the time, and the command that tries it now."""
    for _ in range(breakers.AFTER):
        breakers.failed(store, "shop", "is down")
    report = Report(number=1, as_of=START)
    breaking = Breakers(store, report)
    assert (breaking.left_alone("shop"), breaking.left_alone("other")) == (True, False)
    assert report.status == "deferred"
    (note,) = report.notes
    assert "shop is left alone until" in note and "after 3 failures; lamplighter retry" in note
    assert breakers.close(store) == ["shop"]
    assert not Breakers(store, report).left_alone("shop")


def test_planning_for_somebody_who_is_left_alone_closes_nothing(store: Store) -> None:
    """Only an answer does."""
    for _ in range(breakers.AFTER):
        breakers.failed(store, "shop", "is down")
    breaking = Breakers(store, Report(number=1, as_of=START))
    with breaking.trying("shop"):
        pass
    breaking.close()
    assert breakers.standing(store)["shop"].open
