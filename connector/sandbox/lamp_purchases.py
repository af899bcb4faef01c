"""What people buy in the lamp shop, buy again and send back.

Shares taken from worlds/online-retail (shared/published/README.md): 21.7 % of (customer, item) pairs are bought again
on another day, after a median of 48 days; 1,934 of 274,442 pairs are fully returned. There the items are spread
from "hardly ever again" to "often"; here what is used up carries nearly all repeats, as befits a lamp shop.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from connector.sandbox.lamp_catalogue import Catalogue, Ints

REPEAT_SHARE = 0.217
REPEAT_MEDIAN_DAYS = 48
REPEAT_SHARE_DURABLE = 0.02
"""Ours: somebody furnishes a second room."""
THIRD_TIME_SHARE = 0.4
FULL_RETURN_SHARE = 1_934 / 274_442
GUEST_SHARE = 1_635 / 23_726
"""Of orders, as in worlds/online-retail."""

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
START = int(np.datetime64("2025-10-01T00:00", "ms").astype(np.int64))
END = int(np.datetime64("2026-09-30T18:00", "ms").astype(np.int64))
"""The world's year, in milliseconds since 1970; nothing happens after END."""

_SEASON = np.array([1.1, 1.3, 1.5, 1.2, 1.0, 0.9, 0.8, 0.8, 0.7, 0.7, 0.8, 1.0])
"""Weight of each twelfth of the year from October: lamps are bought when evenings are long."""


@dataclass(frozen=True, kw_only=True)
class Lines:
    """Order lines, one element each. Lines of one buyer and moment are an order; negative ones a return.

    Attributes:
        buyer: index of a contact; below zero: a guest.
        at: milliseconds since 1970.
    """

    buyer: Ints
    at: Ints
    product: Ints
    quantity: Ints

    def __len__(self) -> int:
        return len(self.buyer)

    def __getitem__(self, which: npt.NDArray[np.bool_] | Ints) -> "Lines":
        return Lines(
            buyer=self.buyer[which], at=self.at[which], product=self.product[which], quantity=self.quantity[which]
        )

    def __add__(self, other: "Lines") -> "Lines":
        return Lines(
            buyer=np.concatenate([self.buyer, other.buyer]),
            at=np.concatenate([self.at, other.at]),
            product=np.concatenate([self.product, other.product]),
            quantity=np.concatenate([self.quantity, other.quantity]),
        )


def moments(rng: np.random.Generator, count: int) -> Ints:
    """Times within the year, more of them in winter and in the evening."""
    days = (END - START) // DAY
    weight = np.repeat(_SEASON, -(-days // len(_SEASON)))[:days]
    day = rng.choice(days, count, p=weight / weight.sum())
    evening = rng.normal(19, 4, count) % 24
    return START + day * DAY + (evening * HOUR).astype(np.int64)


def first_purchases(rng: np.random.Generator, sold: Catalogue, buyers: Ints) -> Lines:
    """Each buyer's orders; the same family never twice."""
    lines = _orders(rng, sold, np.repeat(buyers, np.minimum(rng.geometric(0.55, len(buyers)), 6)))
    lines = lines[np.argsort(lines.at, kind="stable")]
    pair = lines.buyer * len(sold.line) + sold.family[lines.product]
    return lines[np.sort(np.unique(pair, return_index=True)[1])]


def guest_orders(rng: np.random.Generator, sold: Catalogue, orders: int) -> Lines:
    """Orders of people who left no name, so many that they are GUEST_SHARE beside `orders` of contacts."""
    return _orders(rng, sold, -1 - np.arange(round(orders * GUEST_SHARE / (1 - GUEST_SHARE))))


def _orders(rng: np.random.Generator, sold: Catalogue, buyer: Ints) -> Lines:
    """One order for each element: what they came for, and what goes with it."""
    at, family = moments(rng, len(buyer)), sold.pick_family(rng, sold.pick_line(rng, len(buyer)))
    more = np.repeat(np.arange(len(buyer)), rng.poisson(0.7, len(buyer)))
    family = np.concatenate([family, sold.pick_companion(rng, family[more])])
    return Lines(
        buyer=np.concatenate([buyer, buyer[more]]),
        at=np.concatenate([at, at[more]]),
        product=sold.pick_variant(rng, family),
        quantity=_quantities(rng, sold.replenishable[family]),
    )


def _quantities(rng: np.random.Generator, several: npt.NDArray[np.bool_]) -> Ints:
    pair = np.where(rng.random(len(several)) < 0.15, 2, 1)
    return np.where(several, rng.integers(1, 7, len(several)), pair)


def repeats(rng: np.random.Generator, sold: Catalogue, first: Lines) -> Lines:
    """The second and third purchases of the same article, REPEAT_SHARE of the pairs after REPEAT_MEDIAN_DAYS."""
    used_up = sold.replenishable[sold.family[first.product]]
    durable = round(REPEAT_SHARE_DURABLE * np.count_nonzero(~used_up))
    second = _again(rng, first[used_up], round(REPEAT_SHARE * len(first)) - durable)
    third = _again(rng, second, round(THIRD_TIME_SHARE * len(second)))
    return second + third + _again(rng, first[~used_up], durable)


def _again(rng: np.random.Generator, before: Lines, count: int) -> Lines:
    """`count` of these purchases repeated. The gaps are drawn first and each is given a purchase that leaves it room
    before END: dropping what does not fit would make the gaps shorter than drawn."""
    gaps = np.sort((rng.lognormal(np.log(REPEAT_MEDIAN_DAYS), 0.6, count) * DAY).astype(np.int64))[::-1]
    gaps = np.clip(gaps, 2 * DAY, 300 * DAY)
    free = np.ones(len(before), dtype=bool)
    chosen = np.empty(count, dtype=np.int64)
    for at, gap in enumerate(gaps):
        chosen[at] = rng.choice(np.flatnonzero(free & (before.at + gap < END)))
        free[chosen[at]] = False
    found = before[chosen]
    return Lines(buyer=found.buyer, at=found.at + gaps, product=found.product, quantity=found.quantity)


def returns(rng: np.random.Generator, sold: Catalogue, first: Lines, again: Lines) -> Lines:
    """Pairs sent back whole, FULL_RETURN_SHARE of all; as many lines of several pieces send back one."""
    count = round(FULL_RETURN_SHARE * len(first))
    back_at = first.at + rng.integers(3 * DAY, 30 * DAY, len(first))
    once = ~np.isin(_pairs(sold, first), _pairs(sold, again)) & (back_at < END)
    durable = ~sold.replenishable[sold.family[first.product]]
    whole = rng.choice(np.flatnonzero(once & durable), count, replace=False)
    part = rng.choice(np.flatnonzero(once & ~durable & (first.quantity > 1)), count, replace=False)
    back = first[np.concatenate([whole, part])]
    quantity = np.concatenate([-first.quantity[whole], np.full(count, -1)])
    at = back_at[np.concatenate([whole, part])]
    return Lines(buyer=back.buyer, at=at, product=back.product, quantity=quantity)


def _pairs(sold: Catalogue, lines: Lines) -> Ints:
    return lines.buyer * len(sold.line) + sold.family[lines.product]
