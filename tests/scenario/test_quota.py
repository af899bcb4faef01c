"""Limits and the day's quota, enforced by the sandbox: no 429s, room for others, suppressions first, and going on."""

import re
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import small_shop
from cli import Command

from connector.crms import hubspot
from connector.home import open_home
from connector.limits import Clock, never_wait
from connector.mapping import load_mapping
from connector.model import Calls
from connector.pipeline import Options, Report, run
from connector.sandbox.serve import Sandbox
from connector.store.remotes import Remembered

pytestmark = pytest.mark.slow

END = datetime.fromisoformat(small_shop.END)
CREATE = "/crm/objects/2026-09/contacts/batch/create"


class Days:
    """An install whose time is the sandbox's: waits pass at once, on both sides."""

    def __init__(self, home: Path, portal: Sandbox) -> None:
        self.home, self.portal = home, portal
        self.passed = 0.0
        self.slept = 0.0
        self.clock = Clock(now=self.now, monotonic=lambda: time.monotonic() + self.passed, sleep=self.sleep)

    def now(self) -> datetime:
        """The sandbox's time."""
        return datetime.fromtimestamp(self.portal.clock.milliseconds() / 1_000, UTC)

    def sleep(self, seconds: float) -> None:
        """Let time pass on both sides."""
        self.slept += max(0.0, seconds)
        self.pass_(max(0.0, seconds))

    def pass_(self, seconds: float) -> None:
        """The same, without anybody waiting."""
        self.passed += seconds
        self.portal.clock.advance(seconds)

    def pass_until(self, moment: datetime) -> None:
        """Wait for a moment, and a second more."""
        self.pass_((moment - self.now()).total_seconds() + 1)

    def run(self, **options: Any) -> Report:
        """One pass, with everything opened anew."""
        with open_home(self.home) as opened:
            told = hubspot.HubSpotSettings(
                token=lambda: self.portal.token, base_url=self.portal.url, lag_seconds=0, overlap_seconds=0
            )
            crm = hubspot.HubSpot(
                told, load_mapping("hubspot", self.home), Remembered(opened.store, "hubspot"), self.clock
            )
            return run(replace(opened, crms=(crm,)), Options(as_of=END, **options))

    def configure(self, **settings: Any) -> None:
        """Change the portal's settings."""
        self.portal.portal.configure(settings)

    def usage(self) -> dict[str, int]:
        """What the portal counted: `refused` calls, and the highest use of a day at which one of ours got through."""
        found: dict[str, int] = self.portal.portal.limits.usage()
        return found


@pytest.fixture
def days(home: Path, portal: Sandbox, lamplighter: Command) -> Days:
    """A checked install on the small shop with 1,200 further contacts; nothing has run yet."""
    for start in range(0, 1_200, 100):
        rows = [{"properties": {"city": f"Town {number}"}} for number in range(start, start + 100)]
        assert portal.portal.act("POST", CREATE, {"inputs": rows}).status == 201
    assert lamplighter("check", "--home", home).code == 0
    return Days(home, portal)


def calls(report: Report) -> Calls:
    """The calls of a run."""
    return report.calls["hubspot"]


def statuses(portal: Sandbox) -> dict[str, int]:
    """Answers by status."""
    found: dict[str, int] = portal.journal.counts()["statuses"]
    return found


def test_no_429_in_normal_runs(days: Days) -> None:
    """With tight limits a first pass and quiet ones wait their turn, and none of their calls is refused."""
    days.configure(limits=True, ten_seconds=15, associations_ten_seconds=100)
    for _ in range(2):
        assert days.run().status == "done"
        days.pass_(1)  # a process needs as long to start
    assert days.usage()["refused"] == 0
    assert days.slept > 10


def test_another_app_uses_the_same_window(days: Days) -> None:
    """Where another client of the app takes part of the ten seconds, ours slows down instead of collecting 429s."""
    days.configure(limits=True, ten_seconds=30)
    window = days.portal.portal.limits._windows["general"]

    def sleep(seconds: float) -> None:
        days.pass_(max(0.0, seconds))
        busy()

    def busy() -> None:
        now = days.portal.clock.milliseconds()
        window.extend([now] * max(0, 18 - sum(at > now - 10_000 for at in window)))

    days.clock = replace(days.clock, sleep=sleep)
    busy()
    report = days.run()
    assert report.status == "done"
    assert days.usage()["refused"] <= 0.05 * calls(report).made


def test_sixty_percent_to_another_app(days: Days) -> None:
    """Another app makes three calls for two of ours and most of the searches: it takes longer, that is all."""
    days.configure(limits=True, tier="free", others_per_call=1.5, others_searches_per_second=3)
    report = days.run()
    assert (report.status, report.balanced) == ("done", True)
    assert days.usage()["refused"] == calls(report).limited == calls(report).retried
    assert calls(report).limited <= 0.1 * calls(report).made  # it takes a refusal or two to learn of the other app
    assert days.usage()["reached"] <= 200_000


def test_the_reserve_is_kept_day_by_day(days: Days) -> None:
    """The same on a day that is too short: done or deferred, never over the reserve, balanced, and done in the end."""
    days.configure(limits=True, daily_limit=60, daily_used=0, others_per_call=1.5, others_searches_per_second=3)
    reports = []
    while not reports or (reports[-1].status == "deferred" and len(reports) < 9):
        reports.append(days.run())
        assert reports[-1].balanced
        assert days.usage()["reached"] <= 48
        if reports[-1].status == "deferred":
            assert reports[-1].exit_code == 3
            days.pass_until(midnight(reports[-1]))
    assert reports[-1].status == "done"
    assert len(reports) > 2
    assert days.run().plans == {} or days.run().status == "done"


def midnight(report: Report) -> datetime:
    """When a deferred run can go on."""
    assert report.resume_at is not None
    return report.resume_at


def test_forecast_of_the_first_pass(days: Days) -> None:
    """The first pass knows its calls before it makes them, for one search a stream; later ones take one each."""
    first = days.run(only="pull")
    made = calls(first).made
    assert calls(first).forecast is not None
    assert abs((calls(first).forecast or 0) - made) <= 5
    assert calls(days.run(only="pull")).forecast == 4


def test_a_forecast_that_does_not_fit(days: Days, lamplighter: Command) -> None:
    """Told before the pull begins: how many calls are ours, when it goes on, and when it will be done."""
    days.configure(utc_offset_minutes=120)
    assert lamplighter("check", "--home", days.home).code == 0
    days.configure(limits=True, daily_limit=20, daily_used=0)
    report = days.run()
    note = next(each for each in report.notes if "ours to spend" in each)
    assert report.status == "deferred"
    assert f"goes on after {midnight(report):%Y-%m-%d} 22:00 UTC; it will be done on 20" in note


def bought(portal: Sandbox, contact: str) -> int:
    """A contact who never bought does: a suppression, and new properties. Returns the last request before it."""
    portal.portal.create_order(contact, [("FLO-BRASS", "1", "200.00")], ordered_at=END - timedelta(hours=1))
    return int(portal.journal.counts()["last"])


def writes(portal: Sandbox, since: int) -> list[str]:
    """What was written since a request: `members` or `properties`, in order."""
    asked = (one for one in portal.journal.since(since)["requests"] if one["kind"] == "write")
    return ["members" if "memberships" in one["path"] else "properties" for one in asked]


def test_suppressions_first_then_midnight(days: Days, portal: Sandbox, lamplighter: Command) -> None:
    """When the day's calls run out within a push, suppressions have left; exit 3 names the account's midnight, after
    which the rest is done."""
    never_wait(False)  # for its turn to search, a second at most
    days.configure(utc_offset_minutes=-300)
    assert lamplighter("check", "--home", days.home).code == 0
    command = ("run", "--as-of", small_shop.END, "--home", days.home)
    assert lamplighter(*command).code == 0
    since = bought(portal, "200")
    spare, short = 4, []
    while not writes(portal, since):  # days that allow one call more each time, until the first change fits
        spare += 1
        days.configure(limits=True, daily_limit=1_000, daily_used=800 - spare)
        short.append(lamplighter(*command))
        assert portal.portal.settings.daily_used <= 800
    assert short[0].code == 3
    assert re.search(r"deferred; goes on after \d{4}-\d\d-\d\d 05:00 UTC", short[0].out)
    assert writes(portal, since)[0] == "members"
    portal.clock.advance(24 * 3_600)
    assert lamplighter(*command).code == 0
    assert writes(portal, since) == ["members", "properties"]
