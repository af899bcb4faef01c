"""What only HubSpot's listing and search ask for: windows, lags, clocks, long property lists, many associations."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hubspot_rig import OBJECTS, Rig, begun, keys, pulled, rigged

from connector.crms._hubspot import api
from connector.errors import Failed, RetryLater, SetupError
from connector.limits import Clock


@pytest.fixture
def rig() -> Iterator[Rig]:
    """An empty portal."""
    with rigged() as rig:
        yield rig


def search_bodies(rig: Rig) -> list[dict[str, Any]]:
    """The searches asked for."""
    return [one["body"] for one in rig.requests("/search")]


def window(body: dict[str, Any]) -> tuple[datetime, datetime]:
    """The span of times a search asked for."""
    within = body["filterGroups"][0]["filters"][0]
    return tuple(datetime.fromtimestamp(int(within[name]) / 1000, UTC) for name in ("value", "highValue"))  # type: ignore[return-value]


def aside(seconds: float) -> Clock:
    """A local clock that is wrong by so much."""
    return Clock(now=lambda: datetime.now(UTC) + timedelta(seconds=seconds))


def test_paths_and_manners(rig: Rig) -> None:
    """Every path is dated, every list page asks for a hundred, and a search fits HubSpot's limits."""
    crm = rig.crm()
    cursors = {stream: pulled(crm, stream)[-1].cursor for stream in crm.streams()}
    for stream, cursor in cursors.items():
        pulled(crm, stream, cursor)
    crm.provision()
    assert all("/2026-09/" in f"{one['path']}/" for one in rig.requests())
    assert {tuple(one["query"]["limit"]) for one in rig.requests("GET /crm/objects")} == {("100",)}
    for body in search_bodies(rig):
        assert len(json.dumps(body)) < 3_000
        assert body["limit"] == 200 and "after" not in body
        assert body["sorts"] == [{"propertyName": "hs_object_id", "direction": "ASCENDING"}]


def test_modified_property(rig: Rig) -> None:
    """Contacts are searched by lastmodifieddate, everything else by hs_lastmodifieddate."""
    crm = rig.crm()
    for stream in crm.streams():
        pulled(crm, stream, pulled(crm, stream)[-1].cursor)
    asked = {one["path"].split("/")[4]: one["body"]["filterGroups"][0]["filters"][0] for one in rig.requests("/search")}
    assert {kind: within["propertyName"] for kind, within in asked.items()} == {
        "contacts": "lastmodifieddate",
        "products": "hs_lastmodifieddate",
        "orders": "hs_lastmodifieddate",
        "line_items": "hs_lastmodifieddate",
    }


def test_other_version(rig: Rig) -> None:
    """The version is a setting; a portal that does not know it says so."""
    rig.sandbox.portal.settings.versions = ("2027-03",)
    assert pulled(rig.crm(version="2027-03"), "contact")
    assert rig.requests()[-1]["path"] == "/crm/objects/2027-03/contacts"


def test_lag_and_overlap(rig: Rig) -> None:
    """A search ends `lag` before the server's now and begins `overlap` before the watermark."""
    crm = rig.crm(lag_seconds=60, overlap_seconds=600)
    first = pulled(crm, "contact")[-1].cursor
    rig.sandbox.clock.advance(3600)
    pulled(crm, "product")
    second = pulled(crm, "contact", first)[-1].cursor
    low, high = window(search_bodies(rig)[-1])
    now = datetime.now(UTC) + timedelta(hours=1)
    assert abs((datetime.fromisoformat(first["watermark"]) - timedelta(seconds=600) - low).total_seconds()) < 0.01
    assert timedelta(seconds=50) < now - high < timedelta(seconds=62)
    assert timedelta(seconds=60) < now - datetime.fromisoformat(second["watermark"]) < timedelta(seconds=63)


def test_late_index(rig: Rig) -> None:
    """A change that search does not show yet is found by a later pull, because the watermark stays behind it."""
    rig.sandbox.portal.settings.index_lag_seconds = 50
    cursor = pulled(rig.crm(lag_seconds=60), "contact")[-1].cursor
    rig.sandbox.clock.advance(300)
    contact = rig.contacts(1)[0]
    found = []
    for _ in range(3):
        rig.sandbox.clock.advance(20)
        batches = pulled(rig.crm(lag_seconds=60), "contact", cursor)
        cursor = batches[-1].cursor
        found.append(keys(batches))
    assert found == [[], [], [f"hubspot:{contact}"]]


@pytest.mark.parametrize("wrong", [-86_400, -60, 60, 86_400])
def test_wrong_local_clock(rig: Rig, wrong: float) -> None:
    """Whatever our own clock says, no change is lost and the watermark follows the server's time."""
    cursor = pulled(rig.crm(clock=aside(wrong)), "contact")[-1].cursor
    found = []
    for _ in range(3):
        rig.sandbox.clock.advance(1_000)
        contact = rig.contacts(1)[0]
        batches = pulled(rig.crm(clock=aside(wrong)), "contact", cursor)
        cursor = batches[-1].cursor
        found += keys(batches)
        now = datetime.fromtimestamp(rig.sandbox.clock.milliseconds() / 1000, UTC)
        assert datetime.fromisoformat(cursor["watermark"]) <= now
    found += keys(pulled(rig.crm(clock=aside(wrong)), "contact", cursor))
    assert f"hubspot:{contact}" in found
    assert len(set(found)) == 3


def test_watermark_never_goes_back(rig: Rig) -> None:
    """A server whose clock is set back does not make us forget where we were."""
    cursor = pulled(rig.crm(), "contact")[-1].cursor
    rig.sandbox.clock.advance(-5_000)
    assert pulled(rig.crm(), "contact", cursor)[-1].cursor["watermark"] == cursor["watermark"]


def products(rig: Rig, count: int) -> None:
    """So many products, all of one moment."""
    at = rig.sandbox.clock.milliseconds()
    rows = [("0-7", number, at, at, None, f'{{"hs_sku": "s{number}"}}') for number in range(1, count + 1)]
    rig.sandbox.portal.portal.state.run_many("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?)", rows)


@pytest.mark.parametrize("resumed", [False, True])
def test_changes_behind_a_long_listing(rig: Rig, resumed: bool) -> None:
    """The first search begins where the listing began, however long that took, and though it was taken up twice."""
    products(rig, 2_500)
    rig.sandbox.clock.advance(1_000)
    crm = rig.crm(batch_records=100)
    listing = crm.pull("product", None, lambda keys: {})
    first = next(listing)
    rig.sandbox.clock.advance(1_000)
    rig.act("PATCH", f"{OBJECTS}/products/1", {"properties": {"name": "Late"}})
    rig.sandbox.clock.advance(1_000)
    rest = pulled(rig.crm(batch_records=100), "product", first.cursor) if resumed else list(listing)
    assert len(set(keys([first, *rest]))) == 2_500
    assert keys(pulled(rig.crm(), "product", rest[-1].cursor)) == ["hubspot:1"]


def test_more_than_ten_thousand_with_one_time(rig: Rig) -> None:
    """Records by the thousand with the same time are walked by id, past what HubSpot's paging reaches."""
    cursor = pulled(rig.crm(), "product")[-1].cursor
    products(rig, 10_400)
    found = keys(pulled(rig.crm(), "product", cursor))
    assert len(found) == len(set(found)) == 10_400


def test_touched_during_the_walk(rig: Rig) -> None:
    """A record that changes while a window is walked leaves it, and comes with the next one."""
    crm = rig.crm(batch_records=100)
    cursor = pulled(crm, "contact")[-1].cursor
    people = rig.contacts(450)
    walk = crm.pull("contact", cursor, lambda keys: {})
    batches = [next(walk)]
    rig.sandbox.clock.advance(60)
    rig.act("PATCH", f"{OBJECTS}/contacts/{people[-1]}", {"properties": {"city": "Late"}})
    batches.extend(walk)
    assert f"hubspot:{people[-1]}" not in keys(batches)
    assert f"hubspot:{people[-1]}" in keys(pulled(crm, "contact", batches[-1].cursor))


def test_long_property_list(rig: Rig, tmp_path: Path) -> None:
    """Properties that would make the URL too long are read by batch instead."""
    (tmp_path / "mappings").mkdir()
    names = ", ".join(f"a_rather_long_property_name_number_{number}" for number in range(150))
    packaged = (Path(__file__).parents[2] / "mappings" / "hubspot.yaml").read_text("utf-8")
    text = packaged.replace("    table: contact\n", f"    table: contact\n    extra: [{names}]\n")
    (tmp_path / "mappings" / "hubspot.yaml").write_text(text, "utf-8")
    rig.contacts(120, email="")
    rig.forget()
    crm = rig.crm(tmp_path)
    rows = pulled(crm, "contact", begun(crm, "contact"))[0].tables["contact"].to_pylist()
    assert [row["city"] for row in rows] == [f"Town {number % 120}" for number in range(120)]
    assert len(rig.requests("batch/read")) == 2


def test_long_property_list_that_is_not_read(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A friendly answer without the properties of a page is not taken for people without any."""
    monkeypatch.setattr(api, "LONGEST_URL", 10)
    rig.contacts(3)
    crm = rig.crm()
    rig.fault("contacts/batch/read", empty=True)
    with pytest.raises(RetryLater):
        pulled(crm, "contact")
    (batch,) = pulled(crm, "contact")
    assert [row["city"] for row in batch.tables["contact"].to_pylist()] == ["Town 0", "Town 1", "Town 2"]


def test_more_associations_than_shown(rig: Rig) -> None:
    """Where a page shows only the first associations of an order, the rest is asked for; the oldest contact counts."""
    order = rig.sandbox.portal.create_order(None, [])
    people = rig.contacts(130)
    pairs = [{"from": {"id": order}, "to": {"id": one}} for one in reversed(people)]
    rig.act("POST", "/crm/associations/2026-09/orders/contacts/batch/create", {"inputs": pairs})
    row = pulled(rig.crm(), "order_header")[0].tables["order_header"].to_pylist()[0]
    assert row["contact_key"] == f"hubspot:{people[0]}"
    assert len(rig.requests("/crm/associations/")) == 1


def test_more_associations_than_a_page(rig: Rig) -> None:
    """An order with more contacts than an association read shows at once is asked about again."""
    crm = rig.crm()
    cursor = pulled(crm, "order_header")[-1].cursor
    order = rig.sandbox.portal.create_order(None, [])
    people = rig.contacts(600)
    pairs = [{"from": {"id": order}, "to": {"id": one}} for one in people]
    rig.act("POST", "/crm/associations/2026-09/orders/contacts/batch/create", {"inputs": pairs})
    row = pulled(crm, "order_header", cursor)[-1].tables["order_header"].to_pylist()[0]
    assert row["contact_key"] == f"hubspot:{people[0]}"
    assert len(rig.requests("/crm/associations/")) == 2


def test_line_without_order(rig: Rig) -> None:
    """A line that belongs to no order is kept, without an order."""
    rig.act("POST", f"{OBJECTS}/line_items", {"properties": {"hs_sku": "a", "quantity": "1"}})
    batch = pulled(rig.crm(), "order_line")[0]
    assert (batch.kept, batch.tables["order_line"]["order_key"].to_pylist()) == (1, [None])


def test_unusable_record(rig: Rig) -> None:
    """A record that lacks what we need is rejected with its id and reason, and never ends the pull."""
    rig.act("POST", f"{OBJECTS}/line_items", {"properties": {"hs_sku": "a", "quantity": "1"}})
    bad = rig.act("POST", f"{OBJECTS}/line_items", {"properties": {"hs_sku": "b"}})["id"]
    batch = pulled(rig.crm(), "order_line")[0]
    assert (batch.read, batch.kept) == (2, 1)
    assert [(one.reference, one.reason) for one in batch.rejected] == [(f"hubspot:{bad}", "quantity: is missing")]
    assert batch.rejected[0].row["hs_sku"] == "b"


@pytest.mark.parametrize("spoiled", [{"updatedAt": "yesterday"}, {"updatedAt": None}])
def test_record_without_version(rig: Rig, spoiled: dict[str, Any]) -> None:
    """A record that does not say when it changed is rejected; its neighbours are kept."""
    good = {"id": "1", "properties": {"city": "A"}, "updatedAt": "2026-01-01T00:00:00Z"}
    rig.fault("/objects/2026-09/contacts", status=200, body={"results": [good, {**good, "id": "2", **spoiled}]})
    batch = pulled(rig.crm(), "contact")[0]
    assert (batch.read, batch.kept, batch.rejected[0].reference) == (2, 1, "hubspot:2")
    assert batch.rejected[0].reason.startswith("updatedAt: ")


def test_read_that_says_nothing(rig: Rig) -> None:
    """A batch read that answers with nothing does not move the cursor past what it should have read."""
    crm = rig.crm()
    cursor = pulled(crm, "contact")[-1].cursor
    contact = rig.contacts(1)[0]
    rig.fault("/batch/read", empty=True)
    with pytest.raises(RetryLater):
        pulled(crm, "contact", cursor)
    assert keys(pulled(crm, "contact", cursor)) == [f"hubspot:{contact}"]


@pytest.mark.parametrize("times", [1, 2])
def test_listing_that_says_nothing(rig: Rig, times: int) -> None:
    """An empty page in the middle of a listing does not end it; only a second one is believed."""
    products(rig, 450)
    rig.fault("/objects/2026-09/products", skip=2, times=times, empty=True)
    assert len(keys(pulled(rig.crm(), "product"))) == (450 if times == 1 else 200)


def test_search_that_says_nothing(rig: Rig) -> None:
    """A search that does not even tell how many it found does not move the watermark."""
    crm = rig.crm()
    cursor = pulled(crm, "contact")[-1].cursor
    contact = rig.contacts(1)[0]
    rig.fault("/search", empty=True)
    with pytest.raises(RetryLater, match="with nothing"):
        pulled(crm, "contact", cursor)
    assert keys(pulled(crm, "contact", cursor)) == [f"hubspot:{contact}"]


def test_search_that_counts_what_it_does_not_show(rig: Rig) -> None:
    """Hits that are counted and not shown are not passed over: the watermark stays."""
    crm = rig.crm()
    cursor = pulled(crm, "contact")[-1].cursor
    contact = rig.contacts(1)[0]
    rig.fault("/search", status=200, body={"total": 1, "results": []})
    with pytest.raises(RetryLater, match="with nothing"):
        pulled(crm, "contact", cursor)
    assert keys(pulled(crm, "contact", cursor)) == [f"hubspot:{contact}"]


@pytest.mark.parametrize("body", [{"message": "hello"}, {"results": None}])
def test_answers_of_another_shape(rig: Rig, body: dict[str, Any]) -> None:
    """JSON that is not what was asked for is "later", not a crash."""
    crm = rig.crm()
    cursor = pulled(crm, "contact")[-1].cursor
    rig.fault("", status=200, body=body, times=2)
    for stand in (None, cursor):
        with pytest.raises(RetryLater, match="with nothing"):
            pulled(crm, "contact", stand)


def test_associations_that_say_nothing(rig: Rig) -> None:
    """An association read that answers with nothing does not turn buyers into guests."""
    crm = rig.crm()
    cursor = pulled(crm, "order_header")[-1].cursor
    rig.sandbox.portal.create_order(rig.contacts(1)[0], [])
    rig.fault("/crm/associations/", empty=True)
    with pytest.raises(RetryLater):
        pulled(crm, "order_header", cursor)


def test_archived_between_search_and_read(rig: Rig) -> None:
    """A record that is archived after search named it is skipped, and the books still balance."""
    crm = rig.crm()
    cursor = pulled(crm, "contact")[-1].cursor
    gone, stays = rig.contacts(2)
    shown = {"updatedAt": datetime.now(UTC).isoformat(), "properties": {}}
    rig.act("DELETE", f"{OBJECTS}/contacts/{gone}")
    rig.fault("/search", status=200, body={"total": 2, "results": [{"id": one, **shown} for one in (gone, stays)]})
    batch = pulled(crm, "contact", cursor)[-1]
    assert (batch.read, batch.kept, batch.skipped) == (2, 1, 1)


def test_listing_that_stands_still(rig: Rig) -> None:
    """A page cursor that points to itself ends the pull instead of running forever."""
    record = {"id": "7", "properties": {}, "updatedAt": "2026-01-01T00:00:00Z"}
    body = {"results": [record], "paging": {"next": {"after": "7"}}}
    rig.fault("/objects/2026-09/contacts", status=200, body=body, times=3)
    with pytest.raises(Failed, match="stands still at 7"):
        pulled(rig.crm(), "contact")


def test_search_that_stands_still(rig: Rig) -> None:
    """A search that hands out the same ids again ends the pull instead of running forever."""
    crm = rig.crm()
    cursor = pulled(crm, "contact")[-1].cursor
    hits = [{"id": one, "properties": {}, "updatedAt": "2026-01-01T00:00:00Z"} for one in rig.contacts(1)]
    rig.fault("/search", status=200, body={"total": 9, "results": hits}, times=2)
    with pytest.raises(Failed, match="stands still"):
        pulled(crm, "contact", cursor)


def test_stopped_pull_leaves_no_thread_behind(rig: Rig) -> None:
    """A pull that its reader drops ends its prefetching."""
    rig.contacts(600)
    walk = rig.crm(batch_records=100).pull("contact", None, lambda keys: {})
    next(walk)
    walk.close()  # type: ignore[attr-defined]
    products(rig, 1)
    before = rig.sandbox.journal.counts()["total"]
    pulled(rig.crm(), "product")
    assert rig.sandbox.journal.counts()["total"] == before + 2  # the properties there are, and one page


def test_a_mapping_that_names_an_unknown_property_pulls_nothing(rig: Rig, tmp_path: Path) -> None:
    """HubSpot would leave it out without a word; here file, name and nearest word are told, and nothing moves."""
    (tmp_path / "mappings").mkdir()
    packaged = (Path(__file__).parents[2] / "mappings" / "hubspot.yaml").read_text("utf-8")
    (tmp_path / "mappings" / "hubspot.yaml").write_text(packaged.replace(": firstname", ": frstname"), "utf-8")
    rig.contacts(1)
    with pytest.raises(SetupError, match=r"unknown property in the mapping: frstname") as caught:
        pulled(rig.crm(tmp_path), "contact")
    assert "did you mean firstname?" in caught.value.hint


def test_a_changed_mapping_lists_everything_again(rig: Rig, tmp_path: Path) -> None:
    """What the mapping adds is filled in on records that did not change since; an unchanged mapping lists nothing."""
    rig.contacts(3)
    first = rig.crm()
    cursor = pulled(first, "contact")[-1].cursor
    assert sum(batch.kept for batch in pulled(first, "contact", cursor)) <= 3
    (tmp_path / "mappings").mkdir()
    packaged = (Path(__file__).parents[2] / "mappings" / "hubspot.yaml").read_text("utf-8")
    changed = packaged.replace("    table: contact\n", "    table: contact\n    extra: [lifecyclestage]\n")
    (tmp_path / "mappings" / "hubspot.yaml").write_text(changed, "utf-8")
    rig.forget()
    batches = pulled(rig.crm(tmp_path), "contact", cursor)
    assert sum(batch.read for batch in batches) == 3
    assert rig.requests("GET /crm/objects")
