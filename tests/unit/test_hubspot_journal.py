"""The webhooks journal: what no search shows arrives with the next run, once, and a gap is made up for."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hubspot_rig import OBJECTS, Rig, rigged

from connector.crms import OAuthClient
from connector.crms._hubspot.journal_events import mentions
from connector.crms.hubspot import HubSpot
from connector.errors import RetryLater, SetupError
from connector.model import Batch
from connector.pull import Book, pull_source, pull_sweep
from connector.settings import FILE, load
from connector.store import cursors, open_store
from connector.warehouse.tables import Warehouse

DAY = 86_400
GDPR = f"{OBJECTS}/contacts/gdpr-delete"
JOURNAL = "/webhooks-journal/journal-local"
Row = dict[str, Any]


class Shop:
    """A portal, and an install that reads its journal."""

    def __init__(self, rig: Rig, folder: Path) -> None:
        self.rig = rig
        client = OAuthClient(
            client_id="sandbox-client",
            client_secret=lambda: "sandbox-secret",
            refresh_token=lambda: "sandbox-refresh",
            keep_refresh_token=lambda token: True,
        )
        rig.settings |= {"token": None, "oauth": client, "journal": True}
        self.store = open_store(f"sqlite:///{folder / 'state.db'}")
        self.warehouse = Warehouse(folder / "warehouse")
        self.runs = 0

    def run(self, crm: HubSpot | None = None) -> Book:
        """Pull everything, as a run does; each run is a process of its own."""
        self.runs += 1
        return pull_source(crm or self.rig.crm(), self.warehouse, self.store, self.runs, lambda *told: None)

    def row(self, table: str, record: str, prefix: str = "hubspot:") -> Row:
        """What is held of a record now."""
        current = self.warehouse.current(table)
        (found,) = current.filter(current.key == f"{prefix}{record}").to_pyarrow().to_pylist()
        return dict(found)

    @property
    def stand(self) -> Row:
        """The cursor that is kept of the journal."""
        return dict(cursors.load(self.store, "hubspot", "journal") or {})

    def journaled(self, do: Callable[[], Any]) -> Any:
        """Something happens a minute after everything before it was pulled."""
        self.rig.sandbox.clock.advance(120)
        done = do()
        self.rig.sandbox.clock.advance(60)
        self.rig.forget()
        return done

    def close(self) -> None:
        """Let go of the files."""
        self.warehouse.close()
        self.store.close()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """An install that is subscribed and has pulled everything: two buyers, an order each, and a product."""
    with rigged() as rig:
        shop = Shop(rig, tmp_path)
        rig.crm().provision()
        product = rig.act("POST", f"{OBJECTS}/products", {"properties": {"name": "Lamp", "hs_sku": "L1"}})
        shop.product = str(product["id"])  # type: ignore[attr-defined]
        shop.ann, shop.bob = rig.contacts(2)  # type: ignore[attr-defined]
        shop.order = rig.sandbox.create_order(shop.ann, [("L1", "1", "20")])  # type: ignore[attr-defined]
        assert shop.run().balanced
        yield shop
        shop.close()


def delete(shop: Shop, kind: str, record: str) -> None:
    """A person puts a record into the bin."""
    shop.rig.act("DELETE", f"{OBJECTS}/{kind}/{record}")


def merge(shop: Shop, kept: str, other: str) -> str:
    """A person merges two contacts; the survivor's new id."""
    body = {"primaryObjectId": kept, "objectIdToMerge": other}
    return str(shop.rig.act("POST", f"{OBJECTS}/contacts/merge", body)["id"])


def reads(shop: Shop) -> int:
    """Batch reads since the last `forget`."""
    return len(shop.rig.requests("batch/read"))


def test_a_deletion_arrives_with_the_next_run(shop: Any) -> None:
    """A contact and an order in the bin are deleted here too; the order still says whose it was."""
    shop.journaled(lambda: (delete(shop, "contacts", shop.bob), delete(shop, "orders", shop.order)))
    book = shop.run()
    assert book.balanced and book.kept >= 2
    assert shop.row("contact", shop.bob)["deleted_at"] is not None
    order = shop.row("order_header", shop.order)
    assert order["deleted_at"] is not None and order["contact_key"] == f"hubspot:{shop.ann}"


def test_a_restored_record_lives_again(shop: Any) -> None:
    """Its row beats the one that said it was deleted, and the next change beats both."""
    shop.journaled(lambda: delete(shop, "contacts", shop.bob))
    shop.run()
    shop.journaled(lambda: shop.rig.sandbox.restore("contacts", shop.bob))
    shop.run()
    assert shop.row("contact", shop.bob)["deleted_at"] is None
    change = {"properties": {"city": "Leeds"}}
    shop.journaled(lambda: shop.rig.act("PATCH", f"{OBJECTS}/contacts/{shop.bob}", change))
    shop.run()
    assert shop.row("contact", shop.bob)["city"] == "Leeds"


def test_deleted_and_restored_between_two_runs(shop: Any) -> None:
    """What counts is what HubSpot says now, not the order of events."""
    shop.journaled(lambda: (delete(shop, "contacts", shop.bob), shop.rig.sandbox.restore("contacts", shop.bob)))
    assert shop.run().balanced
    assert shop.row("contact", shop.bob)["deleted_at"] is None


def test_a_merge_chain_leads_to_its_survivor(shop: Any) -> None:
    """Old ids are tombstones, the survivor is read, whatever was merged twice in between."""
    (cid,) = shop.rig.contacts(1)
    shop.run()
    first = shop.journaled(lambda: merge(shop, shop.ann, shop.bob))
    last = shop.journaled(lambda: merge(shop, first, cid))
    assert shop.run().balanced
    assert shop.row("contact", last)["merged_into"] is None
    for old in (shop.ann, shop.bob, cid):
        target = shop.row("contact", old)["merged_into"]
        while target != f"hubspot:{last}":
            target = shop.row("contact", target.removeprefix("hubspot:"))["merged_into"]


def test_a_privacy_deletion_erases(shop: Any) -> None:
    """Nothing but the fact is left, of the contact and of those that were merged into it."""
    survivor = shop.journaled(lambda: merge(shop, shop.ann, shop.bob))
    shop.run()
    shop.journaled(lambda: shop.rig.act("POST", GDPR, {"objectId": survivor}))
    assert shop.run().balanced
    for one in (survivor, shop.ann, shop.bob):
        versions = shop.warehouse.versions("contact")
        rows = versions.filter(versions.key == f"hubspot:{one}").to_pyarrow().to_pylist()
        assert rows and all(row["city"] is None and row["email"] is None for row in rows), one
    assert shop.row("contact", survivor)["deleted_at"] is not None


def test_an_order_that_changes_hands(shop: Any) -> None:
    """HubSpot moves no modification time for it; the row is handed out anew, and newer."""
    ends = f"{OBJECTS}/orders/{shop.order}/associations"
    before = shop.row("order_header", shop.order)["version"]

    def change_hands() -> None:
        shop.rig.act("PUT", f"{ends}/default/contacts/{shop.bob}")
        shop.rig.act("DELETE", f"{ends}/contacts/{shop.ann}")

    shop.journaled(change_hands)
    assert shop.run().balanced
    after = shop.row("order_header", shop.order)
    assert after["contact_key"] == f"hubspot:{shop.bob}" and after["version"] > before


def test_a_late_index_is_no_matter(shop: Any) -> None:
    """A change that search does not see for an hour is read by the journal, and not again by the search."""
    change = {"properties": {"city": "Hull"}}

    def late() -> None:
        shop.rig.act("PATCH", f"{OBJECTS}/contacts/{shop.bob}", change)
        shop.rig.sandbox.index_late("contacts", shop.bob, 3_600)

    shop.journaled(late)
    shop.run()
    assert shop.row("contact", shop.bob)["city"] == "Hull"


def test_what_the_search_brought_is_not_read_again(shop: Any) -> None:
    """One batch read for a change, though the journal tells of it too."""
    change = {"properties": {"city": "York"}}
    shop.journaled(lambda: shop.rig.act("PATCH", f"{OBJECTS}/contacts/{shop.bob}", change))
    book = shop.run()
    assert reads(shop) == 1
    assert book.balanced and book.kept == 1


def test_an_empty_journal_costs_one_call(shop: Any) -> None:
    """Besides the token of the app."""
    shop.run()
    shop.rig.forget()
    shop.run()
    assert [one["status"] for one in shop.rig.requests(JOURNAL)] == [204]


def test_files_are_read_in_order_and_once(shop: Any) -> None:
    """Ten files of two events each; a second run finds nothing."""
    shop.rig.sandbox.portal.settings.journal_file_events = 2
    contacts = shop.journaled(lambda: shop.rig.contacts(20))
    book = shop.run()
    assert book.balanced and shop.row("contact", contacts[-1])["city"] == "Town 19"
    assert len(shop.rig.requests("GET /webhooks-journal-files")) == 10
    shop.rig.forget()
    again = shop.run()
    assert again.read == again.skipped and not shop.rig.requests("GET /webhooks-journal-files")


def test_killed_in_the_middle(shop: Any) -> None:
    """What a dead run had not noted down is told again; the end is the same."""
    shop.rig.sandbox.portal.settings.journal_file_events = 1
    shop.journaled(lambda: [delete(shop, "contacts", one) for one in (shop.ann, shop.bob)])
    shop.rig.fault("webhooks-journal-files", skip=1, times=9, status=503)
    with pytest.raises(RetryLater):
        shop.run()
    told = [shop.row("contact", one)["deleted_at"] is not None for one in (shop.ann, shop.bob)]
    assert told == [True, False]
    shop.rig.sandbox.faults.clear()
    assert shop.run().balanced
    assert shop.row("contact", shop.bob)["deleted_at"] is not None


def test_killed_between_rows_and_cursor(shop: Any) -> None:
    """The same file again leaves what is held as it is."""
    shop.journaled(lambda: delete(shop, "contacts", shop.bob))
    stand = shop.stand
    shop.run()
    deleted = shop.row("contact", shop.bob)["deleted_at"]
    cursors.save(shop.store, "hubspot", "journal", stand)
    assert shop.run().balanced
    assert shop.row("contact", shop.bob)["deleted_at"] == deleted


def test_quiet_days_are_no_gap(shop: Any) -> None:
    """HubSpot forgets our offset with its file; who looked within three days goes on with the oldest that is left."""
    shop.journaled(lambda: delete(shop, "orders", shop.order))
    shop.run()
    for _ in range(4):
        shop.rig.sandbox.clock.advance(DAY)
        shop.run()
    assert [one["status"] for one in shop.rig.requests(JOURNAL)[-2:]] == [404, 204]
    shop.journaled(lambda: delete(shop, "contacts", shop.bob))
    crm = shop.rig.crm()
    shop.run(crm)
    assert shop.row("contact", shop.bob)["deleted_at"] is not None
    assert all(crm.sweeps().values())


def test_a_gap_is_made_up_for_by_sweeps(shop: Any) -> None:
    """After more than three days the journal goes on at its end, and both sweeps are due until they were made."""
    shop.journaled(lambda: delete(shop, "contacts", shop.bob))
    shop.rig.sandbox.clock.advance(4 * DAY)
    shop.run()
    assert shop.row("contact", shop.bob)["deleted_at"] is None
    crm = shop.rig.crm()
    assert {name for name, often in crm.sweeps().items() if not often} == {"gone", "moved"}
    for name in ("gone", "moved"):
        pull_sweep(crm, name, shop.warehouse, shop.store, shop.runs, lambda *told: None, at=crm._transport.server.now())
    assert shop.row("contact", shop.bob)["deleted_at"] is not None
    assert all(shop.rig.crm().sweeps().values())
    shop.journaled(lambda: delete(shop, "contacts", shop.ann))
    shop.run()
    assert shop.row("contact", shop.ann)["deleted_at"] is not None


def test_a_reading_that_was_broken_off_long_ago_is_a_gap(shop: Any) -> None:
    """Only a reading to the end vouches for what is older: files that it did not reach may be forgotten meanwhile."""
    shop.rig.sandbox.portal.settings.journal_file_events = 1
    shop.journaled(lambda: [delete(shop, "contacts", one) for one in (shop.ann, shop.bob)])
    shop.rig.sandbox.clock.advance(2 * DAY)
    shop.rig.fault("webhooks-journal-files", skip=1, times=9, status=503)
    with pytest.raises(RetryLater):
        shop.run()
    shop.rig.sandbox.faults.clear()
    shop.rig.sandbox.clock.advance(2 * DAY)
    crm = shop.rig.crm()
    shop.run(crm)
    assert not crm.sweeps()["gone"]


def test_subscriptions_are_made_once(shop: Any) -> None:
    """Provisioning again finds them; one that somebody deleted is named by check and made anew."""
    shop.rig.forget()
    shop.rig.crm().provision()
    assert not [one for one in shop.rig.requests("POST /webhooks-journal") if one]
    path = "/webhooks-journal/subscriptions/2026-09"
    found = shop.rig.sandbox.portal.portal.subscribed
    shop.rig.act("DELETE", f"{path}/{found[0]['id']}")
    (told,) = [one for one in shop.rig.crm().check() if one.title == "HubSpot webhooks journal"]
    assert not told.ok and "OBJECT" in told.detail and "lamplighter check --fix" in told.fix
    shop.rig.crm().provision()
    assert shop.rig.crm().check()[-1].ok


def test_answers_that_say_nothing(shop: Any) -> None:
    """A friendly answer without what it must hold moves no cursor."""
    shop.journaled(lambda: delete(shop, "contacts", shop.bob))
    stand = shop.stand
    for at in ("journal-local", "webhooks-journal-files"):
        shop.rig.fault(at, empty=True, times=9)
        with pytest.raises(RetryLater):
            shop.run()
        shop.rig.sandbox.faults.clear()
        assert shop.stand == stand
    shop.run()
    assert shop.row("contact", shop.bob)["deleted_at"] is not None


def test_events_of_no_use_are_counted_and_passed_over(shop: Any) -> None:
    """Of another account, of an action we do not know, of a type we do not read: skipped, and the books balance."""
    crm = shop.rig.crm()
    shop.run(crm)
    mine = {"portalId": int(crm._subscriptions.portal), "occurredAt": "2026-11-21T00:00:00Z", "type": "crmObject"}
    events = [
        {**mine, "portalId": 7, "action": "DELETE", "objectTypeId": "0-1", "objectId": int(shop.bob)},
        {**mine, "action": "SNAPSHOT", "objectTypeId": "0-1", "objectId": int(shop.bob)},
        {**mine, "action": "DELETE", "objectTypeId": "0-2", "objectId": int(shop.bob)},
        {**mine, "action": "DELETE", "objectTypeId": "0-1"},
        {**mine, "action": "DELETE", "objectTypeId": "0-1", "objectId": 999_999_999},
        {},
    ]
    batch: Batch = crm._journal._batch(events, {})
    assert (batch.read, batch.kept, batch.skipped, batch.tables) == (6, 0, 6, {})


def test_records_by_whatever_name_an_event_gives_them(shop: Any) -> None:
    """Survivor and merged ones of a merge; of an association the ends whose rows tell of it."""
    types = shop.rig.crm()._subscriptions.types
    merged = {"action": "MERGE", "objectTypeId": "0-1", "objectId": 1, "newObjectId": 4, "mergedObjectIds": [2, "3"]}
    assert [one.id for one in mentions(merged, types, "1")] == ["1", "4", "2", "3"]
    ends = {"fromObjectTypeId": "0-123", "fromObjectId": 5, "toObjectTypeId": "0-1", "toObjectId": 6}
    tied = mentions({"action": "ASSOCIATION_ADDED", **ends}, types, "1")
    assert [(one.stream, one.id) for one in tied] == [("order_header", "5")]
    other = {"objectTypeId": "0-1", "objectId": 6, "associatedObjectTypeId": "0-123", "associatedObjectId": 5}
    assert mentions({"action": "ASSOCIATION_REMOVED", **other}, types, "1")[0].id == "5"


def test_the_setting_needs_oauth(tmp_path: Path) -> None:
    """A journal without an app is refused before the first run, with the command that helps."""
    (tmp_path / FILE).write_text("hubspot:\n  journal: true\n", "utf-8")
    with pytest.raises(SetupError, match="lamplighter connect hubspot --oauth"):
        load(tmp_path)


def test_a_static_token_has_no_journal(shop: Any) -> None:
    """It says so, instead of reading nothing for ever."""
    crm = shop.rig.crm(token=lambda: shop.rig.sandbox.token, oauth=None)
    with pytest.raises(SetupError, match="OAuth"):
        list(crm.pull("journal", None, lambda keys: {}))
