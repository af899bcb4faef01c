"""How writes leave: suppressions before anything else, one blocked property or missing scope stops nobody else."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from cli import Command
from small_shop import END

from connector.errors import SetupError
from connector.home import open_home
from connector.pipeline import Options, Report, run
from connector.sandbox.faults import Fault
from connector.sandbox.serve import Sandbox

pytestmark = pytest.mark.slow

OBJECTS, LISTS = "/crm/objects/2026-09", "/crm/lists/2026-09"
DANA, CARL, OLGA = "101", "103", "104"
MARKED = {
    DANA: "lamplighter_audiences_exclude",
    OLGA: "lamplighter_audiences_exclude",
    CARL: "lamplighter_audiences_email",
}
CHANGES = ("memberships/add-and-remove", "batch/update")


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
    """Name without prefix -> members."""
    state = portal.portal.state()["lists"]
    return {name.removeprefix("Lamplighter: "): set(one["members"]) for name, one in state.items()}


def properties(portal: Sandbox, contact: str) -> dict[str, str]:
    """What we wrote on a contact."""
    found: dict[str, str] = portal.portal.state()["contacts"].get(contact, {})
    return found


def writes(portal: Sandbox) -> list[dict[str, Any]]:
    """Changes of lists and contacts since the journal began, in their order."""
    asked: list[dict[str, Any]] = portal.journal.since(0)["requests"]
    return [one for one in asked if any(change in one["operation"] for change in CHANGES)]


def setting(home: Path, line: str) -> None:
    """The admin adds a setting of HubSpot."""
    path = home / "lamplighter.yaml"
    path.write_text(path.read_text().replace("hubspot:\n", f"hubspot:\n  {line}\n", 1))


def test_suppressions_of_all_lists_leave_before_anything_else(home: Path, portal: Sandbox) -> None:
    """Carl buys what he left in the cart: out of the mailing list, into the exclusions, only then his properties."""
    passed(home)
    portal.portal.create_order(CARL, [("FLO-BRASS", "1", "200.00")], ordered_at=datetime.fromisoformat(END))
    portal.clock.advance(10)
    portal.journal.clear()
    report = passed(home, everybody=True)
    assert report.status == "done"
    sent = [one["body"] for one in writes(portal)]
    assert [body.get("recordIdsToRemove") for body in sent[:2]] == [[CARL], []]
    assert [body.get("recordIdsToAdd") for body in sent[:2]] == [[], [CARL]]
    assert all("inputs" in body for body in sent[2:]) and len(sent) > 2


def test_suppressions_leave_where_properties_cannot_be_made(home: Path, portal: Sandbox) -> None:
    """The account has no room for our properties: the admin must act, but nobody is retargeted meanwhile."""
    portal.faults.add(Fault(path_contains="/properties/2026-09/contacts/batch/create", status=400, times=10_000))
    with pytest.raises(SetupError):
        passed(home)
    assert lists(portal)["Recent buyers"] == {DANA, OLGA}
    portal.faults.clear()
    assert passed(home).status == "done"
    assert lists(portal)["Left in the cart"] == {CARL}


def test_a_blocked_property_costs_no_other(home: Path, portal: Sandbox, lamplighter: Command) -> None:
    """A validation rule refuses one property: the rest is written, the refusal kept by name, and not repeated."""
    rule = {"contacts": {"lamplighter_rfm_cell": {"ruleType": "MAX_LENGTH", "ruleArguments": ["2"]}}}
    portal.portal.configure({"validation_rules": rule})
    report = passed(home)
    assert (report.status, report.balanced) == ("done", True)
    assert properties(portal, DANA)["lamplighter_last_purchase"] == "2026-09-10"
    assert "lamplighter_rfm_cell" not in properties(portal, DANA)
    refused = lamplighter("status", "--home", home, "--json").json["refused"]
    assert all("rfm_cell: " in row["reason"] and "MAX_LENGTH" in row["reason"] for row in refused)
    assert "Refused changes" in lamplighter("status", "--home", home).out
    portal.clock.advance(10)
    portal.journal.clear()
    assert passed(home, everybody=True).status == "done"
    assert writes(portal) == []
    portal.portal.configure({"validation_rules": {}})
    assert lamplighter("retry", "--home", home, "--json").code == 0
    assert properties(portal, DANA)["lamplighter_rfm_cell"]
    assert lamplighter("status", "--home", home, "--json").json["refused"] == []


def test_a_scope_lost_in_the_middle_keeps_what_is_done(home: Path, portal: Sandbox) -> None:
    """403 at the properties: suppressions stay acknowledged, the admin reads the scope, the next run does the rest."""
    scopes = portal.portal.settings.scopes
    passed(home, only="pull")
    portal.faults.add(Fault(path_contains="/contacts/batch/update", status=403))
    with pytest.raises(SetupError, match="HubSpot refused POST /crm/objects/2026-09/contacts/batch/update"):
        passed(home)
    assert lists(portal) == {"Recent buyers": {DANA, OLGA}, "Left in the cart": set()}
    portal.portal.configure({"scopes": scopes})
    portal.journal.clear()
    assert passed(home).status == "done"
    assert lists(portal) == {"Recent buyers": {DANA, OLGA}, "Left in the cart": {CARL}}
    assert DANA not in [one for each in writes(portal) for one in each["body"].get("recordIdsToAdd", [])]


def test_an_account_that_is_being_moved_defers(home: Path, portal: Sandbox) -> None:
    """477 in the middle of a push: exit 3 with books that balance; later everything is there."""
    portal.faults.add(Fault(path_contains="/contacts/batch/update", status=477, retry_after=3_600, times=10_000))
    report = passed(home)
    assert (report.status, report.exit_code, report.balanced) == ("deferred", 3, True)
    assert lists(portal)["Recent buyers"] == {DANA, OLGA}
    portal.faults.clear()
    assert passed(home).status == "done"
    assert lists(portal)["Left in the cart"] == {CARL}


def test_audiences_as_properties(home: Path, portal: Sandbox) -> None:
    """No list is made; each contact carries its audiences; a second pass writes nothing; hand-work is respected."""
    setting(home, "lists: properties")
    assert passed(home).status == "done"
    assert lists(portal) == {}
    for contact, name in MARKED.items():
        value = "recent_buyers" if name.endswith("exclude") else "cart_abandoners"
        assert properties(portal, contact)[name] == value
    portal.clock.advance(10)
    passed(home)  # reads our own echo
    portal.clock.advance(10)
    portal.journal.clear()
    assert passed(home, everybody=True).status == "done"
    assert writes(portal) == []
    act(portal, "PATCH", f"{OBJECTS}/contacts/{DANA}", {"properties": {MARKED[DANA]: ""}})
    report = passed(home, sweeps=("memberships",))
    assert any("1 were taken out of recent_buyers by hand" in note for note in report.notes)
    passed(home, everybody=True)
    assert MARKED[DANA] not in properties(portal, DANA)


def test_from_lists_to_properties_and_back(home: Path, portal: Sandbox) -> None:
    """After a change of the setting everything is written in the new place, and the admin is told of the old one."""
    passed(home)
    setting(home, "lists: properties")
    report = passed(home)
    assert (report.status, properties(portal, DANA)[MARKED[DANA]]) == ("done", "recent_buyers")
    assert any("cart_abandoners, recent_buyers are kept in another place" in note for note in report.notes)
    left = portal.portal.state()["lists"]
    act(portal, "DELETE", f"{LISTS}/{left['Lamplighter: Recent buyers']['id']}")
    act(portal, "PUT", f"{LISTS}/{left['Lamplighter: Left in the cart']['id']}/memberships/add", [OLGA])
    setting(home, "lists: static")
    path = home / "lamplighter.yaml"
    path.write_text(path.read_text().replace("  lists: properties\n", ""))
    assert passed(home).status == "done"
    assert lists(portal) == {"Recent buyers": {DANA, OLGA}, "Left in the cart": {CARL}}
