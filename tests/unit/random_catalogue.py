"""Small random catalogues full of shared, broken and contradicting numbers, many of them under one policy.

Every id, number and path carries its shop's name, so that one query tests them all.
"""

import random
import re
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from random_shop import Row

from connector.policies.overrides import Form, Overrides
from connector.policies.sameness import LEVELS, SamenessPolicy
from connector.schema import SEEN

IDS = (
    "A1",
    "a1",
    "0A1",
    "B2",
    " b2",
    "C3",
    "D4",
    "E5",
    "F6",
    "G1",
    "G2",
    "x_P_A1",
    "x_G1_B2",
    "x_G9_Z",
    "y-B2-G2",
    "00",
)
OTHERS = ("zz", "0b2", "x_Q_A1", "x_P_0a1", "x_G2_new", "g:G1", "g:Q", "Q", "P", "Z", "U1", "U2", "x__A1", "G9", "B3")
TYPES = (None, "Lamps", "Lamps > Table", "Lamps > Table > Small", "Rugs", "Clothes", "Clothes > Shirts")
FORMS = (
    Form(prefix="x_", parts=("product", "variant"), between="_"),
    Form(prefix="y-", parts=("variant", "product"), between="-"),
    Form(prefix="g:", parts=("product",)),
)


@dataclass(frozen=True)
class Shop:
    """One shop: its products by id, its part of the policy, and ids that somebody names."""

    products: dict[str, Row]
    policy: SamenessPolicy
    named: list[str]


@dataclass(frozen=True)
class Shops:
    """Several under one policy, which says what all of them say."""

    shops: list[Shop]
    policy: SamenessPolicy

    def table(self, seed: int = 0) -> ir.Table:
        """All products, in another order for another seed."""
        rows = [row for shop in self.shops for row in shop.products.values()]
        return ibis.memtable(pa.Table.from_pylist(random.Random(seed).sample(rows, len(rows)), SEEN["product"]))


def random_shops(seed: int, count: int) -> Shops:
    """The same shops for the same seed."""
    chance = random.Random(seed)
    plain = SamenessPolicy(
        level=chance.choice(LEVELS),
        levels={name: chance.choice(LEVELS) for name in TYPES if name and chance.random() < 0.3},
        overrides=Overrides(forms=FORMS[: chance.randint(0, 3)]),
    )
    shops = [_shop(chance, plain, seed * 1000 + number) for number in range(count)]
    said = [shop.policy.overrides for shop in shops]
    whole = Overrides(
        same=tuple(ids for one in said for ids in one.same),
        different=tuple(ids for one in said for ids in one.different),
        aliases=tuple(pair for one in said for pair in one.aliases),
        forms=plain.overrides.forms,
    )
    return Shops(shops, SamenessPolicy(level=plain.level, levels=plain.levels, overrides=whole))


def own(text: str, shop: int) -> str:
    """An id with the shop's name in each of its parts."""
    head, rest = (text[:2], text[2:]) if text[:2] in ("x_", "y-", "g:") else ("", text)
    parts = re.split("([_-])", rest) if head else [rest]
    return head + "".join(f"{part}.{shop}" if part not in ("", "_", "-") else part for part in parts)


def _shop(chance: random.Random, plain: SamenessPolicy, number: int) -> Shop:
    ids = [own(one, number) for one in chance.sample(IDS, chance.randint(1, len(IDS)))]
    some = [own(one, number) for one in chance.sample((*IDS, "U1", "U2"), 12)]
    overrides = Overrides(
        same=(tuple(some[:2]), tuple(some[2:5]))[: chance.choice((0, 0, 1, 2))],
        aliases=((some[5], some[6]), (some[7], some[8]))[: chance.choice((0, 0, 1, 2))],
        different=((some[0], some[2], some[9]), (some[10], some[11]))[: chance.choice((0, 0, 1, 2))],
        forms=plain.overrides.forms,
    )
    policy = SamenessPolicy(level=plain.level, levels=plain.levels, overrides=overrides)
    named = [*ids, *(own(one, number) for one in (*IDS, *OTHERS))]
    return Shop({one: _product(chance, one, number) for one in ids}, policy, sorted(set(named)))


def _product(chance: random.Random, product_id: str, shop: int) -> Row:
    pick, kind = chance.choice, chance.choice(TYPES)
    source = pick(("feed", "hubspot"))
    return {
        "key": f"{source}:{product_id}",
        "version": None,
        "source": source,
        "product_id": product_id,
        "item_group_id": pick((None, None, own(pick(("G1", "G2", "G3", "g:G2", "A1", "x_P_A1")), shop))),
        "product_type": kind and f"{kind} > {shop}",
        "brand": pick((None, f"Acme {shop}", f"ACME{shop}", "Generic", f"Bo{shop}")),
        "gtin": pick(
            (None, None, None, _gtin(shop, pick((1, 2))), pick(("00000000", "12", "2012345678900", "40063813339x1")))
        ),
        "mpn": pick((None, None, "M 1", "m1", "M2", "n/a", "None")),
        "sensitive": pick((None, False, True)),
    }


def _gtin(shop: int, number: int) -> str:
    """An EAN of the shop's, in one of the ways to write it, its check digit right or wrong."""
    digits = f"4{shop:06d}{number:05d}"
    wrong = random.Random(f"{shop} {number}").random() < 0.2
    check = -sum(int(digit) * (1, 3)[at % 2] for at, digit in enumerate(digits)) + wrong
    return f"{digits[:6]} {digits[6:]}-{check % 10}"
