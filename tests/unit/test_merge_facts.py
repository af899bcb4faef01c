"""The documented figures of the real shops, to the last digit, and the odd rows that no real shop has."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import pytest
from small_seen import contact, event, line, link, on, order, product, seen
from world_tables import world

from connector.merge import Identity, Seen, facts, identify

LATE = on("2030-01-01")

TAOBAO = {
    "contacts": 983,
    "products": 64440,
    "orders": 1880,
    "order_lines": 2101,
    "guest_orders": 0,
    "buyers": 671,
    "pairs_sold": 2007,
    "pairs_owned": 2007,
    "pairs_returned": 0,
    "interactions": 154406,
    "identified_keys": 1069,
    "shared_keys": 0,
    "impressions": 56128,
    "impressions_identified": 52165,
    "impressions_after_purchase": 2778,
    "cost_after_purchase": 11.0495,
}
ONLINE_RETAIL = {
    "contacts": 4267,
    "products": 4216,
    "orders": 23726,
    "order_lines": 496489,
    "guest_orders": 1635,
    "buyers": 4239,
    "pairs_sold": 257940,
    "pairs_owned": 256233,
    "pairs_returned": 1707,
    "interactions": 0,
    "identified_keys": 0,
    "shared_keys": 0,
    "impressions": 0,
    "impressions_identified": 0,
    "impressions_after_purchase": 0,
    "cost_after_purchase": 0.0,
}


@pytest.mark.shared
@pytest.mark.parametrize(("name", "expected"), [("taobao", TAOBAO), ("online-retail", ONLINE_RETAIL)])
def test_real_shops_give_the_figures_of_plain_queries(worlds: Path, name: str, expected: dict[str, Any]) -> None:
    """Sixteen facts equal those that plain SQL on the raw files gave."""
    engine = ibis.duckdb.connect()
    shop = world(worlds / name, engine)
    assert counted(shop) == expected


def counted(shop: Seen) -> dict[str, Any]:
    found = identify(shop)
    return dict(facts(shop, Identity(found.person.cache(), found.shared.cache()), LATE, ir.Table.cache))


def test_a_pair_counts_for_the_contact_that_survived() -> None:
    """Two merged contacts that bought one item are one buyer of one pair; merging persons is not needed for that."""
    found = counted(
        seen(
            contact=[
                contact("hubspot:1", merged_into="hubspot:2"),
                contact("hubspot:2"),
                contact("hubspot:3", email="a@x.test"),
                contact("hubspot:4", email="a@x.test", deleted_at=on("2026-01-02")),
            ],
            order_header=[order(str(n), f"hubspot:{n}", "2026-02-02") for n in (1, 2, 3, 4)],
            order_line=[line(str(n), "p") for n in (1, 2, 3, 4)],
        )
    )
    assert (found["contacts"], found["buyers"], found["pairs_sold"]) == (2, 3, 3)


def test_what_is_deleted_cancelled_or_later_does_not_count() -> None:
    """Deleted orders are no orders; cancelled and open ones are orders, but nobody bought."""
    found = counted(
        seen(
            contact=[contact("hubspot:1")],
            order_header=[
                order("1", "hubspot:1", "2026-02-02", deleted_at=on("2026-02-03")),
                order("2", "hubspot:1", "2026-02-02", status="cancelled"),
                order("3", "hubspot:1", "2026-02-02", status="open"),
                order("4", "hubspot:1", "2031-01-01"),
                order("5", None, "2026-02-02"),
            ],
            order_line=[line(str(n), "p") for n in (1, 2, 3, 4, 5)],
        )
    )
    assert (found["orders"], found["order_lines"], found["guest_orders"], found["buyers"]) == (3, 3, 1, 0)


def test_a_line_without_product_is_counted_but_no_pair() -> None:
    """It cannot be suppressed, yet the order was placed."""
    found = counted(
        seen(
            contact=[contact("hubspot:1")],
            order_header=[order("1", "hubspot:1", "2026-02-02")],
            order_line=[line("1", None), line("1", "unknown-to-the-catalogue")],
        )
    )
    assert (found["order_lines"], found["buyers"], found["pairs_owned"], found["products"]) == (2, 1, 1, 0)


def test_impressions_count_after_the_persons_first_purchase_of_the_family() -> None:
    """Strictly later, in any variant, on any contact of the person, by a device that was identified later."""
    shop = seen(
        contact=[contact("hubspot:1", email="a@x.test"), contact("hubspot:2", email="a@x.test", user_id="u")],
        product=[product("red", item_group_id="lamp"), product("blue", item_group_id="lamp")],
        order_header=[order("1", "hubspot:1", "2026-02-02")],
        order_line=[line("1", "red")],
        identity_link=[link("anonymous_id:a", "user_id:u")],
        interaction=[
            event("e0", "impression", "anonymous_id:a", "blue", "2026-02-01", cost=Decimal("0.1000")),
            event("e1", "impression", "anonymous_id:a", "blue", "2026-02-02", cost=Decimal("0.2000")),
            event("e2", "impression", "anonymous_id:a", "blue", "2026-02-03", cost=Decimal("0.4000")),
            event("e3", "impression", "anonymous_id:other", "blue", "2026-02-03", cost=Decimal("0.8000")),
            event("e4", "click", "anonymous_id:a", "blue", "2026-02-03", cost=Decimal("1.6000")),
        ],
    )
    found = counted(shop)
    assert [found[name] for name in TAOBAO if name.startswith(("impressions", "cost"))] == [4, 3, 1, 0.4]
