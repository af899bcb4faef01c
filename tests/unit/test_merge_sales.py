"""One sale counts once, and what came back comes back once, however many records tell of it."""

from decimal import Decimal
from functools import cache
from typing import Any

import ibis.expr.types as ir
import pytest
from small_seen import contact, line, on, order, product, seen

from connector.merge import Identity, Merged, facts, identify, merge
from connector.merge.seen import Seen

LATE = on("2026-12-01")
DANA = "hubspot:1"


def shop(orders: list[dict[str, Any]], lines: list[dict[str, Any]], **tables: list[dict[str, Any]]) -> Seen:
    """Dana's orders."""
    goods = tables.pop("product", [product("lamp"), product("rug")])
    return seen(contact=[contact(DANA)], product=goods, order_header=orders, order_line=lines, **tables)


def merged(rows: Seen) -> Merged:
    return merge(rows, identify(rows).person.cache(), LATE, ir.Table.cache)


def held(rows: Seen) -> dict[str, dict[str, Any]]:
    """Family -> what Dana holds of it."""
    return {row["family"]: row for row in merged(rows).holding.to_pyarrow().to_pylist()}


def bought(number: str, day: str = "2026-02-01", **columns: Any) -> dict[str, Any]:
    return order(number, columns.pop("contact_key", DANA), day, **columns)


BACK = {"status": "returned"}
TOLD: dict[str, tuple[list[tuple[str, list[int]]], int]] = {
    "nothing came back": ([("fulfilled", [2])], 2),
    "a part, by a line of the order": ([("fulfilled", [2, -1])], 1),
    "a part, by a credit note": ([("fulfilled", [2]), ("returned", [-1])], 1),
    "whole, by the order's state": ([("returned", [2])], 0),
    "whole, by state and own lines": ([("returned", [2, -2])], 0),
    "whole, by state and a line for some": ([("returned", [2, -1])], 0),
    "whole, by state and a credit note": ([("returned", [2]), ("returned", [-2])], 0),
    "by state and a credit note, bought twice": ([("returned", [1]), ("fulfilled", [1]), ("returned", [-1])], 1),
    "more than the state tells of": ([("returned", [1]), ("fulfilled", [2]), ("returned", [-2])], 1),
    "a credit note for an earlier order": ([("fulfilled", [1]), ("returned", [-1]), ("returned", [1])], 0),
    "some before and some after": ([("fulfilled", [2]), ("returned", [-1]), ("returned", [2]), ("returned", [-3])], 0),
    "more than was bought": ([("returned", [1]), ("returned", [-3])], -2),
    "cancelled": ([("cancelled", [2, -2]), ("open", [1])], 0),
}
"""Orders of one lamp, each with its state and the quantities on its lines, and how many lamps are left."""


@cache
def left() -> dict[str, Decimal]:
    """Who has how many lamps: a person of each story, all in one shop."""
    rows: dict[str, list[dict[str, Any]]] = {"contact": [], "order_header": [], "order_line": []}
    for who, (orders, _) in enumerate(TOLD.values()):
        rows["contact"].append(contact(f"hubspot:{who}"))
        for at, (status, quantities) in enumerate(orders):
            number = f"{who}-{at}"
            rows["order_header"].append(order(number, f"hubspot:{who}", f"2026-02-0{at + 1}", status=status))
            lines = [line(number, "lamp", each, key=f"{number}:{n}") for n, each in enumerate(quantities)]
            rows["order_line"].extend(lines)
    holding = merged(seen(product=[product("lamp")], **rows)).holding.to_pyarrow().to_pylist()
    return {row["person_id"]: row["net_quantity"] for row in holding}


@pytest.mark.parametrize("how", TOLD)
def test_what_came_back_comes_back_once(how: str) -> None:
    """Lines count by quantity, the state gives the whole order back, and neither is added to the other."""
    assert left().get(f"hubspot:{list(TOLD).index(how)}", 0) == TOLD[how][1]


def test_what_was_given_back_whole_is_no_purchase() -> None:
    """Of two orders the one that stands is first and last; the other still says when something came back."""
    orders = [bought("1", "2026-01-05", **BACK), bought("2", "2026-02-05"), bought("3", "2026-03-05", **BACK)]
    lamp = held(shop(orders, [line(n, "lamp") for n in ("1", "2", "3")]))["lamp"]
    assert (lamp["net_quantity"], lamp["bought_quantity"], lamp["last_order_id"]) == (1, 3, "2")
    assert lamp["first_purchase_at"] == lamp["last_purchase_at"] == on("2026-02-05")
    assert lamp["last_return_at"] == on("2026-03-05")


def test_a_refund_without_a_product_is_that_of_its_order() -> None:
    """A line of money alone, in an order that was given back, takes nothing away a second time."""
    lines = [line("1", "lamp"), line("1", None, -1, key="x:1"), line("2", None, -1, key="x:2")]
    found = merged(shop([bought("1", **BACK), bought("2")], lines)).lines.to_pyarrow().to_pylist()
    assert {row["key"]: row["counts"] for row in found} == {"hubspot:1-lamp": 0, "x:1": 0, "x:2": -1}


def deal(number: str, **columns: Any) -> dict[str, Any]:
    """A won deal of Dana's."""
    return {**bought(number), "key": f"hubspot:deal:{number}", "order_id": f"deal-{number}", **columns}


def of_deal(number: str, product_id: str, quantity: int = 1) -> dict[str, Any]:
    return line(number, product_id, quantity, key=f"hubspot:d{number}-{product_id}", order_key=f"hubspot:deal:{number}")


def test_a_deal_and_an_order_of_one_number_are_two() -> None:
    """Records are numbered by type; both count, each with its own lines."""
    lamp = held(shop([bought("7"), deal("7")], [line("7", "lamp"), of_deal("7", "lamp", 2)]))["lamp"]
    assert lamp["net_quantity"] == 3


TIED = {
    "the deal says so": ({}, {"replaced_by": "hubspot:1;hubspot:99"}),
    "the order says so": ({"replaces": "hubspot:deal:6;hubspot:deal:7"}, {}),
    "both say so": ({"replaces": "hubspot:deal:7"}, {"replaced_by": "hubspot:1"}),
}


@pytest.mark.parametrize("how", TIED)
def test_a_deal_that_became_an_order_is_no_second_purchase(how: str) -> None:
    """Whichever of the two records knows of the other: the order counts, with its own lines."""
    of_order, of_the_deal = TIED[how]
    rows = shop([bought("1", **of_order), deal("7", **of_the_deal)], [line("1", "lamp"), of_deal("7", "lamp", 2)])
    assert held(rows)["lamp"]["net_quantity"] == 1


def test_the_facts_count_each_sale_once() -> None:
    """Neither a deal that became an order nor the amount of one without lines is a line more than there are."""
    orders = [bought("1"), deal("7", replaced_by="hubspot:1"), deal("8", amount=Decimal(80))]
    rows = shop(orders, [line("1", "lamp"), of_deal("7", "lamp", 2)])
    who = identify(rows)
    found = facts(rows, Identity(who.person.cache(), who.shared.cache()), LATE, ir.Table.cache)
    assert (found["orders"], found["order_lines"], found["pairs_sold"]) == (2, 1, 1)


def test_a_deal_whose_order_is_gone_counts_again() -> None:
    """Deleted, or never seen: somebody must stand for the sale."""
    gone = bought("1", deleted_at=on("2026-05-01"), replaces="hubspot:deal:7")
    for orders in ([gone, deal("7", replaced_by="hubspot:1")], [deal("7", replaced_by="hubspot:1")]):
        assert held(shop(orders, [line("1", "lamp"), of_deal("7", "lamp", 2)]))["lamp"]["net_quantity"] == 2


def test_a_deal_without_lines_is_an_order_of_its_amount() -> None:
    """It has no item, but it is an order that was paid; a line, once there is one, speaks for itself."""
    orders = [deal("7", amount=Decimal(250)), deal("8", amount=Decimal(0)), deal("9", amount=Decimal(80))]
    found = merged(shop(orders, [of_deal("9", "lamp")]))
    lines = {row["order_key"]: row for row in found.lines.to_pyarrow().to_pylist()}
    assert lines.keys() == {"hubspot:deal:7", "hubspot:deal:9"}
    bare = lines["hubspot:deal:7"]
    assert (bare["quantity"], bare["unit_price"], bare["family"]) == (1, 250, None)
    assert lines["hubspot:deal:9"]["unit_price"] == 10
    assert [row["family"] for row in found.holding.to_pyarrow().to_pylist()] == ["lamp"]


def test_a_line_finds_its_product_by_key_and_then_by_sku() -> None:
    """The CRM's product row names the item; where that leads nowhere the line's own SKU does."""
    goods = [product("lamp"), {**product("lamp"), "key": "hubspot:31", "source": "hubspot"}]
    lines = [
        line("1", "old-sku", product_key="hubspot:31"),
        line("2", "lamp", product_key="hubspot:404"),
        line("3", "lamp", product_key=None),
    ]
    found = held(shop([bought(n) for n in ("1", "2", "3")], lines, product=goods))
    assert {family: row["net_quantity"] for family, row in found.items()} == {"lamp": 3}


def of_both(here: dict[str, Any], there: dict[str, Any]) -> list[dict[str, Any]]:
    """Dana's lamps by one order that either CRM holds: two by HubSpot, three by Salesforce."""
    orders = [bought("A7", **here), bought("A7", **{"crm": "salesforce", **there})]
    lines = [line("A7", "lamp", 2), line("A7", "lamp", 3, crm="salesforce")]
    return merged(shop(orders, lines)).lines.to_pyarrow().to_pylist()


@pytest.mark.parametrize(
    ("here", "there", "counts"),
    [
        ({}, {}, 2),
        ({"updated_at": on("2026-03-01")}, {"updated_at": on("2026-03-02")}, 3),
        ({"updated_at": on("2026-03-01")}, {}, 2),
        ({"updated_at": on("2026-03-03"), "contact_key": None}, {"updated_at": on("2026-03-02")}, 3),
        ({"deleted_at": on("2026-03-01")}, {}, 3),
        ({"updated_at": on("2026-03-03"), "status": "cancelled"}, {}, 0),
    ],
)
def test_an_order_that_both_crms_hold_is_one(here: dict[str, Any], there: dict[str, Any], counts: int) -> None:
    """That of the CRM which knows the buyer, of two that do the one last changed; a deleted one tells nothing."""
    assert sum(row["counts"] for row in of_both(here, there)) == counts


def test_orders_that_only_look_alike_are_two() -> None:
    """Within one CRM a number may stand twice, as on a credit note; orders without a number are nobody's twins."""
    credit = {**bought("A7", **BACK), "key": "hubspot:A7-C"}
    nameless = [bought("1", order_id=None), bought("1", crm="salesforce", order_id=None)]
    lines = [line("A7", "lamp"), line("A7", "lamp", -1, key="x:1", order_key="hubspot:A7-C"), line("1", "rug")]
    found = held(shop([bought("A7"), credit, *nameless], [*lines, line("1", "rug", crm="salesforce")]))
    assert (found["lamp"]["net_quantity"], found["rug"]["net_quantity"]) == (0, 2)
