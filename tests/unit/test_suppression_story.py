"""Returns of a part, exchanges, gifts, bulk and written windows, told by a few orders each."""

from datetime import datetime, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pytest
from small_seen import contact, line, on, order, product, seen
from test_merge_random import by, rows

from connector.decide.suppression.standing import standings, states
from connector.merge import identify, merge
from connector.policies.suppression import SuppressionPolicy
from connector.schema import FIGURES

GOODS = [
    product("RED", item_group_id="LAMP", title="Lamp", product_type="Lamps > Pendant"),
    product("BLUE", item_group_id="LAMP", title="Lamp", product_type="Lamps > Pendant"),
    product("BULB", title="Bulb", product_type="Bulbs"),
]
RHYTHM = {"family": "BULB", "kind": "replenishable", "days": 30, "usual": 4.0}
Bought = list[tuple[str, str, int]]
"""Day, product and quantity, one order each."""

PEOPLE: dict[str, Bought] = {
    "part": [("2026-03-01", "RED", 2), ("2026-03-10", "RED", -1)],
    "whole": [("2026-03-01", "RED", 2), ("2026-03-10", "BLUE", -2)],
    "swap": [("2026-03-01", "RED", 1), ("2026-03-10", "RED", -1), ("2026-03-10", "BLUE", 1)],
    "old-swap": [("2026-03-10", "RED", -1), ("2026-03-10", "BLUE", 1)],
    "both-back": [("2026-03-01", "RED", 1), ("2026-03-10", "BLUE", 1), ("2026-03-10", "RED", -2)],
    "same-again": [("2026-03-10", "RED", -1), ("2026-03-10", "RED", 1)],
    "bulbs": [("2026-03-01", "BULB", 4)],
    "bulk": [("2026-03-01", "BULB", 8)],
    "pallet": [("2026-03-01", "BULB", 400)],
    "bulk-back": [("2026-03-01", "BULB", 8), ("2026-03-02", "BULB", -5)],
    "giver": [("2026-03-01", "BULB", 4)],
}


def shop() -> ir.Table:
    """Everybody's holdings and the catalogue."""
    headers, sold = [], []
    for name, bought in PEOPLE.items():
        for number, (day, what, quantity) in enumerate(bought):
            code = f"{name}-{number}"
            headers.append(order(code, f"hubspot:{name}", day, gift=name == "giver"))
            sold.append(line(code, what, quantity))
    people = [contact(f"hubspot:{name}", email=f"{name}@example.com") for name in PEOPLE]
    whole = seen(contact=people, product=GOODS, order_header=headers, order_line=sold)
    return merge(whole, identify(whole).person.cache(), on("2026-03-15"), ir.Table.cache)


MERGED: Any = shop()


def told(policy: SuppressionPolicy | None = None) -> dict[str, dict[str, Any]]:
    """Person -> standing."""
    schema = pa.schema([FIGURES["rhythm"].field(name) for name in RHYTHM])
    rhythm = ibis.memtable(pa.Table.from_pylist([RHYTHM], schema))
    found = standings(MERGED.holding, MERGED.catalogue, rhythm, policy or SuppressionPolicy()).cache()
    named = by(rows(found), "person_id")
    return {person.removeprefix("hubspot:"): row for (person,), row in named.items()}


@pytest.fixture(scope="module")
def standing() -> dict[str, dict[str, Any]]:
    """By the policy as shipped."""
    return told()


def until(row: dict[str, Any]) -> tuple[str, str, datetime]:
    return row["state"], row["reason"], row["until"]


def test_returns_count_by_quantity(standing: dict[str, dict[str, Any]]) -> None:
    """A part given back changes nothing; the whole, in any variant, cools off for thirty days."""
    assert until(standing["part"]) == ("bought", "bought", on("2027-03-01"))
    assert until(standing["whole"]) == ("returned", "returned", on("2026-04-09"))
    assert (standing["whole"]["last_product_id"], standing["whole"]["last_order_id"]) == ("BLUE", "whole-1")


def test_an_exchange_is_a_purchase(standing: dict[str, dict[str, Any]]) -> None:
    """Another variant on the day of the return keeps the family out, even where the first purchase is not known."""
    assert until(standing["swap"]) == until(standing["old-swap"]) == ("bought", "exchanged", on("2027-03-10"))
    assert until(standing["both-back"]) == until(standing["same-again"]) == ("returned", "returned", on("2026-04-09"))


def test_bulk_lasts_longer(standing: dict[str, dict[str, Any]]) -> None:
    """Twice the usual quantity lasts twice as long, a pallet three times; what went back does not count."""
    begun = on("2026-03-01")
    lasts = {name: (standing[name]["until"] - begun).days for name in ("bulbs", "bulk", "pallet", "bulk-back")}
    assert lasts == {"bulbs": 30, "bulk": 60, "pallet": 90, "bulk-back": 30}


def test_gifts_are_not_used_up(standing: dict[str, dict[str, Any]]) -> None:
    """A gift is kept out as a purchase is, but nobody is told to buy it again for themselves."""
    assert until(standing["giver"]) == ("bought", "gift", on("2026-03-31"))
    assert (standing["giver"]["then"], standing["bulbs"]["then"]) == ("readmitted", "replenish_due")


def test_what_is_written_wins() -> None:
    """A family's window before its type's, the longest path first, before one for all, before what is learned."""
    type_too = {"Lamps": timedelta(days=5), "Lamps > Pendant": timedelta(days=7)}
    policy = SuppressionPolicy(window=timedelta(days=9), windows=type_too, families={"BULB": timedelta(days=2)})
    found = told(policy)
    assert (found["part"]["until"], found["bulk"]["until"]) == (on("2026-03-08"), on("2026-03-03"))
    assert {row["length"] for row in found.values()} == {"written", "cool_off"}
    only = told(SuppressionPolicy(window=timedelta(days=9)))
    assert only["bulk"]["until"] == on("2026-03-10")
    assert only["bulbs"]["then"] == "replenish_due"


def test_each_story_ends_in_its_state() -> None:
    """A year later the lamps may be shown again and the bulbs are due; what was only looked at is touched."""
    schema = pa.schema([FIGURES["rhythm"].field(name) for name in RHYTHM])
    found = standings(
        MERGED.holding,
        MERGED.catalogue,
        ibis.memtable(pa.Table.from_pylist([RHYTHM], schema)),
        SuppressionPolicy(),
    )
    touch = MERGED.touch.schema().to_pyarrow().empty_table()
    seen_only = dict.fromkeys(touch.schema.names)
    counts = {name: 0 for name in seen_only if name.endswith("s") and not name.startswith("last")}
    looked = {**seen_only, **counts, "person_id": "p", "family": "LAMP", "views": 2, "last_view_at": on("2026-03-02")}
    table = ibis.memtable(pa.Table.from_pylist([looked], touch.schema))
    after = by(rows(states(found, table, on("2027-06-01"))), "person_id")
    assert after[("hubspot:part",)]["state"] == after[("hubspot:giver",)]["state"] == "readmitted"
    assert after[("hubspot:bulbs",)]["state"] == "replenish_due"
    assert (after[("p",)]["state"], after[("p",)]["since"]) == ("touched", on("2026-03-02"))
