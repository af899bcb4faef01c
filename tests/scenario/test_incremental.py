"""Deciding again only for whom there is news gives what deciding for everybody gives."""

from datetime import timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from lamp_install import Shop

from connector.home import Home, open_home
from connector.pipeline import decisions
from connector.store import runs

pytestmark = pytest.mark.slow

TABLES = ("person", *decisions.PERSON_TABLES)


def holding_now(home: Home) -> dict[str, pa.Table]:
    """Every derived table as readers see it, in one order, without the run that decided it."""
    tables = {}
    for name in TABLES:
        rows = home.warehouse.derived(name).drop("run")
        tables[name] = rows.order_by(rows.columns).to_pyarrow()
    return tables


def decide_everybody_again(home: Home) -> None:
    """What a full pass does, with the shop-wide figures left as they are."""
    last = runs.latest(home.store, decided=True)[0]
    figures = runs.latest(home.store, decided=True, full=True)[0].number
    decisions.decide_everybody(home, last.number + 1, last.as_of, figures)


def shake(shop: Shop) -> None:
    """A week in the shop: orders, a return, an opt-out, a merge, a new contact, a re-dated order, with runs between."""
    portal, end = shop.sandbox.portal, shop.end
    dana, carl, rosa = (shop.contact(f"{name}@example.com") for name in ("dana", "carl", "rosa"))
    given_back = portal.create_order(
        carl, [("TAB-03-BLACK", "2", "89.00"), ("BUL-01-2700K", "4", "9.00")], ordered_at=end
    )
    shop.api("POST", "contacts", {"properties": {"email": "nina@example.com", "hs_email_optout": "false"}})
    assert shop.run(days=1).status == "done"
    portal.create_order(dana, [("PEN-01-BRASS", "-1", "179.90")], status="returned", ordered_at=end + timedelta(days=1))
    late = portal.create_order(rosa, [("FLO-02-BRASS", "1", "310.00")], ordered_at=end + timedelta(days=3))
    shop.api("PATCH", f"contacts/{carl}", {"properties": {"hs_email_optout": "true"}})
    assert shop.run(days=1.1).status == "done"
    shop.api("POST", "contacts/merge", {"primaryObjectId": rosa, "objectIdToMerge": dana})
    shop.api("PATCH", f"orders/{late}", {"properties": {"hs_external_order_status": "cancelled"}})
    shop.api("PATCH", f"orders/{given_back}", {"properties": {"hs_external_order_status": "Refunded"}})
    assert shop.run(days=1.2).status == "done"
    nina = shop.contact("nina@example.com")
    portal.create_order(nina, [("PEN-01-BLACK", "1", "179.90")], ordered_at=end + timedelta(days=1))
    assert shop.run(days=1.3).status == "done"


def test_a_week_of_changes_decided_bit_by_bit_equals_deciding_everybody(shop: Shop) -> None:
    """Every derived table is the same, row by row, after a full pass over the same rows and figures."""
    shake(shop)
    with open_home(shop.home) as home:
        bit_by_bit = holding_now(home)
        decide_everybody_again(home)
        at_once = holding_now(home)
    for name in TABLES:
        assert bit_by_bit[name].num_rows > 0
        assert bit_by_bit[name] == at_once[name], name


def test_a_product_that_moves_to_another_family_takes_its_people_along(shop: Shop) -> None:
    """A feed that puts a lamp into another item group: its people are decided anew, as deciding everybody would."""
    with open_home(shop.home) as home:
        last = runs.latest(home.store, decided=True)[0]
        product = home.warehouse.current("product")
        moved = product.filter(product.product_id.startswith("PEN-01")).to_pyarrow()
        versions = pc.add(moved["version"], pa.scalar(timedelta(days=1), pa.duration("us")))
        changes = {"version": versions, "item_group_id": pa.array(["TAB-03"] * moved.num_rows)}
        for name, column in changes.items():
            moved = moved.set_column(moved.schema.get_field_index(name), name, column)
        home.warehouse.append("product", moved, last.number + 1)
    report = shop.run(days=0.5, only="decide")
    with open_home(shop.home) as home:
        bit_by_bit = holding_now(home)
        decide_everybody_again(home)
        at_once = holding_now(home)
    assert not report.full
    assert 0 < report.decided < len(set(at_once["person"]["person_id"].to_pylist())) / 2
    assert "PEN-01" not in at_once["holding"]["family"].to_pylist()
    for name in TABLES:
        assert bit_by_bit[name] == at_once[name], name
