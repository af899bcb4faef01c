"""How a run ends: every way there is, and that only one of them is green."""

from datetime import UTC, datetime
from typing import Any

import pytest

from connector.errors import RetryLater
from connector.pipeline.options import Options
from connector.pipeline.report import EXIT_CODES, Report
from connector.pipeline.run import _status
from connector.pull import Book
from connector.push.deliver import Ledger

NOW = datetime(2026, 11, 22, tzinfo=UTC)
READ = Book(read=10, kept=8, skipped=1, rejected=1)
LOST = Book(read=10, kept=8, skipped=1)
SENT = Ledger(planned=5, acknowledged=4, rejected=1)
HALF = Ledger(planned=5, acknowledged=2, deferred=3)
DOUBLED = Ledger(planned=5, acknowledged=6, deferred=-1)

CASES: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "all done": ({"crm": READ, "crm:push": SENT}, {}, "done"),
    "nothing to do": ({}, {}, "done"),
    "a row is not accounted for": ({"crm": LOST, "crm:push": SENT}, {}, "failed"),
    "more was acknowledged than planned": ({"crm:push": DOUBLED}, {}, "failed"),
    "a row is lost, and a guard stops": ({"crm": LOST}, {"held": ["plan"]}, "failed"),
    "a part is not sent": ({"crm": READ, "crm:push": HALF}, {}, "deferred"),
    "a source was cut short": ({"crm": READ}, {"status": "deferred"}, "deferred"),
    "a destination was left alone with nothing to send": ({"crm:push": Ledger()}, {"status": "deferred"}, "deferred"),
    "a guard stops a list": ({"crm:push": HALF}, {"held": ["plan"]}, "guarded"),
    "a sweep is stopped": ({"crm": READ}, {"stopped": True}, "guarded"),
    "a guard stops one, another is down": ({}, {"held": ["plan"], "status": "deferred"}, "guarded"),
    "a plan only": ({"crm:push": HALF}, {"dry_run": True}, "planned"),
    "a plan only, of half the news": ({"crm:push": HALF}, {"dry_run": True, "status": "deferred"}, "deferred"),
    "a plan only, with a sweep stopped": ({}, {"dry_run": True, "stopped": True}, "guarded"),
    "a pull only": ({"crm": READ}, {"only": "pull"}, "planned"),
    "a pull only, cut short": ({"crm": READ}, {"only": "pull", "status": "deferred"}, "deferred"),
    "a decision only": ({}, {"only": "decide"}, "planned"),
    "a push only": ({"crm:push": SENT}, {"only": "push"}, "done"),
}


@pytest.mark.parametrize("case", CASES)
def test_every_way_to_end(case: str) -> None:
    """Green is a run that was whole and balanced, and nothing else."""
    books, how, status = CASES[case]
    options = Options(dry_run=how.pop("dry_run", False), only=how.pop("only", ""))
    report = Report(number=1, as_of=NOW, books=books, **how)
    assert _status(report, options) == status
    whole = report.balanced and not report.held and not report.stopped and report.status != "deferred"
    assert (EXIT_CODES[status] == 0) <= whole
    assert (status == "done") <= all(not getattr(book, "deferred", 0) for book in books.values())


def test_what_is_planned_anew_does_not_hide_what_has_left_already() -> None:
    """After a rest the plan is what is left; told is what there was to do. Another destination's is its own."""
    report = Report(number=1, as_of=NOW)
    report.keep_plan("crm", {"buyers": {"add": 500, "remove": 2}, "others": {"add": 1, "remove": 0}})
    report.keep_plan("crm", {"buyers": {"add": 200, "remove": 3}, "gone": {"add": 9, "remove": 0}})
    report.keep_plan("ads", {"buyers": {"add": 1, "remove": 0}})
    assert report.plans["crm"] == {
        "buyers": {"add": 500, "remove": 3},
        "others": {"add": 1, "remove": 0},
        "gone": {"add": 9, "remove": 0},
    }


def test_what_is_cut_short_says_when_it_goes_on() -> None:
    """The earliest of several; a sentence is told once."""
    report = Report(number=1, as_of=NOW)
    for day in (3, 2):
        report.cut_short("crm", RetryLater("is down", resume_at=NOW.replace(month=12, day=day)))
    assert report.notes == ["crm: is down"]
    assert report.resume_at == NOW.replace(month=12, day=2)
