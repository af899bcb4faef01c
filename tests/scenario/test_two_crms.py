"""Both CRMs in one home: one person, one holding, one decision, and each CRM gets its own people."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from small_shop import AUDIENCES, END, FILES, write
from two_crms import CRMS, Pair, derived, pair

from connector.cli.demo_world import end_of
from connector.errors import SetupError
from connector.home import open_home
from connector.pipeline import Report
from connector.sandbox.faults import Fault
from connector.store import breakers
from connector.store.tables import breaker

pytestmark = pytest.mark.slow

DANA, ROSA, CARL, OLGA = "1", "2", "3", "4"
CART, BUYERS = "Left in the cart", "Recent buyers"
NOW = datetime.fromisoformat(END)
Open = Callable[..., Pair]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Open]:
    """Opens the small shop in both CRMs. `hubspot`, `salesforce`: the customers it keeps there; None: all."""
    with ExitStack() as opened:

        def make(hubspot: str | None = None, salesforce: str | None = None) -> Pair:
            kept = {"hubspot": hubspot, "salesforce": salesforce}
            worlds = {crm: _world(tmp_path / crm, kept[crm]) for crm in CRMS}
            return opened.enter_context(pair(tmp_path / "home", worlds, NOW, AUDIENCES))

        yield make


def buyers(both: Pair, crm: str) -> set[str]:
    """Who of those that kept what they bought is kept out of its ads."""
    return both.lists(crm)[BUYERS] & {DANA, OLGA}


def _world(folder: Path, kept: str | None) -> Path:
    write(folder)
    head, *people = FILES["contacts.csv"].splitlines(keepends=True)
    if kept is not None:
        (folder / "contacts.csv").write_text(head + "".join(one for one in people if one[0] in kept), "utf-8")
    return folder


def test_one_shop_in_both_crms_is_one_shop(
    settled: tuple[Path, dict[str, Any], Report], lamp_world: Path, tmp_path: Path
) -> None:
    """Persons, holdings and suppressions as with one CRM; lists and fields in both; the next run writes nothing."""
    with pair(tmp_path / "both", dict.fromkeys(CRMS, lamp_world), end_of(lamp_world)) as both:
        assert both.run().status == "done"
        again = both.run()
        assert (again.status, [again.calls[crm].writes for crm in CRMS]) == ("done", [0, 0])
        lists = both.lists("hubspot")
        assert any(lists.values())
        assert both.lists("salesforce") == lists
        written = [set(both.properties(crm)) for crm in CRMS]
        assert written[0] == written[1]
    alone = settled[0] / "home"
    told = {
        "person": (),
        "holding": ("family", "net_quantity", "first_purchase_at", "last_return_at", "last_order_id"),
        "suppression": ("family", "since", "until"),
    }
    for table, columns in told.items():
        found = derived(both.home, table, *columns)
        assert found
        assert found == derived(alone, table, *columns), table


def test_each_crm_gets_its_own_people(shop: Open) -> None:
    """Who is in one CRM only is never made in the other; a sale counts by the CRM that knows the buyer."""
    both = shop(hubspot=DANA + CARL, salesforce=ROSA + OLGA + CARL)
    assert both.run(facts=True).facts["orders"] == 5
    assert [both.lists(crm)[CART] for crm in CRMS] == [{CARL}, {CARL}]
    assert [buyers(both, crm) for crm in CRMS] == [{DANA}, {OLGA}]
    assert [sorted(both.customers(crm).values()) for crm in CRMS] == [[DANA, CARL], [ROSA, CARL, OLGA]]
    owned = {family: quantity for _, family, quantity in derived(both.home, "holding", "family", "net_quantity")}
    assert owned == {"PEN": 1, "FLO": 0, "BULB": 4}


def test_an_opt_out_in_one_crm_counts_in_both(shop: Open) -> None:
    """The strictest consent of a person's contacts: out of the mail lists of both, while exclusions stay."""
    both = shop()
    both.run()
    assert [both.lists(crm)[CART] for crm in CRMS] == [{CARL}, {CARL}]
    both.salesforce.levers["update"]("Contact", both.id("salesforce", CARL), {"HasOptedOutOfEmail": True})
    both.run()
    assert [both.lists(crm)[CART] for crm in CRMS] == [set(), set()]
    assert [buyers(both, crm) for crm in CRMS] == [{DANA, OLGA}, {DANA, OLGA}]


def test_hubspots_salesforce_id_makes_two_contacts_one_person(shop: Open) -> None:
    """Another address and no customer number in common: the id that HubSpot's integration keeps says who is who."""
    both = shop(hubspot=CARL, salesforce=DANA)
    for name in ("salesforcecontactid", "salesforceleadid"):
        told = {"name": name, "label": name, "type": "string", "fieldType": "text", "groupName": "contactinformation"}
        assert both.hubspot.portal.act("POST", "/crm/properties/2026-09/contacts", told).status < 300
    carl, there = both.id("hubspot", CARL), both.id("salesforce", DANA)
    both.edit(carl, salesforcecontactid=there[:15])
    assert both.run().status == "done"
    (person,) = {one for one, *_ in derived(both.home, "trait") if "email:carl@example.com" in one}
    assert "email:dana@example.com" in person
    assert [both.lists(crm) for crm in CRMS] == [{BUYERS: {CARL}, CART: {CARL}}, {BUYERS: {DANA}, CART: {DANA}}]


def test_a_merge_in_one_crm(shop: Open) -> None:
    """Its survivor has bought what either bought; two mailboxes in the other CRM stay two people."""
    both = shop()
    rosa, dana = both.id("salesforce", ROSA), both.id("salesforce", DANA)
    both.run()
    both.salesforce.levers["merge"]("Contact", rosa, [dana])
    both.run()
    owners = [person for person, family, kept in derived(both.home, "holding", "family", "net_quantity") if kept == 1]
    assert sorted(min(one for one in person if one.startswith("email:")) for person in owners) == [
        "email:dana@example.com",
        "email:rosa@example.com",
    ]
    assert DANA not in both.lists("salesforce")[BUYERS]
    assert buyers(both, "hubspot") == {DANA, OLGA}


def test_what_the_crms_tell_differently(shop: Open) -> None:
    """The contact that a person changed last is right, and what we write ourselves changes nothing about that."""
    both = shop()
    both.salesforce.levers["update"]("Contact", both.id("salesforce", DANA), {"MailingCountry": "DE"})
    both.salesforce.clock.advance(5)
    both.run()
    assert _country(both, "dana") == "DE"
    both.run()
    with_echoes = both.run(everybody=True, only="decide")
    assert (with_echoes.status, _country(both, "dana")) == ("planned", "DE")
    both.hubspot.clock.advance(3_600)
    both.edit(both.id("hubspot", DANA), country="IE")
    both.run()
    assert _country(both, "dana") == "IE"


def _country(both: Pair, name: str) -> str:
    people = derived(both.home, "trait", "country")
    (found,) = {country for person, country in people if f"email:{name}@example.com" in person}
    return str(found)


def test_while_a_crm_cannot_be_read_only_what_protects_leaves(shop: Open) -> None:
    """The other's opt-out counts at once, who would come in waits: an opt-out of theirs may be in the other half."""
    both = shop()
    both.run()
    dana = both.id("hubspot", DANA)
    both.edit(both.id("hubspot", CARL), hs_email_optout="true")
    both.hubspot.portal.create_order(dana, [("FLO-BRASS", "1", "200.00")], ordered_at=NOW)
    both.salesforce.service.configure({"daily_used": 100_000})
    halved = both.run()
    assert (halved.status, halved.balanced) == ("deferred", True)
    assert halved.only_protect == ["salesforce could not be read"]
    assert any("only what protects people is sent" in note for note in halved.notes)
    assert both.lists("hubspot")[CART] == set()
    assert halved.books["hubspot:push"].as_json()["deferred"] > 0
    alone = both.run(only="push", everybody=True)
    assert (alone.only_protect, both.lists("hubspot")[CART]) == (halved.only_protect, set())
    both.salesforce.service.configure({"daily_used": 0})
    whole = both.run()
    assert (whole.status, whole.only_protect) == ("done", [])
    assert [both.lists(crm)[CART] for crm in CRMS] == [set(), set()]


def test_nothing_is_decided_before_every_source_was_read_once(shop: Open) -> None:
    """On the first run there is nobody to protect yet; what was read is kept."""
    both = shop()
    both.salesforce.service.configure({"daily_used": 100_000})
    first = both.run()
    assert (first.status, first.decided) == ("deferred", 0)
    assert any("nothing is decided before every source was read once" in note for note in first.notes)
    assert len([row for row in both.rows("contact") if row["crm"] == "hubspot"]) == 4
    assert both.lists("hubspot") == {}
    both.salesforce.service.configure({"daily_used": 0})
    assert both.run().status == "done"
    assert [both.lists(crm)[CART] for crm in CRMS] == [{CARL}, {CARL}]


def test_a_crm_that_stays_away_is_left_alone_and_tried_with_one_call(shop: Open) -> None:
    """After three runs it is not asked, what it should change waits in the books; when its time is over, a single call
    tries it; back again, it gets everything."""
    both = shop()
    both.run()
    both.edit(both.id("hubspot", CARL), hs_email_optout="true")
    both.salesforce.faults.add(Fault(status=503, times=100_000))
    assert [both.run().status for _ in range(3)] == ["deferred"] * 3
    left = both.run()
    assert left.status == "deferred" and left.balanced
    assert left.calls["salesforce"].made == 0
    assert any("salesforce is left alone until" in note and "lamplighter retry" in note for note in left.notes)
    assert left.books["salesforce:push"].as_json()["deferred"] > 0
    with open_home(both.home) as opened, opened.store.begin() as connection:
        connection.execute(breaker.update().values(try_again_at=datetime(2026, 1, 1, tzinfo=UTC)))
    tried = both.run()
    assert (tried.status, tried.calls["salesforce"].retried) == ("deferred", 0)
    assert 1 <= tried.calls["salesforce"].made <= 2
    both.salesforce.faults.clear()
    assert both.run().calls["salesforce"].made == 0
    with open_home(both.home) as opened:
        assert breakers.close(opened.store) == ["salesforce"]
    assert both.run().status == "done"
    assert both.lists("salesforce")[CART] == set()


@pytest.mark.parametrize("sick", CRMS)
def test_a_crm_that_cannot_be_written_does_not_stop_the_other(shop: Open, sick: str) -> None:
    """What was decided on all the news reaches the CRM that answers; the other gets it later."""
    both = shop()
    both.run(only="pull")
    healthy = next(crm for crm in CRMS if crm != sick)
    sandbox, writes = {"hubspot": (both.hubspot, "/crm/lists"), "salesforce": (both.salesforce, "/composite")}[sick]
    sandbox.faults.add(Fault(path_contains=writes, method="POST", status=503, times=10_000))
    both.run(only="decide")
    down = both.run(only="push", everybody=True)
    assert down.status == "deferred"
    assert (both.lists(healthy)[CART], both.lists(sick).get(CART, set())) == ({CARL}, set())
    sandbox.faults.clear()
    assert both.run(only="push").status == "done"
    assert both.lists(sick) == both.lists(healthy)


def test_lists_of_one_crm_do_not_wait_for_a_permission_of_the_other(shop: Open) -> None:
    """HubSpot, which comes first, refuses for want of a scope: Salesforce has its lists before the run says so."""
    both = shop()
    both.hubspot.faults.add(Fault(path_contains="/crm/lists", method="POST", status=403, times=10_000))
    with pytest.raises(SetupError):
        both.run()
    assert (both.lists("hubspot"), both.lists("salesforce")[CART]) == ({}, {CARL})


def test_erased_in_one_crm(shop: Open) -> None:
    """What that CRM told is gone; the other CRM's contact is its own, and stays where it belongs."""
    both = shop()
    both.run()
    dana = both.id("hubspot", DANA)
    erase = "/crm/objects/2026-09/contacts/gdpr-delete"
    assert both.hubspot.portal.act("POST", erase, {"objectId": dana}).status < 300
    both.run(sweeps=("gone",))
    kept = {row["crm"]: row for row in both.rows("contact") if row["crm_id"] in (dana, both.id("salesforce", DANA))}
    assert (kept["hubspot"]["email"], kept["salesforce"]["email"]) == (None, "dana@example.com")
    assert (buyers(both, "hubspot"), buyers(both, "salesforce")) == ({OLGA}, {DANA, OLGA})
