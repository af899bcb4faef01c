"""`run`, `status`, `retry` and `audiences` on a shop of four contacts: what they print, and how they end."""

from pathlib import Path
from typing import Any

import pytest
from cli import Command
from small_shop import END

from connector.model import Delivery, Receipt
from connector.sandbox.faults import Fault
from connector.sandbox.serve import Sandbox
from connector.store import Store, acknowledged, leases

TOP = ("run", "facts", "books", "audiences", "calls")
"""Keys of DESIGN.md section 6; others may stand beside them."""


pytestmark = pytest.mark.usefixtures("impatient")


def passed(lamplighter: Command, home: Path, *words: str) -> Any:
    """The report of a pass as of the shop's last moment."""
    done = lamplighter("run", "--json", "--as-of", END, "--home", home, *words)
    assert done.code == 0, done.out + done.err
    return done.json


def test_the_json_of_a_run_has_its_documented_keys(home: Path, lamplighter: Command) -> None:
    """Programs may rely on them; the figures are those of the shop."""
    report = passed(lamplighter, home)
    assert set(TOP) <= set(report)
    assert set(report["run"]) >= {"id", "status", "as_of", "seconds"}
    assert report["run"]["status"] == "done"
    assert set(report["run"]["seconds"]) == {"pull", "decide", "push"}
    facts = report["facts"]
    assert (facts["contacts"], facts["orders"], facts["order_lines"], facts["guest_orders"]) == (4, 5, 5, 1)
    assert (facts["pairs_sold"], facts["pairs_owned"], facts["pairs_returned"]) == (3, 2, 1)
    assert (facts["impressions_after_purchase"], float(facts["cost_after_purchase"])) == (2, 0.05)
    assert set(report["books"]["hubspot"]) == {"read", "kept", "skipped", "rejected"}
    assert set(report["books"]["hubspot:push"]) == {"planned", "acknowledged", "deferred", "rejected"}
    assert set(report["audiences"]["recent_buyers"]) >= {"purpose", "size", "added", "removed"}
    assert set(report["calls"]["hubspot"]) >= {"made", "floor", "retried", "budget_left"}


def test_a_second_run_without_news_writes_nothing(home: Path, lamplighter: Command, portal: Sandbox) -> None:
    """Counted by the CRM itself."""
    passed(lamplighter, home)
    portal.journal.clear()
    report = passed(lamplighter, home)
    assert portal.journal.counts()["writes"] == 0
    assert report["calls"]["hubspot"]["writes"] == 0
    assert portal.journal.counts()["reads"] == report["calls"]["hubspot"]["reads"]


def test_a_dry_run_shows_the_plan_and_writes_nothing(home: Path, lamplighter: Command, portal: Sandbox) -> None:
    """Neither list nor property is made; the plan names lists with what each would gain."""
    done = lamplighter("run", "--dry-run", "--as-of", END, "--home", home)
    assert done.code == 0, done.err
    assert "Plan for hubspot" in done.out
    assert "recent_buyers" in done.out
    assert portal.journal.counts()["writes"] == 0


def test_a_run_is_readable_too(home: Path, lamplighter: Command) -> None:
    """Status, books, lists and calls, and nothing on stderr."""
    done = lamplighter("run", "--as-of", END, "--home", home)
    assert (done.code, done.err) == (0, "")
    assert "Run 1 as of 2026-09-30T12:00:00+00:00: done" in done.out
    assert "hubspot:push: planned" in done.out
    assert "0 of them repeated), floor" in done.out


@pytest.mark.slow
def test_one_stage_alone(home: Path, lamplighter: Command, portal: Sandbox) -> None:
    """--only leaves the others out; what was pulled is decided later all the same."""
    assert passed(lamplighter, home, "--only", "pull")["run"]["status"] == "planned"
    portal.journal.clear()
    assert passed(lamplighter, home, "--only", "decide")["run"]["decided"] == 4
    assert portal.journal.counts()["total"] == 0
    assert passed(lamplighter, home)["audiences"]["recent_buyers"]["size"] == 2


@pytest.mark.slow
def test_decisions_are_for_the_moment_that_is_named(home: Path, lamplighter: Command) -> None:
    """Before Dana's order nobody keeps her lamp out of her ads. A time without zone is UTC."""
    done = lamplighter("run", "--json", "--as-of", "2026-09-10T09:00", "--home", home)
    assert done.json["run"]["as_of"] == "2026-09-10T09:00:00+00:00"
    assert done.json["facts"]["pairs_owned"] == 1
    assert passed(lamplighter, home)["facts"]["pairs_owned"] == 2


def test_an_account_that_is_down_is_deferred(home: Path, lamplighter: Command, portal: Sandbox) -> None:
    """Exit 3, the reason in the notes; when it is up again the next run completes."""
    portal.faults.add(Fault(status=503, times=10_000))
    done = lamplighter("run", "--as-of", END, "--home", home)
    assert done.code == 3
    assert "deferred" in done.out
    assert "! hubspot:" in done.out
    portal.faults.clear()
    assert passed(lamplighter, home)["audiences"]["recent_buyers"]["size"] == 2


@pytest.mark.slow
def test_an_account_that_takes_no_writes_is_deferred(home: Path, lamplighter: Command, portal: Sandbox) -> None:
    """Exit 3 where our properties cannot be made: suppressions have left, the rest is deferred, the books balance."""
    portal.faults.add(Fault(method="POST", path_contains="/properties/", times=10_000, status=503))
    done = lamplighter("run", "--json", "--as-of", END, "--home", home)
    assert done.code == 3
    book = done.json["books"]["hubspot:push"]
    assert (book["acknowledged"], book["deferred"]) == (2, book["planned"] - 2)
    portal.faults.clear()
    assert passed(lamplighter, home)["audiences"]["recent_buyers"]["size"] == 2


def test_a_token_that_stopped_working_is_a_set_up_error(
    home: Path, lamplighter: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 2 with the way out; status shows the failed run and why."""
    monkeypatch.setenv("SHOP_TOKEN", "revoked")
    done = lamplighter("run", "--home", home)
    assert done.code == 2
    assert "revoked" not in done.out + done.err
    last = lamplighter("status", "--json", "--home", home).json["runs"][0]
    assert last["status"] == "failed"
    assert last["message"]


def test_two_passes_do_not_run_at_once(home: Path, lamplighter: Command, store: Store) -> None:
    """Whoever comes second is told who is at work: exit 3."""
    with leases.held(store, "pass"):
        done = lamplighter("run", "--home", home)
    assert done.code == 3
    assert "at work on this home" in done.err


@pytest.mark.slow
def test_a_guard_stops_a_list_until_somebody_approves(home: Path, lamplighter: Command, portal: Sandbox) -> None:
    """Exit 4 and the command to approve; the other lists are pushed; approved, the change goes through."""
    _no_change_without_approval(home)
    passed(lamplighter, home)
    portal.portal.create_order("102", [("BULB", "1", "5.00")])
    stopped = lamplighter("run", "--as-of", "2026-12-01T00:00", "--home", home)
    assert stopped.code == 4
    plan = lamplighter("status", "--json", "--home", home).json["waiting"][0]["plan"]
    assert f"lamplighter run --approve {plan}" in stopped.out
    assert plan in lamplighter("status", "--home", home).out
    approved = lamplighter("run", "--approve", plan, "--as-of", "2026-12-01T00:00", "--home", home)
    assert approved.code == 0, approved.out
    assert lamplighter("status", "--json", "--home", home).json["waiting"] == []


def _no_change_without_approval(home: Path) -> None:
    rule = "- {name: buyers, label: Buyers, purpose: exclude, rule: {suppressed: true}, reason: 'bought {title}', "
    policy = "policy: {suppression: {cool_off: 2d}}"
    text = f"{policy}\naudiences:\n  {rule}guard: {{percent: 0, at_least: 0}}}}\n"
    (home / "mappings" / "audiences.yaml").write_text(text)


def test_approving_a_plan_that_does_not_wait_is_a_set_up_error(home: Path, lamplighter: Command) -> None:
    """Exit 2."""
    done = lamplighter("run", "--approve", "nothing", "--home", home)
    assert (done.code, "lamplighter status" in done.err) == (2, True)


@pytest.mark.slow
def test_retry_asks_again_for_what_was_refused(home: Path, lamplighter: Command, store: Store, portal: Sandbox) -> None:
    """A refused wish is left alone by runs, and comes true after `retry`."""
    passed(lamplighter, home)
    member = acknowledged.members(store, "hubspot")[0][:2]
    _forget_and_refuse(store, *member)
    portal.journal.clear()
    passed(lamplighter, home, "--only", "pull")
    passed(lamplighter, home)
    assert portal.journal.counts()["writes"] == 0
    done = lamplighter("retry", "--json", "--home", home)
    assert done.code in (0, 4), done.err
    assert portal.journal.counts()["writes"] > 0
    assert acknowledged.refusals(store, "hubspot") == {}


def _forget_and_refuse(store: Store, audience: str, member: str) -> None:
    wish = Delivery(id="x", destination="hubspot", kind="membership", audience=audience, remove=(member,))
    again = Delivery(id="y", destination="hubspot", kind="membership", audience=audience, add=(member,))
    with store.begin() as connection:
        acknowledged.record(connection, wish, Receipt(removed=(member,)), 1)
        acknowledged.record(connection, again, Receipt(rejected={member: "no"}), 1)


def test_status_tells_how_to_begin(home: Path, lamplighter: Command) -> None:
    """Before the first run it says how to make one."""
    assert "lamplighter run" in lamplighter("status", "--home", home).out


def test_status_tells_what_ran_and_where_everything_stands(told: Path, lamplighter: Command) -> None:
    """Runs, cursors and the outbox, for people and programs, while the CRM is away."""
    found = lamplighter("status", "--json", "--home", told).json
    assert [run["status"] for run in found["runs"]] == ["done"]
    assert {"contact", "order_line", "interaction"} <= {one["stream"] for one in found["cursors"]}
    assert set(found["outbox"]) == {"acknowledged"}
    assert (found["rejected"], found["waiting"]) == ([], [])
    shown = lamplighter("status", "--home", told)
    assert (shown.code, "acknowledged" in shown.out) == (0, True)


def test_audiences_have_sizes_purposes_and_reasons(told: Path, lamplighter: Command) -> None:
    """The overview counts wanted and held; `show` gives reasons."""
    rows = {row["name"]: row for row in lamplighter("audiences", "--json", "--home", told).json["audiences"]}
    assert (rows["recent_buyers"]["wanted"], rows["recent_buyers"]["held"]) == (2, 2)
    assert rows["recent_buyers"]["purpose"] == "exclude"
    shown = lamplighter("audiences", "show", "cart_abandoners", "--json", "--home", told).json
    assert shown["members"] == 1
    assert "left Floor lamp in the cart" in shown["some"][0]["reason"]
    assert "Left in the cart" in lamplighter("audiences", "--home", told).out
    assert "Floor lamp" in lamplighter("audiences", "show", "cart_abandoners", "--home", told).out


def test_an_audience_that_is_not_there_is_a_set_up_error(told: Path, lamplighter: Command) -> None:
    """Exit 2."""
    assert lamplighter("audiences", "show", "nobody", "--home", told).code == 2
