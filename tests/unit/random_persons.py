"""Random persons of many small shops as decide/ knows them: holdings, touches, lines, events, traits; full of ties."""

import random
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from random_rules import CAMPAIGNS, FAMILIES, PRODUCTS, TEXTS
from random_shop import Row
from reference_rules import Known, Shop

from connector.decide.membership.stories import Basis
from connector.relations import Merged
from connector.rule_words import CLOSED, TRAITS
from connector.schema import BOOL, DERIVED, FIGURES, MONEY, TEXT, TIME

NOW = datetime(2026, 10, 1, 12, tzinfo=UTC)
TYPES = ("Lamps", "Lamps > Pendant", "Lampshades", "Rugs", "Home", None)
STANDING = ("last_product_id", "last_order_id", "last_line_key", "reason", "title", "product_type")
COLUMNS: Mapping[str, pa.Schema] = {
    "trait": DERIVED["trait"],
    "touch": DERIVED["touch"],
    "holding": DERIVED["holding"],
    "due": DERIVED["replenish"],
    "recommended": DERIVED["recommendation"],
    "family": FIGURES["family"],
    "active": pa.schema(
        [("person_id", TEXT), ("family", TEXT), ("since", TIME), ("until", TIME), ("sensitive", BOOL)]
        + [(name, TEXT) for name in STANDING]
    ),
    "lines": pa.schema(
        [(name, TEXT) for name in ("person_id", "family", "product_id", "order_id", "order_key", "key")]
        + [("quantity", MONEY), ("counts", MONEY), ("ordered_at", TIME)]
    ),
    "interaction": pa.schema(
        [(name, TEXT) for name in ("person_id", "key", "kind", "family", "product_id", "campaign")]
        + [("occurred_at", TIME)]
    ),
    "catalogue": pa.schema([("product_id", TEXT), ("title", TEXT), ("product_type", TEXT), ("sensitive", BOOL)]),
}
OF_A_PERSON = ("touch", "holding", "active", "due", "recommended", "lines", "interaction")


class Persons:
    """Some persons in each of many shops, as rows and as tables."""

    def __init__(self, seed: int, shops: int, each: int) -> None:
        self.chance = random.Random(seed)
        self.rows: dict[str, list[Row]] = {name: [] for name in COLUMNS}
        self.rows["catalogue"] = [self._product(name) for name in PRODUCTS[1:]]
        self.rows["family"] = [self._family(name) for name in FAMILIES]
        for number in range(shops * each):
            self._person(f"{number // each}:{number % each}")

    def _moment(self) -> datetime:
        """Some lie on the very edge of a window."""
        return NOW - timedelta(days=self.chance.choice((0, 1, 4, 4, 9, 10, 10, 14, 25, 30, 30, 60)))

    def _seldom(self, value: Any) -> Any:
        return value if self.chance.random() < 0.2 else None

    def _product(self, name: str) -> Row:
        pick = self.chance.choice
        title = pick((f"Title {name}", f"Title {name}", None))
        return {"product_id": name, "title": title, "product_type": pick(TYPES), "sensitive": self._seldom(True)}

    def _family(self, name: str) -> Row:
        pick = self.chance.choice
        told = {"title": f"Family {name}", "product_type": pick(TYPES[:4]), "buyers": pick((0, 3, 3, 5))}
        return {"family": name, **told, "available": pick((True, True, False)), "sensitive": bool(self._seldom(True))}

    def _person(self, name: str) -> None:
        chance = self.chance
        self.rows["trait"].append({"person_id": name, **{trait: self._trait(trait) for trait in TRAITS}})
        makers = {"touch": self._touch, "holding": self._holding, "active": self._standing}
        for table, make in makers.items():
            families = chance.sample(FAMILIES, chance.choice((0, 1, 2, 4)))
            self.rows[table] += [{"person_id": name, "family": family, **make()} for family in families]
        mine = [row["family"] for row in self.rows["holding"] if row["person_id"] == name]
        for family in chance.sample(mine, min(len(mine), chance.choice((0, 1, 2)))):
            self.rows["due"].append({"person_id": name, "family": family, "due_at": self._moment(), "evidence": "{}"})
        for rank, family in enumerate(chance.sample(FAMILIES, chance.choice((0, 0, 1, 3)))):
            offer = {"product_id": chance.choice(PRODUCTS), "title": f"Offer {family}", "why": f"why {rank}"}
            self.rows["recommended"].append({"person_id": name, "rank": rank, "family": family, **offer})
        self.rows["lines"] += [self._line(name, number) for number in range(chance.choice((0, 2, 6)))]
        self.rows["interaction"] += [self._interaction(name, number) for number in range(chance.choice((0, 3, 9)))]

    def _trait(self, name: str) -> Any:
        kind, pick = TRAITS[name], self.chance.choice
        if kind == "text":
            return pick((*(CLOSED.get(name) or TEXTS[name]), None))
        if kind == "flag":
            return pick((True, False, None))
        if kind == "time":
            return pick((self._moment(), None))
        is_money = DERIVED["trait"].field(name).type == MONEY
        return pick((None, Decimal("3.5"), Decimal("40.0051"), Decimal(0))) if is_money else pick((None, 0, 1, 2, 40))

    def _touch(self) -> Row:
        lasts = {f"last_{kind}_at": self.chance.choice((self._moment(), None)) for kind in KINDS}
        return {**lasts, "last_product_id": self.chance.choice(PRODUCTS)}

    def _holding(self) -> Row:
        pick = self.chance.choice
        bought = {"last_product_id": pick(PRODUCTS), "last_order_id": pick(("O1", None)), "last_line_key": "l1"}
        return {"last_purchase_at": pick((self._moment(), self._moment(), None)), **bought}

    def _standing(self) -> Row:
        pick = self.chance.choice
        bought = {"last_product_id": pick(PRODUCTS), "last_order_id": "O2", "last_line_key": "l2"}
        spans = {"since": self._moment(), "until": NOW + timedelta(days=pick((1, 40)))}
        return {**bought, **spans, "reason": pick(("bought", "returned", "gift", "exchanged")), "title": "replaced"}

    def _line(self, name: str, number: int) -> Row:
        pick = self.chance.choice
        quantity = Decimal(pick((-1, 1, 1, 2)))
        named = {"order_id": pick(("O1", "O2", "O3", None)), "order_key": pick(("k1", "k2", None))}
        told = {"family": pick((*FAMILIES, None)), "product_id": pick(PRODUCTS), **named}
        counts = pick((quantity, quantity, Decimal(0)))
        moment = self._moment()
        return {"person_id": name, "key": f"{name} l{number}", **told, **_counted(quantity, counts, moment)}

    def _interaction(self, name: str, number: int) -> Row:
        pick = self.chance.choice
        product = pick((*PRODUCTS, None))
        told = {"product_id": product, "family": pick(FAMILIES) if product else None, "occurred_at": self._moment()}
        kind = pick((*KINDS, "view", "click"))
        return {
            "person_id": name,
            "key": f"{name} e{number}",
            "kind": kind,
            "campaign": pick((*CAMPAIGNS, None)),
            **told,
        }

    def known(self) -> Iterator[tuple[str, Known]]:
        """person_id and everything the reference is told of each."""
        rows: dict[str, dict[str, list[Row]]] = {row["person_id"]: {} for row in self.rows["trait"]}
        for table in OF_A_PERSON:
            for row in self.rows[table]:
                rows[row["person_id"]].setdefault(table, []).append(row)
        for trait in self.rows["trait"]:
            yield trait["person_id"], Known(trait=trait, **rows[trait["person_id"]])

    def shop(self) -> Shop:
        """What they share."""
        goods = {row["product_id"]: self._shown(row) for row in self.rows["catalogue"]}
        return Shop(as_of=NOW, products=goods, families={row["family"]: row for row in self.rows["family"]})

    def _shown(self, row: Row) -> Row:
        title = "an item" if row["sensitive"] else row["title"] or row["product_id"]
        return {**row, "title": title, "sensitive": bool(row["sensitive"])}

    def tables(self) -> dict[str, ir.Table]:
        """The rows in another order, as tables."""
        mixed = {name: self.chance.sample(rows, len(rows)) for name, rows in self.rows.items()}
        return {name: ibis.memtable(pa.Table.from_pylist(mixed[name], COLUMNS[name])) for name in COLUMNS}


KINDS = ("impression", "click", "view", "cart", "wish", "checkout")


def _counted(quantity: Decimal, counts: Decimal, moment: datetime) -> Row:
    return {"quantity": quantity, "counts": counts, "ordered_at": moment}


def basis(tables: Mapping[str, ir.Table]) -> Basis:
    """What stories are made from; whatever they do not look at is missing."""
    nothing: Any = None
    merged = Merged(
        **{name: nothing for name in Merged.__dataclass_fields__ if name not in tables},
        **{name: table for name, table in tables.items() if name in Merged.__dataclass_fields__},
    )
    made = {name: tables[name] for name in ("active", "due", "recommended", "family")}
    return Basis(merged=merged, as_of=NOW, **made)


def birthdays() -> list[date | None]:
    """Days of birth on the edges of everything."""
    return [date(2008, 10, 1), date(2008, 10, 2), date(2004, 2, 29), date(1905, 1, 1), date(2027, 1, 1), None]
