"""Scores and forecasts on a real shop: 4,239 buyers of a year, against a plain recomputation and against what came."""

import csv
import gzip
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import ibis
import ibis.expr.types as ir
import pytest
from reference_loyalty import CELLS, fifths
from world_tables import world

from connector.decide.loyalty import rfm
from connector.decide.loyalty.buying import buying, main_currency
from connector.decide.loyalty.forecasts import CELL, MODEL, SAME_AGAIN, expected_orders_at, order_days
from connector.merge import identify, merge
from connector.policies.loyalty import LoyaltyPolicy
from connector.relations import Merged

pytestmark = pytest.mark.shared

END = datetime(2010, 12, 1, tzinfo=UTC)
SPLIT, UNTIL = datetime(2010, 9, 1, tzinfo=UTC), END


class Retail:
    """The shop merged at some moments."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seen = world(folder, ibis.duckdb.connect())
        self.person = identify(self.seen).person.cache()

    def lines(self, as_of: datetime) -> ir.Table:
        merged: Merged = merge(self.seen, self.person, as_of, ir.Table.cache)
        return merged.lines.cache()

    def contacts(self) -> dict[str, str]:
        """Contact -> person."""
        rows = self.person.filter(self.person.identifier_type == "contact").to_pyarrow().to_pylist()
        return {row["identifier"].removeprefix("hubspot:"): row["person_id"] for row in rows}

    def rows(self, file: str) -> Iterator[dict[str, str]]:
        with gzip.open(self.folder / file, "rt", encoding="utf-8", newline="") as opened:
            yield from csv.DictReader(opened)


@pytest.fixture(scope="module")
def retail(worlds: Path) -> Retail:
    return Retail(worlds / "online-retail")


def plain_cells(retail: Retail) -> dict[str, str]:
    """Person -> cell, from the raw files."""
    person = retail.contacts()
    orders = {row["order_id"]: row for row in retail.rows("orders.csv.gz") if row["contact_id"]}
    spend: dict[str, Decimal] = defaultdict(Decimal)
    bought: dict[str, dict[str, datetime]] = defaultdict(dict)
    for line in retail.rows("order_lines.csv.gz"):
        if order := orders.get(line["order_id"]):
            who, quantity = person[order["contact_id"]], Decimal(line["quantity"])
            spend[who] += quantity * Decimal(line["unit_price"])
            if quantity > 0 and order["status"] == "fulfilled":
                bought[who][line["order_id"]] = datetime.fromisoformat(order["ordered_at"])
    recency = fifths({who: int(max(times.values()).timestamp()) for who, times in bought.items()})
    frequency = fifths({who: len(times) for who, times in bought.items()})
    return {who: CELLS[recency[who]][frequency[who] - 1] for who in bought}


def test_cells_equal_a_plain_recomputation(retail: Retail) -> None:
    """The cell of every buyer, ties by person, from the raw files in plain Python."""
    line = retail.lines(END)
    bought = buying(line, main_currency(line), LoyaltyPolicy(), END).cache()
    scored = rfm.scored(bought, rfm.boundaries(bought, LoyaltyPolicy(), END)).to_pyarrow().to_pylist()
    found = {row["person_id"]: row["rfm_cell"] for row in scored}
    assert found == plain_cells(retail)
    assert len(found) == 4239
    assert len(Counter(found.values())) == 10


def errors(retail: Retail) -> dict[str, float]:
    """Method -> mean absolute error of the orders from September to November."""
    line = retail.lines(SPLIT)
    foreseen = expected_orders_at(line, LoyaltyPolicy(), SPLIT, UNTIL, lambda table: table.cache())
    came = order_days(retail.lines(UNTIL), SPLIT, UNTIL).cache()
    both = foreseen.left_join(came, "person_id", rname="{name}_came")
    mistake = (both.orders - both.orders_came.fill_null(0)).abs()
    rows = both.group_by("method").agg(mae=mistake.mean(), people=both.count()).to_pyarrow().to_pylist()
    assert {row["people"] for row in rows} == {len(set(foreseen.person_id.to_pyarrow().to_pylist()))}
    return {row["method"]: row["mae"] for row in rows}


def test_the_model_foresees_more_than_the_last_three_months_tell(retail: Retail) -> None:
    """Trained to the end of August: closer than the same again and than cells; a year ago is not told, as none was."""
    found = errors(retail)
    print({method: round(mae, 4) for method, mae in sorted(found.items())})
    assert found.keys() == {MODEL, SAME_AGAIN, CELL}
    assert found[MODEL] < found[SAME_AGAIN]
