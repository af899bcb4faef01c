"""The lamp shop's year, drawn: people, purchases, page events and ads put together."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from connector.sandbox import lamp_stories
from connector.sandbox.lamp_ads import ads
from connector.sandbox.lamp_browsing import Identities, Touches, devices, identities, touches
from connector.sandbox.lamp_catalogue import Catalogue, Ints, catalogue
from connector.sandbox.lamp_contacts import Contact, contacts
from connector.sandbox.lamp_purchases import DAY, END, START, Lines, first_purchases, guest_orders, repeats, returns

PEOPLE = 2_000
BUYER_SHARE = 0.68
VISITORS = 900
SHARED_DEVICES = 2


@dataclass(frozen=True, kw_only=True)
class World:
    """One shop, as arrays and values; `lines` and `seen` are ordered by time."""

    sold: Catalogue
    people: Sequence[Contact]
    created: Ints
    updated: Ints
    lines: Lines
    seen: Touches
    known: Identities
    shown: Touches
    cost: Ints


def world(rng: np.random.Generator) -> World:
    """Draw the shop: what it sells, who its people are, what they buy, what they look at, what ads they get."""
    sold = catalogue(rng)
    drawn = contacts(rng, PEOPLE - len(lamp_stories.STORIES))
    first, lines = _purchases(rng, sold, len(drawn))
    owner = devices(rng, len(drawn), VISITORS)
    seen = touches(rng, sold, owner, first)
    known = identities(rng, owner, seen, SHARED_DEVICES) + lamp_stories.identities(len(drawn), len(owner))
    seen += lamp_stories.touches(sold, len(owner))
    seen = seen[np.argsort(seen.at, kind="stable")]
    shown, cost = ads(rng, sold, seen)
    created, updated = _lifetimes(rng, lines, known)
    people = [*drawn, *(story.contact for story in lamp_stories.STORIES)]
    return World(
        sold=sold,
        people=people,
        created=created,
        updated=updated,
        lines=lines,
        seen=seen,
        known=known,
        shown=shown,
        cost=cost,
    )


def _purchases(rng: np.random.Generator, sold: Catalogue, people: int) -> tuple[Lines, Lines]:
    """Every contact's first purchases, and all lines in order of time."""
    first = first_purchases(rng, sold, np.flatnonzero(rng.random(people) < BUYER_SHARE))
    again = repeats(rng, sold, first)
    named = first + again + lamp_stories.purchases(sold, people)
    lines = named + returns(rng, sold, first, again) + guest_orders(rng, sold, len(_order_starts(named)))
    return first, lines[np.lexsort((lines.product, lines.buyer, lines.at))]


def _order_starts(lines: Lines) -> Ints:
    """Of lines in any order: the position of one line of each order."""
    return np.unique(np.stack([lines.at, lines.buyer, lines.quantity < 0]), axis=1, return_index=True)[1]


def _lifetimes(rng: np.random.Generator, lines: Lines, known: Identities) -> tuple[Ints, Ints]:
    """When each contact was created (before anything it did) and last changed (its last order)."""
    created = START - 365 * DAY + (rng.random(PEOPLE) * (END - START + 364 * DAY)).astype(np.int64)
    named = lines[lines.buyer >= 0]
    np.minimum.at(created, named.buyer, named.at - 600_000)
    np.minimum.at(created, known.contact, known.at - 600_000)
    updated = created.copy()
    np.maximum.at(updated, named.buyer, named.at)
    return created, updated
