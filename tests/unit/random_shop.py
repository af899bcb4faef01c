"""Small random shops full of ties, gaps and contradictions, as plain rows and as the tables merge/ is given.

Many shops are put into one set of tables under different names, so that one query tests them all. Their people cannot
meet; every tenth shop sells the same goods.
"""

import random
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import ibis
import pyarrow as pa

from connector.merge import Seen
from connector.schema import SEEN

T0 = datetime(2026, 1, 1, 12, tzinfo=UTC)
Row = dict[str, Any]
CRMS = ("hubspot", "salesforce")
EMAILS = (
    "ann@x.test",
    "Ann@X.test ",
    "bob@x.test",
    "cy@x.test",
    "dee@x.test",
    "eve@x.test",
    "fay@x.test",
    "",
    None,
    None,
)
USER_IDS = ("u1", "u2", "u3", "u4", "u5", "u6", None, None, None)
PHONES = ("+441", "+442", "+443", "+444", None, None, None, None)
DEVICES = ("a1", "a2", "a3", "a4", "a5", "a6", "a7")
PRODUCTS = tuple(f"p{number}" for number in range(14))
TYPES = ("Lamps", "Lamps > Pendant", "Lampshades", "Rugs", "", None)
TITLES = ('Lamp "Aalto"', "Back\\slash", "two\nlines", "Ö & Å", "", None)
BASES = (None, "", "Not applicable", "not applicable; Not applicable", "Not applicable;Legitimate interest")
KINDS = ("impression", "click", "view", "cart", "wish", "checkout")


NAMES = {
    "contact": ("key", "email", "other_emails", "user_id", "phone", "same_as", "merged_into"),
    "product": ("key",),
    "order_header": ("key", "order_id", "contact_key", "replaces", "replaced_by"),
    "order_line": ("key", "order_key", "order_id", "contact_key", "product_key"),
    "interaction": ("key", "identifier"),
    "identity_link": ("key", "a_value", "b_value"),
    "consent": ("key", "identifier"),
}
"""Columns whose values name something within one shop."""


@dataclass(frozen=True, eq=False)
class Shop:
    """Rows of every seen table."""

    rows: Mapping[str, list[Row]]

    def seen(self) -> Seen:
        """The rows as tables; columns a row lacks are null."""
        return Seen(
            **{table: ibis.memtable(pa.Table.from_pylist(rows, SEEN[table])) for table, rows in self.rows.items()}
        )

    def shuffled(self, seed: int) -> "Shop":
        """The same rows in another order."""
        chance = random.Random(seed)
        return Shop({table: chance.sample(rows, len(rows)) for table, rows in self.rows.items()})


def random_shops(seeds: Iterable[int]) -> Shop:
    """The shops of all seeds side by side."""
    shops = [(seed, random_shop(seed)) for seed in seeds]
    return Shop(
        {table: [_renamed(row, table, seed) for seed, shop in shops for row in shop.rows[table]] for table in NAMES}
    )


def _renamed(row: Row, table: str, seed: int) -> Row:
    goods = {name: _own(row[name], seed % 10) for name in ("product_id", "item_group_id") if row.get(name)}
    return {**row, **{name: _own(row[name], seed) for name in NAMES[table]}, **goods}


def _own(value: str | None, seed: int) -> str | None:
    """Each name in a ";" list with the seed before it; nothing stays nothing."""
    return value and re.sub(r"[^;\s][^;]*", rf"{seed}-\g<0>", value)


def random_shop(seed: int) -> Shop:
    """The same shop for the same seed."""
    make = _Maker(random.Random(seed))
    contacts = [make.contact(number) for number in range(make.chance.randint(1, 22))]
    products = [make.product(number) for number in range(make.chance.randint(0, 24))]
    headers = [make.header(number, contacts) for number in range(make.chance.randint(0, 40))]
    lines = [make.line(number, contacts, headers, products) for number in range(make.chance.randint(0, 110))]
    return Shop(
        {
            "contact": contacts,
            "product": products,
            "order_header": headers,
            "order_line": lines,
            "interaction": [make.interaction(number) for number in range(make.chance.randint(0, 150))],
            "identity_link": [make.link(number) for number in range(make.chance.randint(0, 14))],
            "consent": [make.consent(number) for number in range(make.chance.randint(0, 12))],
        }
    )


class _Maker:
    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.rare = chance.choice((0.0, 0.05, 0.2))

    def day(self, last: int = 25) -> datetime:
        """One of few moments, so that ties are common; some lie after the T0 + 20 days that tests decide at."""
        return T0 + timedelta(days=self.chance.randint(0, last), hours=self.chance.choice((0, 0, 6)))

    def seldom(self, value: Any) -> Any:
        return value if self.chance.random() < self.rare else None

    def contact(self, number: int) -> Row:
        crm = self.chance.choice(CRMS)
        pick = self.chance.choice
        return {
            "key": f"{crm}:{number}",
            "version": T0,
            "crm": crm,
            "crm_id": str(number),
            "email": pick(EMAILS),
            "other_emails": pick((None, None, None, "cy@x.test; GUS@x.test", ";")),
            "user_id": pick(USER_IDS),
            "phone": pick(PHONES),
            "same_as": pick((None, None, f"salesforce:{self.chance.randint(0, 24)}")) if crm == "hubspot" else None,
            "country": pick(("DE", "GB", "", None)),
            "birth_date": pick((None, date(2004, 2, 29), date(2008, 1, 21), date(2008, 1, 22), date(1890, 5, 1))),
            "created_at": pick((None, T0 - timedelta(days=9), T0 - timedelta(days=5), T0)),
            "updated_at": pick((None, T0, T0 + timedelta(days=1))),
            "email_opt_out": pick((False, False, False, True, None)),
            "ads_consent": pick((True, True, True, False, None)),
            "subscription_opt_out": pick((None, None, None, False, True)) if self.rare else None,
            "quarantined": pick((None, None, None, False, True)) if self.rare else None,
            "legal_basis": pick((*BASES, "Performance of a contract")) if number % 3 else "Freely given consent",
            "marketable": pick((None, True, True, False)) if self.rare else None,
            "profiling_opt_out": pick((None, None, False, True)) if self.rare else None,
            "merged_into": self.seldom(f"{crm}:{self.chance.randint(0, 24)}"),
            "deleted_at": self.seldom(T0),
        }

    def product(self, number: int) -> Row:
        pick = self.chance.choice
        source = pick(("feed", "hubspot", "salesforce"))
        return {
            "key": f"{source}:{number}",
            "version": self.day(3),
            "source": source,
            "product_id": pick(PRODUCTS[:10]),
            "item_group_id": pick((None, "", "g1", "g2", "g3")),
            "title": pick(TITLES),
            "product_type": pick(TYPES),
            "price": pick((None, Decimal("9.9900"), Decimal("20.0000"))),
            "currency": pick(("GBP", "EUR")),
            "availability": pick((None, "in_stock", "In Stock", "preorder", *["out of stock"] * 5)),
            "sensitive": self.seldom(True),
            "deleted_at": self.seldom(T0),
        }

    def header(self, number: int, contacts: list[Row]) -> Row:
        pick = self.chance.choice
        owner = pick([*[one["key"] for one in contacts], None, "hubspot:gone"])
        return {
            "key": f"{pick(('hubspot', 'hubspot', 'salesforce'))}:o{number}",
            "version": T0,
            "updated_at": pick((None, T0, T0 + timedelta(days=1))),
            "order_id": pick((f"O{number}", f"O{number}", f"O{number // 2}", None)),
            "contact_key": owner,
            "ordered_at": pick((self.day(), self.day(), self.day(), None)),
            "status": pick(("fulfilled", "fulfilled", "returned", "returned", "cancelled", "open", None)),
            "currency": pick(("GBP", "GBP", "EUR", None)),
            "amount": pick((None, None, Decimal("0.0000"), Decimal("25.5000"))),
            "gift": pick((None, None, False, True)),
            "replaces": self.seldom(self.other_orders()),
            "replaced_by": self.seldom(self.other_orders()),
            "deleted_at": self.seldom(T0),
        }

    def other_orders(self) -> str:
        """One or two orders, some of which are not there."""
        return ";".join(f"hubspot:o{self.chance.randint(0, 44)}" for _ in range(self.chance.choice((1, 1, 2))))

    def line(self, number: int, contacts: list[Row], headers: list[Row], products: list[Row]) -> Row:
        pick = self.chance.choice
        return {
            "key": f"hubspot:l{number}",
            "version": T0,
            "order_key": pick([*[one["key"] for one in headers], None, "hubspot:o-unknown"]),
            "order_id": pick((None, "O1")),
            "contact_key": pick((None, pick(contacts)["key"])),
            "product_key": pick((None, None, pick([*[one["key"] for one in products], "hubspot:none"]))),
            "product_id": pick((*PRODUCTS, *PRODUCTS, None)),
            "quantity": Decimal(pick((-2, -1, 0, 1, 1, 2, 3))).quantize(Decimal("0.0001")),
            "unit_price": pick((None, Decimal("1.1500"), Decimal("10.0000"), Decimal("99.9999"))),
            "currency": pick((None, None, "GBP", "EUR")),
            "ordered_at": pick((None, self.day())),
            "status": pick((None, "fulfilled", "cancelled")),
            "deleted_at": self.seldom(T0),
        }

    def identifier(self) -> tuple[str, str]:
        kinds = {"email": EMAILS[:7], "user_id": USER_IDS[:6], "phone": PHONES[:4], "anonymous_id": DEVICES}
        kind = self.chance.choice((*kinds, "anonymous_id", "anonymous_id"))
        return kind, self.chance.choice(kinds[kind])

    def interaction(self, number: int) -> Row:
        kind, identifier = self.identifier()
        identifier = (identifier.lower() if kind == "email" else identifier).strip()  # as sources hand it out
        return {
            "key": f"e{number}",
            "version": T0,
            "kind": self.chance.choice(KINDS),
            "identifier_type": kind,
            "identifier": identifier,
            "product_id": self.chance.choice((*PRODUCTS, None)),
            "occurred_at": self.day(),
            "campaign": self.chance.choice((None, None, "Autumn")),
            "cost": self.chance.choice((None, Decimal("0.0045"))),
            "consent": self.chance.choice((None, None, None, True, False)),
        }

    def link(self, number: int) -> Row:
        a, b = self.identifier(), self.identifier()
        return {"key": f"i{number}", "version": T0, "a_type": a[0], "a_value": a[1], "b_type": b[0], "b_value": b[1]}

    def consent(self, number: int) -> Row:
        """Yes or no, said before tests decide; of all purposes and signals, some in another country."""
        kind, identifier = self.identifier()
        pick = self.chance.choice
        return {
            "key": f"c{number}",
            "version": T0,
            "source": pick(("site", "app")),
            "identifier_type": kind,
            "identifier": (identifier.lower() if kind == "email" else identifier).strip(),
            "purpose": pick(("ads", "ads", "ads", "profiling", "email")),
            "granted": pick((True, True, True, False)),
            "signal": pick(("segment", "tcf", "gpc")),
            "country": pick((None, None, "US", "FR")),
            "said_at": self.day(15),
        }
