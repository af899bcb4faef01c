"""What decide/ says of buyers, once more: slow, obvious, one person at a time, in plain Python."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from typing import Any

import numpy as np
import reference_merge as merge
from random_shop import Row, Shop
from scipy.special import betaln
from scipy.stats import nbinom

from connector.audiences import Audiences

CELLS = {  # recency fifth -> cell by frequency fifth 1..5: the usual chart, read row by row
    5: ("new", "potential_loyalist", "potential_loyalist", "champions", "champions"),
    4: ("promising", "potential_loyalist", "potential_loyalist", "loyal", "loyal"),
    3: ("about_to_sleep", "about_to_sleep", "need_attention", "loyal", "loyal"),
    2: ("hibernating", "hibernating", "at_risk", "at_risk", "cant_lose"),
    1: ("hibernating", "hibernating", "at_risk", "at_risk", "cant_lose"),
}


def fifths(value: Mapping[str, Any]) -> dict[str, int]:
    """1 to 5 by rank of (value, person); the first fifths are one larger where they cannot be equal."""
    order = sorted(value, key=lambda person: (value[person], person))
    sizes = [len(order) // 5 + (tile < len(order) % 5) for tile in range(5)]
    tiles = [tile + 1 for tile, size in enumerate(sizes) for _ in range(size)]
    return dict(zip(order, tiles, strict=True))


@dataclass(frozen=True, eq=False)
class LoyaltyReference:
    """One shop at one moment."""

    shop: Shop
    audiences: Audiences
    as_of: datetime

    @cached_property
    def lines(self) -> dict[str, list[Row]]:
        found = defaultdict(list)
        for line in merge.counted(self.shop, self.as_of):
            if line["person_id"]:
                found[line["person_id"]].append(line)
        return found

    @cached_property
    def currency(self) -> str:
        sold = [line for lines in self.lines.values() for line in lines if line["counts"] > 0 and line["currency"]]
        counted = Counter(line["currency"] for line in sold)
        return min(counted, key=lambda name: (-counted[name], name))

    def spend(self, lines: list[Row]) -> Decimal:
        ours = [line for line in lines if line["unit_price"] and line["currency"] in (None, self.currency)]
        total = sum((line["counts"] * line["unit_price"] for line in ours), Decimal(0))
        return total.quantize(Decimal("0.0001"), ROUND_HALF_UP)

    def recent(self, person: str) -> list[Row]:
        start = self.as_of - self.audiences.policy.loyalty.window
        return [line for line in self.lines.get(person, []) if line["ordered_at"] > start]

    @cached_property
    def buying(self) -> dict[str, Row]:
        return {person: self._buying(lines) for person, lines in self.lines.items()}

    def _buying(self, lines: list[Row]) -> Row:
        sold = [line for line in lines if line["counts"] > 0]
        times = [line["ordered_at"] for line in sold]
        orders = {line["order_id"] or line["order_key"] for line in sold} - {None}
        return {
            "orders": len(orders),
            "spend": self.spend(lines),
            "first_order_at": min(times, default=None),
            "last_order_at": max(times, default=None),
        }

    @cached_property
    def rfm(self) -> dict[str, Row]:
        buyers = {person: one for person, one in self.buying.items() if one["orders"]}
        recency = fifths({person: one["last_order_at"] for person, one in buyers.items()})
        frequency = fifths({person: one["orders"] for person, one in buyers.items()})
        monetary = fifths({person: one["spend"] for person, one in buyers.items()})
        return {
            person: {
                "recency": recency[person],
                "frequency": frequency[person],
                "monetary": monetary[person],
                "rfm_cell": CELLS[recency[person]][frequency[person] - 1],
            }
            for person in buyers
        }

    @cached_property
    def recent_spend(self) -> dict[str, Decimal]:
        """Of those with an order in the tier's window."""
        recent = {person: self.recent(person) for person in self.lines}
        return {p: self.spend(lines) for p, lines in recent.items() if any(line["counts"] > 0 for line in lines)}

    @cached_property
    def tier_bounds(self) -> list[tuple[Decimal, str]]:
        """The best buyer who is not in the top of silver and better, and who is not in the top of gold."""
        order = sorted(((value, person) for person, value in self.recent_spend.items()), reverse=True)
        policy = self.audiences.policy.loyalty
        percents = (policy.gold_percent + policy.silver_percent, policy.gold_percent)
        return [order[int(len(order) * percent / 100)] for percent in percents]

    @cached_property
    def below_silver(self) -> list[str]:
        """By what they spend now."""
        return [person for person, spend in self.recent_spend.items() if (spend, person) <= self.tier_bounds[0]]

    @cached_property
    def tiers(self) -> dict[str, str]:
        if not self.recent_spend:
            return {}
        silver, gold = self.tier_bounds
        return {
            person: "gold" if self._stands(person, gold) else "silver" if self._stands(person, silver) else "bronze"
            for person in self.recent_spend
        }

    def _stands(self, person: str, bound: tuple[Decimal, str]) -> bool:
        """Above the bound, or above it once and never too far below since, as lines came and left the window."""
        policy = self.audiences.policy.loyalty
        times = [line["ordered_at"] for line in self.lines[person]]
        moments = {moment for time in times for moment in (time, time + policy.window) if moment <= self.as_of}
        stands = False
        for moment in sorted(moments):
            inside = [line for line in self.lines[person] if moment - policy.window < line["ordered_at"] <= moment]
            spend = self.spend(inside)
            if (spend, person) > bound:
                stands = True
            elif float(spend) < float(bound[0]) * policy.keep_percent / 100:
                stands = False
        return stands

    def order_days(self, person: str) -> list[int]:
        """Days since 1970 with an order, in order."""
        sold = [line["ordered_at"] for line in self.lines.get(person, []) if line["counts"] > 0]
        return sorted({int(moment.timestamp()) // 86_400 for moment in sold})

    def outlook(self, model: Mapping[str, float]) -> dict[str, tuple[float, float, float]]:
        """Person -> what MBG/NBD and Gamma-Gamma with these parameters say, orders counted one by one."""
        days = {person: self.order_days(person) for person in self.lines}
        return {person: self._outlook(person, found, model) for person, found in days.items() if found}

    def _outlook(self, person: str, days: list[int], model: Mapping[str, float]) -> tuple[float, float, float]:
        today = max(int(self.as_of.timestamp()) // 86_400, days[-1])
        x, last, age = len(days) - 1, days[-1] - days[0], today - days[0]
        r, alpha, a, b = model["r"] + x, model["alpha"] + age, model["a"], model["b"] + x
        alive = 1 / (1 + a / b * (alpha / (model["alpha"] + last)) ** r)
        ahead = self.audiences.policy.loyalty.horizon.days
        # the next order but k comes if the buyer stays after k more, and enough of them fit into the time
        more = np.arange(300)
        stays = np.exp(betaln(a, b + 1 + more) - betaln(a, b + 1))
        orders = alive * float(np.sum(stays * nbinom.sf(more, r, alpha / (alpha + ahead))))
        spend = max(float(self.buying[person]["spend"]), 0)
        worth = model["p"] * (model["v"] + spend) / (model["p"] * len(days) + model["q"] - 1)
        return alive, orders, orders * worth
