"""The shop-wide figures of decide/, once more: slow, obvious, one person at a time, in plain Python."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from typing import Any

import reference_merge as merge
from random_shop import Row, Shop

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


def under(product_type: str | None, name: str) -> bool:
    return product_type is not None and (product_type == name or product_type.startswith(name + " > "))


@dataclass(frozen=True, eq=False)
class FiguresReference:
    """One shop at one moment."""

    shop: Shop
    audiences: Audiences
    as_of: datetime

    @cached_property
    def people(self) -> set[str]:
        return set(merge.persons(self.shop)[0].values())

    @cached_property
    def holdings(self) -> dict[tuple[str, str], Row]:
        return merge.holdings(self.shop, self.as_of)

    @cached_property
    def touches(self) -> dict[tuple[str, str], Row]:
        return merge.touches(self.shop, self.as_of)

    @cached_property
    def pairs(self) -> dict[str, list[tuple[str, str]]]:
        found = defaultdict(list)
        for pair in self.holdings:
            found[pair[0]].append(pair)
        return found

    @cached_property
    def touched(self) -> dict[str, list[tuple[str, Row]]]:
        found = defaultdict(list)
        for (person, family), touch in self.touches.items():
            found[person].append((family, touch))
        return found

    @cached_property
    def buyers(self) -> Counter[str]:
        return Counter(family for (_, family), one in self.holdings.items() if one["bought_quantity"] > 0)

    @cached_property
    def next_families(self) -> dict[str, list[tuple[str, Row]]]:
        found = defaultdict(list)
        for (a, b), one in self.affinities.items():
            found[a].append((b, one))
        return found

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
    def tiers(self) -> dict[str, str]:
        recent = {person: self.recent(person) for person in self.lines}
        spend = {p: self.spend(lines) for p, lines in recent.items() if any(line["counts"] > 0 for line in lines)}
        order = sorted(spend, key=lambda person: (spend[person], person), reverse=True)
        policy = self.audiences.policy
        gold = int(len(order) * policy.loyalty.gold_percent / 100)
        silver = int(len(order) * (policy.loyalty.gold_percent + policy.loyalty.silver_percent) / 100)
        names = ["gold"] * gold + ["silver"] * (silver - gold) + ["bronze"] * (len(order) - silver)
        return dict(zip(order, names, strict=True))

    def product(self, product_id: str | None) -> Row:
        known = merge.catalogue(self.shop).get(product_id, {})
        sensitive = known.get("sensitive", False)
        title = "an item" if sensitive else known.get("title") or product_id
        return {"title": title, "product_type": known.get("product_type"), "sensitive": sensitive}

    @cached_property
    def families(self) -> dict[str, Row]:
        goods = merge.catalogue(self.shop)
        sold = Counter()
        family_of = {product_id: one["family"] for product_id, one in goods.items()}
        for lines in self.lines.values():
            for line in lines:
                if line["counts"] > 0 and line["product_id"]:
                    sold[line["product_id"]] += 1
                    family_of[line["product_id"]] = line["family"]
        members = defaultdict(list)
        unknown = {"title": None, "product_type": None, "sensitive": False, "availability": None}
        for product_id, family in family_of.items():
            members[family].append({**goods.get(product_id, unknown), "product_id": product_id})
        return {family: self._family(family, ones, sold) for family, ones in members.items()}

    def _family(self, family: str, members: list[Row], sold: Mapping[str, int]) -> Row:
        def place(one: Row) -> tuple[bool, int, str]:
            return one["availability"] == "out_of_stock", -sold[one["product_id"]], one["product_id"]

        shown = min(members, key=place)
        return {
            "title": shown["title"] or shown["product_id"],
            "product_type": shown["product_type"],
            "product_id": shown["product_id"],
            "buyers": self.buyers[family],
            "available": any(one["availability"] != "out_of_stock" for one in members),
            "sensitive": any(one["sensitive"] for one in members),
        }

    @cached_property
    def own_lists(self) -> set[str]:
        wasted, met = Counter(), Counter()
        for pair, one in self.holdings.items():
            touch = self.touches.get(pair)
            if touch and one["net_quantity"] > 0:
                wasted[pair[1]] += touch["impressions"]
                met[pair[1]] += 1
        floor = self.audiences.policy.cross_sell.support
        fit = [name for name, one in self.families.items() if one["buyers"] >= floor and not one["sensitive"]]
        fit.sort(key=lambda name: (-wasted[name], -met[name], -self.families[name]["buyers"], name))
        return set(fit[: self.audiences.policy.own_lists])

    def _newest(self, person: str, families: list[str]) -> list[str]:
        families = sorted(families)
        families.sort(key=lambda family: self.holdings[person, family]["last_purchase_at"], reverse=True)
        return families[: self.audiences.policy.cross_sell.families_a_person]

    @cached_property
    def affinities(self) -> dict[tuple[str, str], Row]:
        policy = self.audiences.policy
        banned = {one["family"] for one in merge.catalogue(self.shop).values() if one["sensitive"]}
        bought = defaultdict(list)
        for (person, family), one in self.holdings.items():
            if one["first_purchase_at"] and family not in banned:
                bought[person].append(family)
        bought = {person: self._newest(person, families) for person, families in bought.items()}
        base = Counter(family for families in bought.values() for family in families)
        support: Counter[tuple[str, str]] = Counter()
        for person, families in bought.items():
            first = {family: self.holdings[person, family]["first_purchase_at"] for family in families}
            support.update((a, b) for a in first for b in first if a != b and first[a] <= first[b])
        found = {}
        for (a, b), count in support.items():
            confidence = count / base[a]
            lift = confidence * len(bought) / base[b]
            if (
                count >= policy.cross_sell.support
                and confidence >= policy.cross_sell.confidence
                and lift >= policy.cross_sell.lift
            ):
                found[a, b] = {"support": count, "base": base[a], "confidence": confidence, "lift": lift}
        return dict(self._best(found))

    def _best(self, found: Mapping[tuple[str, str], Row]) -> Iterator[tuple[tuple[str, str], Row]]:
        by_family = defaultdict(list)
        for (a, b), one in found.items():
            by_family[a].append((-one["support"] * one["lift"], -one["support"], b))
        for a, ones in by_family.items():
            for rank, (_, _, b) in enumerate(sorted(ones)[: self.audiences.policy.cross_sell.kept_a_family]):
                yield (a, b), {**found[a, b], "rank": rank}
