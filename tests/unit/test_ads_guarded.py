"""Guards over the way out to ad platforms: what an approval covers, and what leaves and is told while others wait."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ad_shop import LAMP, NOW, RUG, AdShop

from connector.cli.settings_file import append
from connector.errors import Resting, RetryLater
from connector.home import open_home
from connector.model import Delivery, Receipt
from connector.pipeline.ads.upkeep import LONG_AGO, REFRESHED
from connector.push.deliver import Ledger
from connector.store import approvals
from connector.store.remotes import Remembered
from connector.store.tables import approval

Note = Callable[[dict[str, str]], None]
ANN, BOB = "ann@x.test", "bob@x.test"


@pytest.fixture
def shop(tmp_path: Path) -> AdShop:
    """Ann has a lamp and Bob a rug, both granted ads."""
    made = AdShop(tmp_path / "home")
    made.buyer(1, ANN)
    made.buyer(2, BOB, "rug")
    return made


def refuses(after: int = 0) -> Callable[[Note], dict[str, str]]:
    """What came late: nothing, so many times; then the platform does not answer."""
    left: Iterator[dict[str, str]] = iter([{}] * after)

    def confirm(note: Note) -> dict[str, str]:
        for found in left:
            note(found)
            return found
        raise RetryLater("is down")

    return confirm


def after_one(deliver: Callable[[Delivery], Receipt], error: Exception) -> Callable[[Delivery], Receipt]:
    """One batch is taken; the next, and only that one, fails."""
    asked: list[str] = []

    def failing(delivery: Delivery) -> Receipt:
        asked.append(delivery.id)
        if len(asked) == 2:
            raise error
        return deliver(delivery)

    return failing


def given(shop: AdShop) -> list[tuple[dict[str, Any], bool]]:
    """(what is covered, whether it is used up) of Google's approvals."""
    with open_home(shop.home) as opened:
        rows = opened.store.rows(approval.select().where(approval.c.destination == "google"))
    return [(dict(row.summary), row.used_at is not None) for row in rows]


def remember(shop: AdShop, moment: str, *labels: str) -> None:
    """Audiences of Google were last said whole at a moment; of all of them, or of these."""
    with open_home(shop.home) as opened:
        kept = Remembered(opened.store, "google")
        for name in kept.all(REFRESHED):
            if not labels or shop.google.labels[name] in labels:
                kept.put(REFRESHED, name, moment)


@pytest.mark.slow
@pytest.mark.parametrize("rests", [False, True])
def test_an_approval_is_good_for_what_a_push_has_left(
    shop: AdShop, rests: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing sent, nothing taken. One audience filled: the other may still be, and the first one is not again."""
    monkeypatch.delenv("LAMPLIGHTER_GUARD__FIRST_RUN")
    append(shop.home, "guard: {first_run: ask, first_run_changes: 0}")
    shop.run()
    ((whole, _),) = given(shop)
    assert len(whole) == 2
    with open_home(shop.home) as opened:
        plan = next(row.plan for row in approvals.waiting(opened.store) if row.destination == "google")
    with monkeypatch.context() as patch:
        patch.setattr(shop.google, "confirm", refuses())
        shop.run(hours=1, approve=plan)
    assert given(shop) == [(whole, False)]
    error = Resting("rests", resume_at=datetime.now(UTC)) if rests else RetryLater("is down")
    with monkeypatch.context() as patch:
        patch.setattr(shop.google, "deliver", after_one(shop.google.deliver, error))
        patch.setattr(shop.google, "confirm", refuses(after=1))
        shop.run(hours=2)
    ((left, used),) = given(shop)
    assert len(shop.google.log) == 1
    assert (left.keys() < whole.keys(), len(left), used) == (True, 1, False)


@pytest.mark.slow
def test_a_broken_refresh_does_not_pass_by_the_guard(shop: AdShop) -> None:
    """Said again are those who are in, less who withdrew; newcomers wait for a person."""
    append(shop.home, "guard: {first_run: go, whole_percent: 0, whole_changes: 0}")
    shop.buyer(3, "cy@x.test")
    assert shop.run().status == "done"
    remember(shop, LONG_AGO)
    shop.buyer(4, "dee@x.test")
    shop.says(ANN, granted=False)
    shop.google.log.clear()
    assert shop.run(hours=1, everybody=True).status == "guarded"
    said = {(verb, shop.google.labels[name], members) for verb, name, members in shop.google.log}
    cy, bob, ann = (shop.google.member(one) for one in ("cy@x.test", BOB, ANN))
    assert said == {("refresh", LAMP, (cy,)), ("refresh", RUG, (bob,)), ("remove", LAMP, (ann,))}


@pytest.mark.slow
def test_a_broken_refresh_of_which_nobody_is_left(shop: AdShop) -> None:
    """The platform may hold whoever was said before it broke off: that nobody is wanted is said, too."""
    shop.run()
    remember(shop, LONG_AGO, LAMP)
    shop.says(ANN, granted=False)
    shop.google.log.clear()
    shop.run(hours=1, everybody=True)
    assert ("refresh", LAMP, ()) in {(verb, shop.google.labels[name], who) for verb, name, who in shop.google.log}
    shop.google.log.clear()
    shop.run(hours=2, everybody=True)
    assert shop.google.log == []


@pytest.mark.slow
def test_a_report_tells_of_all_that_was_said(shop: AdShop, monkeypatch: pytest.MonkeyPatch) -> None:
    """What left before a rest, too; and refreshes that were broken off as well as those that are due."""
    with monkeypatch.context() as patch:
        rest = Resting("rests", resume_at=datetime.now(UTC))
        patch.setattr(shop.google, "deliver", after_one(shop.google.deliver, rest))
        first = shop.run()
    assert first.status == "done"
    assert [counts["add"] for counts in first.plans["google"].values()] == [1, 1]
    remember(shop, LONG_AGO, LAMP)
    remember(shop, (NOW - timedelta(days=300)).isoformat(), RUG)
    again = shop.run(hours=1, everybody=True)
    assert again.books["google:refresh"] == Ledger(planned=2, acknowledged=2)


@pytest.mark.slow
def test_a_push_that_told_no_platform_is_not_green(shop: AdShop) -> None:
    """Ann withdrew while Google was down. A push alone, since when more was pulled, does not close that."""
    shop.run()
    shop.says(ANN, granted=False)
    shop.google.trouble = RetryLater("is down")
    assert shop.run(hours=1).status == "deferred"
    shop.google.trouble = None
    shop.buyer(5, "eve@x.test")
    assert shop.run(hours=2, only="push").status == "deferred"
    assert shop.run(hours=3).status == "done"
    assert shop.google.holds(ANN) == set()
