"""What only the sweep sees in a Salesforce org, and how far it trusts an absence."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest
from salesforce_rig import Org, everything, org, pulled, rows

from connector.errors import GuardStop
from connector.model import Batch
from connector.schema import table_of


@pytest.fixture
def shop() -> Iterator[Org]:
    """An empty org."""
    with org() as opened:
        yield opened


def held(batches: dict[str, list[Batch]]) -> Any:
    """What a warehouse holds that kept these batches, by stream."""
    schema = pa.schema([("key", pa.string()), ("version", pa.timestamp("us", tz="UTC")), ("gone", pa.bool_())])
    schema = schema.append(pa.field("bare", pa.bool_()))
    schema = schema.append(pa.field("points_to", pa.string())).append(pa.field("replaces", pa.string()))
    points = {"contact": "merged_into", "order_header": "contact_key", "order_line": "order_key"}

    def of(table: str) -> pa.Table:
        every = [row for name, some in batches.items() if table_of(name) == table for row in rows(some).values()]
        told = [
            {
                "key": row["key"],
                "version": row["version"],
                "gone": row["deleted_at"] is not None,
                "bare": False,
                "points_to": row.get(points.get(table, "")),
                "replaces": None,
            }
            for row in every
        ]
        return pa.Table.from_pylist(told, schema=schema)

    return of


def all_of(shop: Org, **settings: Any) -> dict[str, list[Batch]]:
    """Every stream, pulled once."""
    crm = shop.crm(**settings)
    return {stream: pulled(crm, stream) for stream in crm.streams()}


@pytest.mark.parametrize("bulk_above", [5_000, 1])
def test_a_line_that_was_deleted_for_good(shop: Org, bulk_above: int) -> None:
    """No query tells of it; the sweep does, by pages and by a job alike, and nothing else differs."""
    shop.order(shop.contact(), ("lamp", "1", "9.95"), ("bulb", "2", "1.00"))
    shop.later()
    before = all_of(shop)
    line = next(iter(rows(before["order_line"])))
    shop.levers["hard_delete"]("OrderItem", [line])
    shop.later()
    found = list(shop.crm(bulk_above=bulk_above).sweep("gone", None, held(before)))
    assert [(key, row["deleted_at"] is not None) for key, row in rows(found).items()] == [(line, True)]
    assert all(batch.read == batch.kept + batch.skipped + len(batch.rejected) for batch in found)


def test_a_sweep_does_not_settle_what_a_long_transaction_may_still_change(shop: Org) -> None:
    """It read a contact just before a change that carries an older time was committed: the next pull sees that."""
    contact = shop.contact(Email="before@example.com")
    shop.later()
    before = all_of(shop)
    shop.levers["update"]("Contact", contact, {"MailingCity": "Lampedusa"})
    shop.levers["late_commit"]("Contact", {"Email": "after@example.com"}, contact, 600)
    shop.later(120)
    swept = rows(list(shop.crm().sweep("gone", None, held(before))))
    assert swept[contact]["city"] == "Lampedusa"
    shop.levers["commit"]()
    known = {f"salesforce:{contact}": swept[contact]["version"]}
    news = rows(pulled(shop.crm(), "contact", before["contact"][-1].cursor, lambda keys: known))
    assert news[contact]["email"] == "after@example.com"


def test_opportunities_and_orders_share_a_table_and_not_their_fate(shop: Org) -> None:
    """A sweep of orders takes no opportunity for a missing order."""
    buyer = shop.contact()
    shop.order(buyer)
    shop.levers["create_opportunity"](buyer, [("lamp", "1", "2.00")])
    shop.later()
    before = all_of(shop, purchases="both")
    assert rows(list(shop.crm(purchases="both").sweep("gone", None, held(before)))) == {}
    assert rows(list(shop.crm().sweep("gone", None, held(before)))) == {}


def test_too_many_absences_wait_for_a_person(shop: Org) -> None:
    """Records that sharing hides look like deleted ones: more than a few hundred need a word, and nothing is lost."""
    ids = shop.contacts(150)
    shop.later()
    before = all_of(shop)
    shop.levers["restrict"](ids[:120])
    with pytest.raises(GuardStop, match="120 of our 150"):
        list(shop.crm().sweep("gone", None, held(before)))
    approved = list(shop.crm().sweep("gone", None, held(before), approved=True))
    assert len(rows(approved)) == 120


def test_a_gap_calls_for_the_sweep(shop: Org) -> None:
    """Off for longer than Salesforce knows of deletions: the sweep cannot wait, until it was made."""
    shop.contact()
    cursors = everything(shop.crm())
    assert all(every > timedelta() for every in shop.crm().sweeps().values())
    shop.later(20 * 86_400)
    pulled(shop.crm(), "contact", cursors["contact"])
    assert shop.crm().sweeps() == {"gone": timedelta()}
    list(shop.crm().sweep("gone", None, held(all_of(shop))))
    assert all(every > timedelta() for every in shop.crm().sweeps().values())
