"""The people whose stories the demo tells: each is one case that the software must get right."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from connector.sandbox.lamp_browsing import KINDS, Identities, Touches
from connector.sandbox.lamp_catalogue import Catalogue, Ints
from connector.sandbox.lamp_contacts import Contact
from connector.sandbox.lamp_purchases import Lines


@dataclass(frozen=True, kw_only=True)
class Story:
    """One contact and all that it does.

    Attributes:
        tells: what the case is about.
        sees: (time, device number, kind, product id).
        signs_in: (time, device number).
        buys: (time, product id, quantity); below zero it goes back.
    """

    tells: str
    contact: Contact
    devices: int = 1
    sees: Sequence[tuple[str, int, str, str]] = ()
    signs_in: Sequence[tuple[str, int]] = ()
    buys: Sequence[tuple[str, str, int]] = ()


STORIES = (
    Story(
        tells="viewed a pendant lamp, bought it in another colour, and is still being shown it",
        contact=Contact(
            contact_id="9001",
            email="dana@example.com",
            first_name="Dana",
            last_name="Lindqvist",
            country="GB",
            phone="+442079460999",
        ),
        devices=2,
        sees=(
            ("2026-09-24T19:42:10", 0, "view", "PEN-01-BLACK"),
            ("2026-09-25T12:10:31", 0, "view", "PEN-01-BLACK"),
            ("2026-09-26T20:05:02", 1, "view", "PEN-01-BLACK"),
            ("2026-09-26T20:07:45", 1, "wish", "PEN-01-BLACK"),
            ("2026-09-27T08:58:20", 1, "view", "PEN-01-BRASS"),
            ("2026-09-27T09:01:00", 1, "cart", "PEN-01-BRASS"),
        ),
        signs_in=(("2026-09-25T12:15:00", 0), ("2026-09-27T09:02:30", 1)),
        buys=(("2026-09-27T09:12:00", "PEN-01-BRASS", 1),),
    ),
    Story(
        tells="returned a floor lamp whole: owns nothing, so nothing is kept from her",
        contact=Contact(
            contact_id="9002", email="rosa@example.com", first_name="Rosa", last_name="Okafor", country="IE"
        ),
        sees=(("2026-08-09T18:30:00", 0, "view", "FLO-02-BRASS"),),
        signs_in=(("2026-08-10T10:00:00", 0),),
        buys=(("2026-08-10T10:20:00", "FLO-02-BRASS", 1), ("2026-08-21T13:00:00", "FLO-02-BRASS", -1)),
    ),
    Story(
        tells="left a table lamp in the cart",
        contact=Contact(
            contact_id="9003", email="carl@example.com", first_name="Carl", last_name="Moreau", country="FR"
        ),
        sees=(
            ("2026-09-29T20:11:00", 0, "view", "TAB-03-WHITE"),
            ("2026-09-29T20:13:30", 0, "cart", "TAB-03-WHITE"),
        ),
        signs_in=(("2026-09-29T20:10:00", 0),),
    ),
    Story(
        tells="buys, but has opted out of mail and denied ads",
        contact=Contact(
            contact_id="9004",
            email="olga@example.com",
            first_name="Olga",
            last_name="Brandt",
            country="DE",
            email_opt_out=True,
            ads_consent="denied",
        ),
        sees=(("2026-09-12T07:45:00", 0, "view", "WAL-01-BLACK"), ("2026-09-12T07:52:00", 0, "cart", "WAL-01-BLACK")),
        signs_in=(("2026-09-12T07:50:00", 0),),
        buys=(("2026-09-12T08:00:00", "WAL-01-BLACK", 2), ("2026-09-12T08:00:00", "BUL-01-2700K", 4)),
    ),
    Story(
        tells="buys, and nobody knows whether she wants ads",
        contact=Contact(
            contact_id="9005",
            email="uma@example.com",
            first_name="Uma",
            last_name="Shah",
            country="",
            ads_consent="unknown",
        ),
        sees=(("2026-09-18T21:00:00", 0, "view", "SHA-02-LINEN"), ("2026-09-19T21:30:00", 0, "view", "SHA-02-LINEN")),
        signs_in=(("2026-09-19T21:31:00", 0),),
        buys=(("2026-09-19T21:40:00", "SHA-02-LINEN", 1),),
    ),
)


def purchases(sold: Catalogue, contacts: int) -> Lines:
    """What they buy and send back; they are numbered on from `contacts`."""
    rows = [(contacts + number, *each) for number, story in enumerate(STORIES) for each in story.buys]
    buyer, at, product, quantity = zip(*rows, strict=True)
    return Lines(buyer=np.array(buyer), at=_times(at), product=_products(sold, product), quantity=np.array(quantity))


def touches(sold: Catalogue, devices: int) -> Touches:
    """What they look at; their devices are numbered on from `devices`."""
    rows = [(first + own, at, kind, seen) for first, story in _devices(devices) for at, own, kind, seen in story.sees]
    device, at, kind, product = zip(*rows, strict=True)
    return Touches(
        device=np.array(device),
        at=_times(at),
        product=_products(sold, product),
        kind=np.array([KINDS.index(each) for each in kind]),
    )


def identities(contacts: int, devices: int) -> Identities:
    """Where they sign in."""
    numbered = enumerate(_devices(devices), start=contacts)
    rows = [(first + own, contact, at) for contact, (first, story) in numbered for at, own in story.signs_in]
    device, contact, at = zip(*rows, strict=True)
    return Identities(device=np.array(device), contact=np.array(contact), at=_times(at))


def _devices(first: int) -> list[tuple[int, Story]]:
    """Each story with the number of its first device."""
    before = accumulate((story.devices for story in STORIES), initial=first)
    return list(zip(before, STORIES, strict=False))


def _times(moments: Sequence[str]) -> Ints:
    return np.array(moments, dtype="datetime64[ms]").astype(np.int64)


def _products(sold: Catalogue, ids: Sequence[str]) -> Ints:
    return np.array([sold.index(each) for each in ids])
