"""The shop-wide figures of decide/, once more: slow, obvious, one person at a time, in plain Python."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import reference_merge as merge
from random_shop import Row
from reference_loyalty import LoyaltyReference


def under(product_type: str | None, name: str) -> bool:
    return product_type is not None and (product_type == name or product_type.startswith(name + " > "))


@dataclass(frozen=True, eq=False)
class FiguresReference(LoyaltyReference):
    """What a shop's history says of its families."""

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
        found = {family: self._family(family, ones, sold) for family, ones in members.items()}
        collected = self._collected({family: one["product_type"] for family, one in found.items()})
        return {family: {**one, "collected": one["product_type"] in collected} for family, one in found.items()}

    def _collected(self, kinds: Mapping[str, str | None]) -> set[str]:
        """Product types of which enough buyers bought several families."""
        owned = defaultdict(Counter)
        for (person, family), one in self.holdings.items():
            if one["bought_quantity"] > 0 and kinds.get(family):
                owned[kinds[family]][person] += 1
        policy = self.audiences.policy.cross_sell
        several = {kind: sum(count > 1 for count in persons.values()) for kind, persons in owned.items()}
        enough = {kind for kind, persons in owned.items() if len(persons) >= policy.support}
        return {kind for kind in enough if several[kind] >= len(owned[kind]) * policy.collected}

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
