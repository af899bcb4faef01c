"""What random people bought and gave back over a year or two, as the order lines that merge/ makes whole.

Many small shops stand side by side under different names. Moments are few, so that ties are common, and carry the zones
of the world; quantities, variants, gifts, orders that came back whole and lines that take back too much all occur.
"""

import random
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from random_shop import Row

from connector.merge.sales import counted

START = datetime(2025, 1, 1, tzinfo=UTC)
ZONES = (UTC, timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(hours=-8)))
TYPES = ("Lamps", "Lamps > Pendant", "Bulbs", None)
MONEY, TIME = pa.decimal128(18, 4), pa.timestamp("us", tz="UTC")
SCHEMA = pa.schema(
    [
        *[(name, pa.string()) for name in ("key", "order_id", "order_key", "person_id", "product_id", "family")],
        ("quantity", MONEY),
        ("ordered_at", TIME),
        ("status", pa.string()),
        ("gift", pa.bool_()),
    ]
)


class Lives:
    """Lines of several shops, and what they sell.

    Attributes:
        lines: with `counts`, in a random order.
        goods: product -> (family, product_type, sensitive).
    """

    def __init__(self, seeds: Iterable[int]) -> None:
        self.goods: dict[str, tuple[str, str | None, bool]] = {}
        rows = [row for seed in seeds for row in self._shop(random.Random(seed), seed)]
        random.Random(0).shuffle(rows)
        line = counted(ibis.memtable(pa.Table.from_pylist(rows, SCHEMA)))
        self.table = line.to_pyarrow()
        self.lines = [{**row, "ordered_at": row["ordered_at"].astimezone(UTC)} for row in self.table.to_pylist()]

    def _shop(self, chance: random.Random, seed: int) -> list[Row]:
        families = [f"{seed}-f{number}" for number in range(chance.randint(1, 4))]
        for family in families:
            kind = chance.choice(TYPES)
            for variant in range(chance.randint(1, 3)):
                self.goods[f"{family}.{variant}"] = (family, kind, chance.random() < 0.1)
        people = [f"{seed}-p{number}" for number in range(chance.randint(1, 5))]
        days = chance.choice((20, 200, 600))
        return [self._line(chance, f"{seed}-l{n}", people, families, days) for n in range(chance.randint(0, 40))]

    def _line(self, chance: random.Random, key: str, people: list[str], families: list[str], days: int) -> Row:
        pick = chance.choice
        family = pick((*families, families[0], None))
        variants = [product for product, (name, *_) in self.goods.items() if name == family]
        order = f"{key}-{pick(('a', 'b'))}"
        return {
            "key": key,
            "order_id": pick((order, None)),
            "order_key": order,
            "person_id": pick((*people, None)),
            "product_id": pick(variants) if variants else None,
            "family": family,
            "quantity": Decimal(pick((-3, -1, -1, 0, 1, 1, 1, 2, 5, 12))).quantize(Decimal("0.0001")),
            "ordered_at": self.moment(chance, days),
            "status": pick(("fulfilled", "fulfilled", "fulfilled", "returned", None)),
            "gift": chance.random() < 0.2,
        }

    def moment(self, chance: random.Random, days: int) -> datetime:
        at = START + timedelta(days=chance.randint(0, days), hours=chance.choice((0, 3, 22)))
        return at.astimezone(chance.choice(ZONES))

    def pairs(self, until: datetime | None = None) -> dict[tuple[str, str], list[Row]]:
        """Person and family -> lines up to a moment."""
        found = defaultdict(list)
        for one in self.lines:
            if one["person_id"] and one["family"] and (until is None or one["ordered_at"] <= until):
                found[one["person_id"], one["family"]].append(one)
        return found

    @property
    def line(self) -> ir.Table:
        """The lines as `Merged.lines`."""
        return ibis.memtable(self.table)

    @property
    def types(self) -> dict[str, str | None]:
        """Product -> its type."""
        return {product: kind for product, (_, kind, _) in self.goods.items()}

    @property
    def family_types(self) -> dict[str, str | None]:
        """Family -> its type."""
        return {family: kind for family, kind, _ in self.goods.values()}

    @property
    def catalogue(self) -> ir.Table:
        """What standings look up."""
        rows: list[dict[str, Any]] = [
            {"product_id": product, "title": product, "product_type": kind, "sensitive": sensitive}
            for product, (_, kind, sensitive) in self.goods.items()
        ]
        text = ("product_id", "title", "product_type")
        schema = pa.schema([*[(name, pa.string()) for name in text], ("sensitive", pa.bool_())])
        return ibis.memtable(pa.Table.from_pylist(rows, schema))

    @property
    def family(self) -> ir.Table:
        """What rhythms look up."""
        found = self.family_types
        columns = {"family": list(found), "product_type": list(found.values())}
        return ibis.memtable(pa.table(columns, pa.schema([("family", pa.string()), ("product_type", pa.string())])))
