"""What people look at in the lamp shop, on which devices, and which ads follow them.

Delays of looking again after buying are those of worlds/taobao (shared/published/README.md): 1,363 of 89,710 views are
of an item the same person already has; half of them within 24.7 hours of the purchase, a quarter within 2.5.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from connector.sandbox.lamp_catalogue import Catalogue, Ints
from connector.sandbox.lamp_purchases import DAY, END, HOUR, MINUTE, START, Lines, moments

KINDS = ("view", "click", "cart", "wish")
VIEW, CLICK, CART, WISH = range(len(KINDS))

VIEWS_AFTER_PURCHASE = 1_363 / 89_710
DELAY_SHARES = (0.0, 0.25, 0.5, 1.0)
DELAY_HOURS = (1 / 60, 2.5, 24.7, 216.0)
"""Quartiles as published; the longest is all of that world's nine days."""

WEB_SHARE = 0.85
"""Of contacts: those who use the site at all."""
IDENTIFIED_SHARE = 0.85
"""Of the devices of contacts: those on which they ever sign in."""


@dataclass(frozen=True, kw_only=True)
class Touches:
    """Page events, one element each: who (index of a device), when, what, and which of KINDS."""

    device: Ints
    at: Ints
    product: Ints
    kind: Ints

    def __len__(self) -> int:
        return len(self.device)

    def __getitem__(self, which: npt.NDArray[np.bool_] | Ints) -> "Touches":
        return Touches(device=self.device[which], at=self.at[which], product=self.product[which], kind=self.kind[which])

    def __add__(self, other: "Touches") -> "Touches":
        return Touches(
            device=np.concatenate([self.device, other.device]),
            at=np.concatenate([self.at, other.at]),
            product=np.concatenate([self.product, other.product]),
            kind=np.concatenate([self.kind, other.kind]),
        )


@dataclass(frozen=True, kw_only=True)
class Identities:
    """Sign-ins, one element each: on which device, who (index of a contact), when."""

    device: Ints
    contact: Ints
    at: Ints

    def __add__(self, other: "Identities") -> "Identities":
        return Identities(
            device=np.concatenate([self.device, other.device]),
            contact=np.concatenate([self.contact, other.contact]),
            at=np.concatenate([self.at, other.at]),
        )


def devices(rng: np.random.Generator, contacts: int, visitors: int) -> Ints:
    """Device -> the contact it belongs to, -1 for a visitor nobody ever learns the name of."""
    on_site = np.flatnonzero(rng.random(contacts) < WEB_SHARE)
    owned = np.repeat(on_site, 1 + rng.binomial(2, 0.3, len(on_site)))
    return np.concatenate([owned, np.full(visitors, -1)])


def touches(rng: np.random.Generator, sold: Catalogue, owner: Ints, first: Lines) -> Touches:
    """A year on the site. `first`: the first purchase of each contact and family."""
    wandering = _not_held(sold, owner, first, _wandering(rng, sold, owner))
    seen = wandering + _before_purchase(rng, sold, owner, first)
    views = np.count_nonzero(seen.kind == VIEW)
    seen += _after_purchase(rng, owner, first, round(views * VIEWS_AFTER_PURCHASE / (1 - VIEWS_AFTER_PURCHASE)))
    seen = seen[(seen.at >= START) & (seen.at < END)]
    return seen[np.lexsort((seen.device, seen.at))]


def _wandering(rng: np.random.Generator, sold: Catalogue, owner: Ints) -> Touches:
    """Visits without a purpose: a few pages, some of them carted or wished."""
    visit = np.repeat(np.arange(len(owner)), np.minimum(rng.geometric(0.4, len(owner)), 12))
    pages = 1 + rng.poisson(2.5, len(visit))
    start, page = np.repeat(moments(rng, len(visit)), pages), np.concatenate([np.arange(each) for each in pages])
    seen = Touches(
        device=np.repeat(visit, pages),
        at=start + page * 2 * MINUTE + rng.integers(0, MINUTE, len(start)),
        product=sold.pick_variant(rng, sold.pick_family(rng, sold.pick_line(rng, len(start)))),
        kind=np.full(len(start), VIEW),
    )
    found_in_a_list = _some(rng, seen, 0.05, CLICK, -5_000)
    return seen + found_in_a_list + _some(rng, seen, 0.05, CART, 40_000) + _some(rng, seen, 0.03, WISH, 30_000)


def _some(rng: np.random.Generator, seen: Touches, share: float, kind: int, later: int) -> Touches:
    """A `share` of these touches again as `kind`, `later` milliseconds later."""
    chosen = seen[rng.random(len(seen)) < share]
    return Touches(device=chosen.device, at=chosen.at + later, product=chosen.product, kind=np.full(len(chosen), kind))


def _not_held(sold: Catalogue, owner: Ints, first: Lines, seen: Touches) -> Touches:
    """Without touches of what their person already has: those come from `_after_purchase`, with measured delays."""
    families = len(sold.line)
    bought = np.full((int(owner.max()) + 2) * families, END)  # the last row is the visitors': they hold nothing
    bought[first.buyer * families + sold.family[first.product]] = first.at
    return seen[seen.at < bought[owner[seen.device] * families + sold.family[seen.product]]]


def _before_purchase(rng: np.random.Generator, sold: Catalogue, owner: Ints, first: Lines) -> Touches:
    """The way to a purchase: looked at in this and other colours over some days, carted minutes before."""
    device, bought = _on_site(rng, owner, first)
    looks = np.repeat(np.arange(len(bought)), 1 + rng.poisson(1.2, len(bought)))
    other = sold.pick_variant(rng, sold.family[bought.product[looks]])
    looked = Touches(
        device=device[looks],
        at=bought.at[looks] - HOUR - rng.exponential(4 * DAY, len(looks)).astype(np.int64),
        product=np.where(rng.random(len(looks)) < 0.7, bought.product[looks], other),
        kind=np.full(len(looks), VIEW),
    )
    carted = Touches(
        device=device,
        at=bought.at - rng.integers(3 * MINUTE, 40 * MINUTE, len(bought)),
        product=bought.product,
        kind=np.full(len(bought), CART),
    )
    return looked + carted[rng.random(len(carted)) < 0.8]


def _after_purchase(rng: np.random.Generator, owner: Ints, first: Lines, count: int) -> Touches:
    """`count` views of what was bought already, for pride or for the manual."""
    device, bought = _on_site(rng, owner, first)
    room = np.flatnonzero(bought.at + int(DELAY_HOURS[-1] * HOUR) < END)
    chosen = rng.choice(room, count, replace=False)
    hours = np.exp(np.interp(rng.random(count), DELAY_SHARES, np.log(DELAY_HOURS)))
    return Touches(
        device=device[chosen],
        at=bought.at[chosen] + (hours * HOUR).astype(np.int64),
        product=bought.product[chosen],
        kind=np.full(count, VIEW),
    )


def _on_site(rng: np.random.Generator, owner: Ints, first: Lines) -> tuple[Ints, Lines]:
    """The purchases of contacts who use the site, and for each one of their devices."""
    owned = owner[owner >= 0]
    low, high = np.searchsorted(owned, first.buyer), np.searchsorted(owned, first.buyer, side="right")
    device = low + (rng.random(len(first)) * (high - low)).astype(np.int64)
    return device[high > low], first[high > low]


def identities(rng: np.random.Generator, owner: Ints, seen: Touches, shared: int) -> Identities:
    """Who signed in where: at the first visit or any time after it. On `shared` devices a second person does, too."""
    used, first_touch = np.unique(seen.device, return_index=True)
    _, last_touch = np.unique(seen.device[::-1], return_index=True)
    early, late = seen.at[first_touch], seen.at[::-1][last_touch]
    wait = np.where(rng.random(len(used)) < 0.5, 0.0, rng.random(len(used)))
    at = early + (wait * (late - early)).astype(np.int64)
    known = (owner[used] >= 0) & (rng.random(len(used)) < IDENTIFIED_SHARE)
    device, at = used[known], at[known]
    both = rng.choice(len(device), shared, replace=False)
    guest = owner[np.roll(device, len(device) // 2)]
    return Identities(
        device=np.concatenate([device, device[both]]),
        contact=np.concatenate([owner[device], guest[both]]),
        at=np.concatenate([at, at[both] + HOUR]),
    )
