"""Deletions, merges, moved orders and changed addresses through the whole pass: lists, persons and files follow."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet
import pytest
import small_shop as small_shop_files
from cli import Command
from small_shop import END

from connector import limits
from connector.home import open_home
from connector.pipeline import Options, Report, run
from connector.sandbox.faults import Fault
from connector.sandbox.serve import Sandbox
from connector.warehouse import tables

pytestmark = pytest.mark.slow

VERSION = "2026-09"
LAST_PURCHASE = "lamplighter_last_purchase"


@dataclass
class Shop:
    """The small shop after a first pass: Dana has bought a lamp, Carl has left one in the cart."""

    home: Path
    sandbox: Sandbox
    minutes: int = 0

    def run(self, *sweeps: str, **options: Any) -> Report:
        """A pass, some minutes after the one before."""
        self.minutes += 10
        as_of = datetime.fromisoformat(END) + timedelta(minutes=self.minutes)
        with open_home(self.home) as opened:
            return run(opened, Options(as_of=as_of, sweeps=sweeps, **options))

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """What a person does in the portal."""
        answer = self.sandbox.portal.act(method, f"/crm/objects/{VERSION}/{path}", body)
        assert answer.status < 300, answer.content
        return answer.content

    def contact(self, email: str) -> str:
        """The CRM's id."""
        return str(self.api("GET", f"contacts/{email}?idProperty=email")["id"])

    def buyers(self) -> list[str]:
        """Who is in the list of recent buyers."""
        members: list[str] = self.sandbox.portal.state()["lists"]["Lamplighter: Recent buyers"]["members"]
        return members

    def order(self, contact: str) -> str:
        """Somebody buys the floor lamp."""
        return self.sandbox.portal.create_order(contact, [("FLO-BRASS", "1", "200.00")], ordered_at=END)

    def listings(self, since: int) -> list[str]:
        """Types that were listed after a request."""
        asked = self.sandbox.journal.since(since)["requests"]
        return [each["path"].rpartition("/")[2] for each in asked if each["operation"].startswith("GET /crm/objects")]


@pytest.fixture(scope="module")
def settled(small_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a home and a portal after a first pass."""
    folder = tmp_path_factory.mktemp("settled")
    with Sandbox(small_shop, state=folder / "portal.db") as sandbox, pytest.MonkeyPatch.context() as environment:
        environment.setenv("SHOP_TOKEN", sandbox.token)
        made = Shop(small_shop_files.install(folder / "home", small_shop, sandbox), sandbox)
        assert made.run().status == "done"
    return folder


@pytest.fixture
def shop(settled: Path, small_shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """A copy of it, for one test."""
    shutil.copytree(settled, tmp_path / "shop")
    home = tmp_path / "shop" / "home"
    (home / "lamplighter.yaml").unlink()
    limits.never_wait()
    with Sandbox(None, state=tmp_path / "shop" / "portal.db") as sandbox:
        monkeypatch.setenv("SHOP_TOKEN", sandbox.token)
        yield Shop(small_shop_files.install(home, small_shop, sandbox), sandbox, minutes=10)
    limits.never_wait(False)


def person_of(shop: Shop, kind: str, identifier: str) -> str:
    """Whom an identifier leads to."""
    with open_home(shop.home) as home:
        person = home.warehouse.derived("person")
        found = person.filter((person.identifier_type == kind) & (person.identifier == identifier)).to_pyarrow()
    names: list[str] = found["person_id"].to_pylist()
    return ",".join(names)


def on_disk(home: Path, text: str) -> set[str]:
    """Tables in whose files, of any version, or log a text stands."""
    found = set()
    for path in (home / "warehouse").rglob("*.parquet"):
        if "_delta_log" not in path.parts and text in str(parquet.read_table(path).to_pylist()):
            found.add(path.relative_to(home / "warehouse").parts[0])
    logs = [path for path in (home / "warehouse").rglob("*.json") if text in path.read_text("utf-8")]
    return found | {path.name for path in logs}


def tie(shop: Shop, order: str, before: str, after: str) -> None:
    """The order changes hands; HubSpot moves no modification time for it."""
    batch = f"/crm/associations/{VERSION}/orders/contacts/batch"
    new, old = {"from": {"id": order}, "to": {"id": after}}, {"from": {"id": order}, "to": [{"id": before}]}
    assert shop.sandbox.portal.act("POST", f"{batch}/create", {"inputs": [new]}).status < 300
    assert shop.sandbox.portal.act("POST", f"{batch}/archive", {"inputs": [old]}).status < 300


def test_an_order_deleted_in_the_crm_is_none_any_more(shop: Shop) -> None:
    """The suppression it caused ends, in the run that sweeps; restored, with its line, it comes back."""
    carl = shop.contact("carl@example.com")
    order = shop.order(carl)
    shop.run()
    assert carl in shop.buyers()
    shop.api("DELETE", f"orders/{order}")
    report = shop.run("archived")
    assert (report.status, report.balanced, report.decided) == ("done", True, 1)
    assert carl not in shop.buyers()
    shop.sandbox.restore("orders", order)
    assert shop.run("gone").status == "done"
    assert carl in shop.buyers()


def test_a_line_deleted_in_the_crm_gives_the_item_back(shop: Shop) -> None:
    """The order stays; its only line is gone, and so is what the person held of it."""
    carl = shop.contact("carl@example.com")
    order = shop.order(carl)
    shop.run()
    line = shop.api("GET", f"orders/{order}?associations=line_items")["associations"]["line items"]["results"][0]["id"]
    shop.api("DELETE", f"line_items/{line}")
    assert shop.run("archived").decided == 1
    assert carl not in shop.buyers()


def test_an_order_that_changes_hands_untouched_changes_both(shop: Shop) -> None:
    """Whom it left holds it no more, whom it came to is kept out of the item's ads."""
    dana, carl = shop.contact("dana@example.com"), shop.contact("carl@example.com")
    order = shop.order(dana)
    shop.run()
    assert shop.sandbox.portal.state()["contacts"][dana][LAST_PURCHASE] == "2026-09-30"
    tie(shop, order, dana, carl)
    report = shop.run("moved")
    assert (report.status, report.decided) == ("done", 2)
    written = shop.sandbox.portal.state()["contacts"]
    assert (written[carl][LAST_PURCHASE], written[dana][LAST_PURCHASE]) == ("2026-09-30", "2026-09-10")


def test_a_product_deleted_in_the_crm_keeps_its_family(shop: Shop) -> None:
    """What was bought of it still counts; nobody is offered it."""
    found = shop.api("GET", "products?limit=100&properties=hs_sku")["results"]
    product = next(one["id"] for one in found if one["properties"]["hs_sku"] == "PEN-BRASS")
    before = shop.buyers()
    shop.api("DELETE", f"products/{product}")
    assert shop.run("archived").status == "done"
    assert shop.buyers() == before
    with open_home(shop.home) as opened:
        rows = opened.warehouse.current("product")
        row = rows.filter(rows.key == f"hubspot:{product}").to_pyarrow().to_pylist()[0]
    assert row["deleted_at"] is not None
    assert (row["product_id"], row["title"]) == ("PEN-BRASS", "Pendant brass")


def test_who_is_erased_is_gone_from_every_file(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """No list, no identifier, and once nobody can read the old files neither address nor name is in any of them."""
    shop.api("POST", "contacts", {"properties": {"email": "mortal@example.com", "firstname": "Mortimer"}})
    shop.run()
    mortal = shop.contact("mortal@example.com")
    assert on_disk(shop.home, "mortal@example.com") == {"contact", "person"}
    shop.api("POST", "contacts/gdpr-delete", {"objectId": mortal})
    with open_home(shop.home) as reader:
        opened_before = reader.warehouse.versions("contact").filter(lambda each: each.crm_id == mortal)
        report = shop.run("gone")
        assert (report.status, report.decided) == ("done", 1)
        assert opened_before.count().to_pyarrow().as_py() == 1
    assert person_of(shop, "email", "mortal@example.com") == ""
    assert person_of(shop, "contact", f"hubspot:{mortal}") == f"hubspot:{mortal}"
    monkeypatch.setattr(tables, "READING_HOURS", 0)
    with open_home(shop.home) as opened:
        opened.warehouse.tidy()
    assert on_disk(shop.home, "mortal@example.com") == on_disk(shop.home, "Mortimer") == set()


def test_a_new_address_makes_no_second_person(shop: Shop) -> None:
    """What was seen under the old address, before and after, stays the same person's; a new holder takes it over."""
    dana = shop.contact("dana@example.com")
    before = person_of(shop, "email", "dana@example.com")
    shop.api("PATCH", f"contacts/{dana}", {"properties": {"email": "dana.lind@example.com"}})
    assert shop.run().status == "done"
    assert before == person_of(shop, "email", "dana.lind@example.com") == person_of(shop, "email", "dana@example.com")
    new = str(shop.api("POST", "contacts", {"properties": {"email": "dana@example.com"}})["id"])
    assert shop.run().status == "done"
    assert person_of(shop, "email", "dana@example.com") == f"hubspot:{new}"
    assert person_of(shop, "email", "dana.lind@example.com") == before


def test_a_sweep_that_misses_far_too_much_waits_for_a_person(shop: Shop) -> None:
    """Exit 4 with the command; the rest of the run is done; approved, each is asked for before it counts."""
    people = [{"properties": {"city": "Lampedusa"}} for _ in range(100)]
    for _ in range(2):
        shop.api("POST", "contacts/batch/create", {"inputs": people})
    shop.run()
    empty: dict[str, Any] = {"status": 200, "body": {"results": []}, "times": 2, "method": "GET"}
    shop.sandbox.faults.add(Fault(path_contains=f"/objects/{VERSION}/contacts", **empty))
    carl = shop.contact("carl@example.com")
    shop.order(carl)
    report = shop.run("gone")
    assert (report.status, report.exit_code, report.balanced) == ("guarded", 4, True)
    assert any("lamplighter run --sweep gone --approve-deletions" in note for note in report.notes)
    assert carl in shop.buyers()
    shop.sandbox.faults.add(Fault(path_contains=f"/objects/{VERSION}/contacts", **empty))
    approved = shop.run("gone", approve_deletions=True)
    assert (approved.status, approved.decided) == ("done", 0)


def test_a_sweep_broken_off_goes_on_with_the_next_pass(shop: Shop) -> None:
    """The CRM goes away in the middle: the run decides on what it has, `begun` takes the sweep up until it is whole."""
    shop.sandbox.faults.add(Fault(path_contains=f"/objects/{VERSION}/orders", method="GET", status=503, times=1_000))
    report = shop.run("gone")
    assert (report.status, report.exit_code) == ("deferred", 3)
    shop.sandbox.faults.clear()
    listed = []
    for _ in range(2):
        since = shop.sandbox.journal.counts()["last"]
        assert shop.run("begun").status == "done"
        listed.append(shop.listings(since))
    assert listed == [["orders", "line_items"], []]


def test_a_sweep_that_is_refused_holds_up_nobody(shop: Shop) -> None:
    """The account does not allow a look into the bin: the run says so, and still takes in and pushes what is new."""
    refused: dict[str, Any] = {"status": 403, "times": 1_000, "method": "GET"}
    shop.sandbox.faults.add(Fault(path_contains=f"/objects/{VERSION}/line_items", **refused))
    carl = shop.contact("carl@example.com")
    shop.order(carl)
    report = shop.run("archived")
    assert (report.status, report.exit_code, report.balanced) == ("deferred", 3, True)
    assert any("the sweep archived was refused" in note for note in report.notes)
    assert carl in shop.buyers()


def test_every_sweep_is_a_word_of_the_command(shop: Shop, lamplighter: Command) -> None:
    """Names, `due` and `all`; a word that is none ends with 2 and names those there are."""
    assert lamplighter("run", "--home", shop.home, "--sweep", "archived", "--sweep", "moved").code == 0
    assert lamplighter("run", "--home", shop.home, "--sweep", "due").code == 0
    wrong = lamplighter("run", "--home", shop.home, "--sweep", "spring")
    assert wrong.code == 2
    assert "archived, gone, moved, memberships, due, all" in wrong.err
