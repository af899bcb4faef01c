"""What HubSpot's adapter makes of orders, deals and their lines, as `hubspot.purchases` says."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hubspot_rig import OBJECTS, Rig, pulled, rigged

from connector.crms.hubspot import HubSpot, scopes
from connector.errors import SetupError
from connector.mapping import load_mapping
from connector.model import Cursor
from connector.schema import BOOL, TEXT, TIME

LAMP = ("lamp", "2", "12.50")
ASSOCIATIONS = "/crm/associations/2026-09"


@pytest.fixture
def rig() -> Iterator[Rig]:
    """An empty portal."""
    with rigged() as rig:
        yield rig


def rows(crm: HubSpot, stream: str, cursor: Cursor | None = None) -> dict[str, dict[str, Any]]:
    """Key -> row of a pull."""
    tables = [table for batch in pulled(crm, stream, cursor) for table in batch.tables.values()]
    return {row["key"]: row for table in tables for row in table.to_pylist()}


def after(crm: HubSpot) -> Mapping[str, Cursor]:
    """Cursors after a first pull."""
    return {stream: pulled(crm, stream)[-1].cursor for stream in crm.streams()}


@pytest.mark.parametrize(
    ("purchases", "streams"),
    [
        ("orders", ("product", "contact", "order_header", "order_line")),
        ("deals", ("product", "contact", "deal", "order_line")),
        ("both", ("product", "contact", "order_header", "deal", "order_line")),
    ],
)
def test_streams_and_searches_follow_the_setting(rig: Rig, purchases: str, streams: tuple[str, ...]) -> None:
    """What is not read costs no call and asks for no scope."""
    crm = rig.crm(purchases=purchases)
    assert crm.streams() == streams
    cursors = after(crm)
    rig.forget()
    for stream, cursor in cursors.items():
        pulled(crm, stream, cursor)
    assert len(rig.requests()) == len(streams)
    wanted = scopes(crm._source.settings, None)
    assert ("crm.objects.deals.read" in wanted) == ("deal" in streams)
    assert ("crm.objects.orders.read" in wanted) == ("order_header" in streams)


def test_an_orders_install_has_never_heard_of_deals(rig: Rig, tmp_path: Path) -> None:
    """A mapping without the section is enough for it; with deals the section is demanded by name."""
    (tmp_path / "mappings").mkdir()
    text = (Path(__file__).parents[2] / "mappings" / "hubspot.yaml").read_text("utf-8")
    start, end = text.index("  # Read where hubspot.purchases"), text.index("  order_line:")
    (tmp_path / "mappings" / "hubspot.yaml").write_text(text[:start] + text[end:], "utf-8")
    assert rows(rig.crm(tmp_path), "order_header") == {}
    with pytest.raises(SetupError, match="stream 'deal' is missing"):
        scopes(rig.crm(purchases="deals")._source.settings, tmp_path)


def test_a_deal_is_an_order_of_its_own_kind(rig: Rig) -> None:
    """Its state follows the stage, its key cannot be an order's, and its name, which may be a person's, is not read."""
    contact = rig.contacts(1)[0]
    made = rig.sandbox.create_deal(contact, [LAMP], currency="EUR", closed_at="2026-09-12T10:00:00.000Z")
    found = rows(rig.crm(purchases="deals"), "deal")[f"hubspot:deal:{made}"]
    assert (found["contact_key"], found["status"], found["currency"]) == (f"hubspot:{contact}", "fulfilled", "EUR")
    assert found["ordered_at"] == datetime(2026, 9, 12, 10, tzinfo=UTC)
    assert (found["order_id"], found["amount"]) == (f"deal-{made}", Decimal(25))


@pytest.mark.parametrize(
    ("stage", "status"),
    [("closedwon", "fulfilled"), ("closedlost", "cancelled"), ("contractsent", "open")],
)
def test_only_won_deals_are_purchases(rig: Rig, stage: str, status: str) -> None:
    """Open ones are none yet, lost ones none any more; none of them is rejected for want of a day."""
    made = rig.sandbox.create_deal(None, [], stage=stage)
    assert rows(rig.crm(purchases="deals"), "deal")[f"hubspot:deal:{made}"]["status"] == status


def test_lines_belong_to_an_order_or_a_deal(rig: Rig) -> None:
    """At once by the listing, and later by association reads; with `orders` a deal's line belongs to nothing."""
    crm, narrow = rig.crm(purchases="both"), rig.crm()
    order, deal = rig.sandbox.create_order(None, [LAMP]), rig.sandbox.create_deal(None, [LAMP])
    listed = {row["order_key"] for row in rows(crm, "order_line").values()}
    assert listed == {f"hubspot:{order}", f"hubspot:deal:{deal}"}
    assert {row["order_key"] for row in rows(narrow, "order_line").values()} == {f"hubspot:{order}", None}
    cursor = pulled(crm, "order_line")[-1].cursor
    order, deal = rig.sandbox.create_order(None, [LAMP]), rig.sandbox.create_deal(None, [LAMP])
    rig.forget()
    searched = {row["order_key"] for row in rows(crm, "order_line", cursor).values()}
    assert {f"hubspot:{order}", f"hubspot:deal:{deal}"} <= searched
    assert len(rig.requests("/crm/associations/")) == 2


@pytest.mark.parametrize("first", ["listed", "searched"])
def test_orders_and_deals_of_one_sale_name_each_other(rig: Rig, first: str) -> None:
    """By all associations, whichever of the two was there first; other deals stay alone."""
    crm = rig.crm(purchases="both")
    cursors = after(crm) if first == "searched" else {}
    order = rig.sandbox.create_order(None, [])
    tied = [rig.sandbox.create_deal(None, [], order=order) for _ in range(2)]
    alone = rig.sandbox.create_deal(None, [])
    found = rows(crm, "order_header", cursors.get("order_header"))[f"hubspot:{order}"]
    assert found["replaces"] == ";".join(f"hubspot:deal:{one}" for one in sorted(tied, key=int))
    deals = rows(crm, "deal", cursors.get("deal"))
    assert {deals[f"hubspot:deal:{one}"]["replaced_by"] for one in tied} == {f"hubspot:{order}"}
    assert deals[f"hubspot:deal:{alone}"]["replaced_by"] is None


def test_a_wider_setting_reads_the_lines_again(rig: Rig) -> None:
    """A line that belonged to nothing belongs to its deal once deals are read."""
    deal = rig.sandbox.create_deal(None, [LAMP])
    cursors = after(rig.crm())
    wide = rig.crm(purchases="both")
    (line,) = rows(wide, "order_line", cursors["order_line"]).values()
    assert line["order_key"] == f"hubspot:deal:{deal}"


def test_a_known_deal_is_not_read_again(rig: Rig) -> None:
    """Versions are asked for by the deal's own key."""
    crm = rig.crm(purchases="deals")
    cursor = pulled(crm, "deal")[-1].cursor
    deal = rig.sandbox.create_deal(None, [])
    held = {f"hubspot:deal:{deal}": datetime(2030, 1, 1, tzinfo=UTC)}
    batches = list(crm.pull("deal", cursor, lambda keys: {key: held[key] for key in keys if key in held}))
    assert sum(batch.skipped for batch in batches) >= 1
    assert not rig.requests("deals/batch/read")


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("Refunded", "returned"),
        ("canceled", "cancelled"),
        ("VOIDED", "cancelled"),
        ("Draft", "open"),
        ("partially_refunded", "partially_refunded"),
        ("Shipped", "shipped"),
    ],
)
def test_states_of_other_shops_are_understood(words: str, status: str) -> None:
    """In any case; a word that nobody knows is a purchase, so that its item is suppressed."""
    mapped = load_mapping("hubspot", None).streams["order_header"]
    record = {"hs_external_order_status": words, "hs_createdate": "2026-09-01T00:00:00Z"}
    assert mapped.rows([record], {}).table["status"].to_pylist() == [status]


def test_a_product_is_found_by_its_record_before_its_sku(rig: Rig) -> None:
    """The line names HubSpot's product record, also when that is in the bin, and keeps its own SKU."""
    made = rig.act("POST", f"{OBJECTS}/products", {"properties": {"name": "Lamp", "hs_sku": "lamp"}})["id"]
    properties = {"hs_product_id": str(made), "hs_sku": "old", "quantity": "1"}
    rig.act("POST", f"{OBJECTS}/line_items", {"properties": properties})
    rig.act("DELETE", f"{OBJECTS}/products/{made}")
    (line,) = rows(rig.crm(), "order_line").values()
    assert (line["product_key"], line["product_id"]) == (f"hubspot:{made}", "old")


def held_in(rows_of: Mapping[str, Mapping[str, Any]]) -> Any:
    """What a warehouse would tell a sweep of these rows."""

    def held(table: str) -> pa.Table:
        found = [
            {"key": key, "version": row["version"], "gone": False, "bare": False, "points_to": row["contact_key"]}
            for key, row in sorted(rows_of.items())
        ]
        names = {"key": TEXT, "version": TIME, "gone": BOOL, "bare": BOOL, "points_to": TEXT, "replaces": TEXT}
        return pa.Table.from_pylist(found if table == "order_header" else [], pa.schema(names.items()))

    return held


def test_a_narrower_setting_puts_the_others_away(rig: Rig) -> None:
    """Deals that were read once are no purchases any more after the next sweep, without a call; orders stay."""
    contact = rig.contacts(1)[0]
    order, deal = rig.sandbox.create_order(contact, []), rig.sandbox.create_deal(contact, [])
    wide = rig.crm(purchases="both")
    seen = rows(wide, "order_header") | rows(wide, "deal")
    rig.forget()
    batches = list(rig.crm().sweep("gone", None, held_in(seen)))
    (gone,) = [row for each in batches for row in each.tables.get("order_header", pa.table({})).to_pylist()]
    assert (gone["key"], gone["contact_key"]) == (f"hubspot:deal:{deal}", f"hubspot:{contact}")
    assert gone["deleted_at"] is not None
    assert gone["version"] == seen[gone["key"]]["version"]
    assert f"hubspot:{order}" in seen
    assert not rig.requests("deals")
