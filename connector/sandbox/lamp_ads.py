"""The ads that follow people of the lamp shop: the plain retargeting rule that Lamplighter is there to correct.

An item carted, wished or seen twice is shown to that device once a day for seven days (the rule of worlds/taobao,
shared/worlds/README.md). The rule sees page events only, so a purchase does not end it.
"""

import numpy as np

from connector.sandbox.lamp_browsing import CART, VIEW, WISH, Touches
from connector.sandbox.lamp_catalogue import Catalogue, Ints
from connector.sandbox.lamp_purchases import DAY, END, HOUR

AD_KINDS = ("impression", "click")
IMPRESSION, CLICK = range(len(AD_KINDS))
DAYS = 7
CLICK_SHARE = 422 / 56_128
"""Clicks for each impression in worlds/taobao."""
CHEAPEST, DEAREST = 20, 60
"""Of one impression, in ten-thousandths of the shop's currency."""


def ads(rng: np.random.Generator, sold: Catalogue, seen: Touches) -> tuple[Touches, Ints]:
    """What the rule shows to whom (`kind` is one of AD_KINDS), and what each costs in ten-thousandths.

    `seen` is ordered by time.
    """
    shown = _once_a_day(rng, sold, _triggers(sold, seen))
    clicked = shown[rng.random(len(shown)) < CLICK_SHARE]
    shown += Touches(
        device=clicked.device,
        at=clicked.at + 20_000,
        product=clicked.product,
        kind=np.full(len(clicked), CLICK),
    )
    shown = shown[shown.at < END]
    shown = shown[np.lexsort((shown.product, shown.device, shown.at))]
    return shown, np.where(shown.kind == CLICK, 0, rng.integers(CHEAPEST, DEAREST, len(shown)))


def _triggers(sold: Catalogue, seen: Touches) -> Touches:
    """Cart adds, wishes, and every view but the first of a device and item."""
    views = seen[seen.kind == VIEW]
    first = np.unique(views.device * len(sold.products) + views.product, return_index=True)[1]
    again = np.ones(len(views), dtype=bool)
    again[first] = False
    return views[again] + seen[(seen.kind == CART) | (seen.kind == WISH)]


def _once_a_day(rng: np.random.Generator, sold: Catalogue, triggers: Touches) -> Touches:
    """Seven days of ads from each trigger, one a day where they overlap."""
    each, day = np.repeat(np.arange(len(triggers)), DAYS), np.tile(np.arange(DAYS), len(triggers))
    at = triggers.at[each] + day * DAY + rng.integers(HOUR, 5 * HOUR, len(each))
    item = triggers.device[each] * len(sold.products) + triggers.product[each]
    kept = np.unique(item * 100_000 + at // DAY, return_index=True)[1]
    return Touches(
        device=triggers.device[each[kept]],
        at=at[kept],
        product=triggers.product[each[kept]],
        kind=np.full(len(kept), IMPRESSION),
    )
