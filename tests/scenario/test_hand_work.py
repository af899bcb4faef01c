"""What marketers do to our lists by hand: respected, repaired, or brought back, and always said."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from cli import Command
from small_shop import AUDIENCES, END

from connector.home import open_home
from connector.pipeline import Options, Report, run
from connector.sandbox.faults import Fault
from connector.sandbox.serve import Sandbox
from connector.store import acknowledged, vetoes

pytestmark = pytest.mark.slow

LISTS, OBJECTS = "/crm/lists/2026-09", "/crm/objects/2026-09"
BUYERS, CART = "Lamplighter: Recent buyers", "Lamplighter: Left in the cart"
DANA, ROSA, CARL, OLGA = "101", "102", "103", "104"
READ_BACK = ("memberships",)


def passed(home: Path, **options: Any) -> Report:
    """One pass at the end of the small shop's days."""
    with open_home(home) as opened:
        return run(opened, Options(as_of=datetime.fromisoformat(END), **options))


def act(portal: Sandbox, method: str, path: str, body: Any = None) -> Any:
    """What a person does in HubSpot."""
    answer = portal.portal.act(method, path, body)
    assert answer.status < 300, answer.content
    return answer.content


def lists(portal: Sandbox) -> dict[str, set[str]]:
    """Name -> members."""
    return {name: set(one["members"]) for name, one in portal.portal.state()["lists"].items()}


def list_id(portal: Sandbox, name: str) -> str:
    return str(portal.portal.state()["lists"][name]["id"])


def by_hand(portal: Sandbox, verb: str, name: str, *contacts: str) -> None:
    """A marketer adds contacts to a list, or removes them."""
    act(portal, "PUT", f"{LISTS}/{list_id(portal, name)}/memberships/{verb}", list(contacts))


def delete(portal: Sandbox, name: str) -> None:
    """A marketer deletes a list."""
    act(portal, "DELETE", f"{LISTS}/{list_id(portal, name)}")


def told(report: Report, words: str) -> bool:
    return any(words in note for note in report.notes)


@pytest.fixture
def settled(home: Path, portal: Sandbox) -> Path:
    """The install after a first pass; both lists are as wanted."""
    assert passed(home).status == "done"
    assert lists(portal) == {BUYERS: {DANA, OLGA}, CART: {CARL}}
    return home


def test_whom_a_marketer_took_out_stays_out(settled: Path, portal: Sandbox, lamplighter: Command) -> None:
    """Noticed by reading back; neither a later pass nor a retry of refusals brings them back, lifting it does."""
    by_hand(portal, "remove", BUYERS, DANA)
    report = passed(settled, sweeps=READ_BACK)
    assert (report.status, report.books["hubspot:push"].as_json()["planned"]) == ("done", 0)
    assert told(report, "1 were taken out of recent_buyers by hand and stay out")
    assert passed(settled, everybody=True, sweeps=READ_BACK).status == "done"
    assert lamplighter("retry", "--home", settled, "--json").code == 0
    assert lists(portal)[BUYERS] == {OLGA}
    shown = lamplighter("explain", "dana@example.com", "--home", settled, "--json").json["lists"]
    assert shown[0]["at"]["hubspot"].startswith("removed by hand on 20")
    status = lamplighter("status", "--home", settled, "--json").json["by_hand"]
    assert status == [{"destination": "hubspot", "list": "recent_buyers", "members": 1}]
    assert "Taken out of lists by hand" in lamplighter("status", "--home", settled).out
    assert "no list 'buyers'" in lamplighter("retry", "--list", "buyers", "--home", settled).err
    again = lamplighter("retry", "--list", "recent_buyers", "--home", settled)
    assert "1 people who were taken out of recent_buyers" in again.out
    assert lists(portal)[BUYERS] == {DANA, OLGA}


def test_a_veto_passes_to_the_survivor_of_a_merge(settled: Path, portal: Sandbox) -> None:
    """Dana, taken out, is merged with Rosa: the new contact stays out too."""
    by_hand(portal, "remove", BUYERS, DANA)
    passed(settled, sweeps=READ_BACK)
    merged = {"primaryObjectId": DANA, "objectIdToMerge": ROSA}
    survivor = str(act(portal, "POST", f"{OBJECTS}/contacts/merge", merged)["id"])
    assert passed(settled).status == "done"
    assert passed(settled, everybody=True, sweeps=READ_BACK).status == "done"
    assert survivor not in lists(portal)[BUYERS]
    with open_home(settled) as opened:
        assert list(vetoes.vetoes(opened.store, "hubspot")) == [("recent_buyers", survivor)]


def test_whom_a_marketer_puts_back_may_stay(settled: Path, portal: Sandbox) -> None:
    """Taken out, then put in again by hand: no veto is left, and the next pass keeps them."""
    by_hand(portal, "remove", BUYERS, DANA)
    passed(settled, sweeps=READ_BACK)
    by_hand(portal, "add", BUYERS, DANA)
    assert passed(settled, sweeps=READ_BACK).status == "done"
    assert lists(portal)[BUYERS] == {DANA, OLGA}
    with open_home(settled) as opened:
        assert vetoes.counts(opened.store) == []


def test_nobody_stays_in_a_mailing_list_without_belonging_there(settled: Path, portal: Sandbox) -> None:
    """Olga has opted out; somebody puts her into a mailing list: out again in the run that reads it."""
    by_hand(portal, "add", CART, OLGA)
    report = passed(settled, sweeps=READ_BACK)
    assert (report.status, lists(portal)[CART]) == ("done", {CARL})
    assert report.books["hubspot:push"].as_json()["acknowledged"] == 1
    assert told(report, "1 were put into cart_abandoners by hand")


def test_a_contact_that_is_gone_is_no_hand_work(settled: Path, portal: Sandbox) -> None:
    """A deleted contact leaves its lists: forgotten, not vetoed."""
    act(portal, "DELETE", f"{OBJECTS}/contacts/{DANA}")
    report = passed(settled, sweeps=READ_BACK)
    assert not told(report, "by hand")
    with open_home(settled) as opened:
        assert vetoes.counts(opened.store) == []


def test_a_contact_that_was_deleted_and_comes_back_is_as_before(settled: Path, portal: Sandbox) -> None:
    """Restored from HubSpot's bin: still kept out of the list, and what stands on the contact is what is true now."""
    by_hand(portal, "remove", BUYERS, DANA)
    passed(settled, sweeps=READ_BACK)
    before = portal.portal.state()["contacts"][DANA]
    act(portal, "DELETE", f"{OBJECTS}/contacts/{DANA}")
    assert passed(settled, sweeps=("all",)).status == "done"
    portal.portal.restore("contacts", DANA)
    stale = {"properties": {name: "2001-01-01" for name in before if name.endswith("_until")}}
    act(portal, "PATCH", f"{OBJECTS}/contacts/{DANA}", stale)
    portal.clock.advance(5)
    assert passed(settled, sweeps=("all",)).status == "done"
    assert portal.portal.state()["contacts"][DANA] == before
    assert lists(portal)[BUYERS] == {OLGA}


def test_a_list_that_is_no_audience_any_more_is_kept_empty(settled: Path, portal: Sandbox) -> None:
    """Retired, emptied, and somebody is in it again: out with the next reading; nobody is vetoed by that."""
    (settled / "mappings" / "audiences.yaml").write_text(AUDIENCES.partition("  - name: cart_abandoners")[0])
    assert passed(settled).status == "done"
    assert lists(portal)[CART] == set()
    by_hand(portal, "add", CART, OLGA)
    assert passed(settled, sweeps=READ_BACK).status == "done"
    assert lists(portal)[CART] == set()


def test_a_list_that_is_an_audience_again_holds_who_belongs_there(settled: Path, portal: Sandbox) -> None:
    """Retired, deleted by a marketer, and wanted again with other people: it is restored with those of then, who go."""
    ours = settled / "mappings" / "audiences.yaml"
    ours.write_text(AUDIENCES.partition("  - name: cart_abandoners")[0])
    delete(portal, CART)
    assert passed(settled).status == "done"
    rule, purpose = "{trait: {orders: {at_least: 1}}}", "insight"
    again = AUDIENCES.replace("{carted: {within: 30d, not_bought: true}}", rule).replace("email", purpose)
    ours.write_text(again.replace("left {title} in the cart on {date}", "{orders} orders"))
    report = passed(settled)
    assert (report.status, report.balanced) == ("done", True)
    assert DANA in lists(portal)[CART] and CARL not in lists(portal)[CART]
    with open_home(settled) as opened:
        assert set(acknowledged.members_of(opened.store, "hubspot", "cart_abandoners")) == lists(portal)[CART]


def test_quiet_lists_cost_a_look_each_and_nothing_else(settled: Path, portal: Sandbox) -> None:
    """No difference: two calls a list, as the floor has it, and no write."""
    for _ in range(2):  # the first pass after a push reads what it wrote
        portal.clock.advance(10)
        quiet = passed(settled)
    portal.clock.advance(10)
    portal.journal.clear()
    report = passed(settled, sweeps=READ_BACK)
    calls, before = report.calls["hubspot"], quiet.calls["hubspot"]
    assert (report.status, calls.made - before.made, calls.writes) == ("done", 4, 0)
    assert (calls.floor or 0) - (before.floor or 0) == 4


def test_an_emptied_list_is_filled_again(home: Path, portal: Sandbox) -> None:
    """More than the guard allows and more than half, at once: an accident, not hand-work; no approval is asked for."""
    guarded = AUDIENCES.replace(
        "    purpose: exclude\n", "    purpose: exclude\n    guard: {percent: 10, at_least: 1}\n"
    )
    (home / "mappings" / "audiences.yaml").write_text(guarded)
    passed(home)
    by_hand(portal, "remove", BUYERS, DANA, OLGA)
    report = passed(home, sweeps=READ_BACK)
    assert (report.status, lists(portal)[BUYERS]) == ("done", {DANA, OLGA})
    assert told(report, "2 members of recent_buyers are gone from it at once")


def test_a_deleted_list_is_restored_with_the_hand_work_in_it(settled: Path, portal: Sandbox) -> None:
    """Found by reading back: the same list again, and whom somebody took out before stays out."""
    by_hand(portal, "remove", BUYERS, DANA)
    passed(settled, sweeps=READ_BACK)
    before = list_id(portal, BUYERS)
    delete(portal, BUYERS)
    report = passed(settled, sweeps=READ_BACK)
    assert (report.status, report.balanced) == ("done", True)
    assert told(report, "recent_buyers was deleted; it was restored. To retire it for good, remove recent_buyers from")
    assert (list_id(portal, BUYERS), lists(portal)[BUYERS]) == (before, {OLGA})


def test_a_list_deleted_too_long_ago_is_filled_anew(settled: Path, portal: Sandbox) -> None:
    """Nothing to restore after 90 days: another list with everybody in it."""
    before = list_id(portal, BUYERS)
    delete(portal, BUYERS)
    portal.clock.advance(91 * 86_400)
    report = passed(settled, sweeps=READ_BACK)
    assert (report.status, report.balanced) == ("done", True)
    assert told(report, "recent_buyers was deleted; a new one is filled")
    assert lists(portal)[BUYERS] == {DANA, OLGA}
    assert list_id(portal, BUYERS) != before


def test_a_list_deleted_twice_stays_deleted(settled: Path, portal: Sandbox, lamplighter: Command) -> None:
    """A marketer's decision: every run says so and is green; the other list goes on; a retry by name brings it back."""
    for _ in range(2):
        delete(portal, BUYERS)
        report = passed(settled, sweeps=READ_BACK)
    for again in (report, passed(settled), passed(settled, everybody=True)):
        assert (again.status, again.balanced) == ("done", True)
        assert told(again, "there is no list recent_buyers")
        assert told(again, "lamplighter retry --list recent_buyers")
    assert lists(portal) == {CART: {CARL}}
    missing = lamplighter("status", "--home", settled, "--json").json["missing_lists"]
    assert [row["list"] for row in missing] == ["recent_buyers"]
    assert "Lists that are not there" in lamplighter("status", "--home", settled).out
    assert lamplighter("retry", "--list", "recent_buyers", "--home", settled, "--json").code == 0
    assert lists(portal)[BUYERS] == {DANA, OLGA}
    assert not told(passed(settled), "there is no list")


def test_one_list_too_many_is_refused_alone(home: Path, portal: Sandbox, lamplighter: Command) -> None:
    """The limit is named, the other list is filled, the books balance; with room a retry fills the rest."""
    settings = (home / "lamplighter.yaml").read_text()
    (home / "lamplighter.yaml").write_text(settings.replace("hubspot:\n", "hubspot:\n  max_lists: 1\n"))
    report = passed(home)
    assert (report.status, report.balanced, len(lists(portal))) == ("done", True, 1)
    assert told(report, "as many as hubspot.max_lists allows")
    assert told(report, "changes are left out")
    (home / "lamplighter.yaml").write_text(settings)
    assert told(passed(home), "there is no list")
    assert lamplighter("retry", "--home", home, "--json").code == 0
    assert len(lists(portal)) == 2
    assert passed(home).status == "done"
    assert lists(portal) == {BUYERS: {DANA, OLGA}, CART: {CARL}}


def test_a_crm_that_fails_while_lists_are_read_defers(settled: Path, portal: Sandbox) -> None:
    """Nothing is concluded from half an answer: exit 3, and the next run reads again."""
    portal.faults.add(Fault(path_contains="/memberships", empty=True, times=10_000))
    report = passed(settled, sweeps=READ_BACK)
    assert (report.status, report.exit_code) == ("deferred", 3)
    portal.faults.clear()
    assert passed(settled, sweeps=READ_BACK).status == "done"
    assert lists(portal) == {BUYERS: {DANA, OLGA}, CART: {CARL}}
