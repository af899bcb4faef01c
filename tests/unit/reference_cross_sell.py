"""Cross-sell, once more: slow, obvious, one person at a time, in plain Python. Of the method `cosine` only."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from math import sqrt

import reference_merge as merge
from random_shop import Row
from reference_figures import FiguresReference

KEPT = 30
"""Best-sellers of each product type and of the shop."""


def weight(one: Row) -> Decimal:
    return Decimal(one["weight"]).quantize(Decimal("0.000000001"), ROUND_HALF_UP)


@dataclass(frozen=True, eq=False)
class CrossSellReference(FiguresReference):
    """What goes with what, and what follows for each person."""

    @cached_property
    def own_purchases(self) -> dict[str, dict[str, Row]]:
        """Person -> family -> first and last purchase that was no gift, of the newest families."""
        banned = {one["family"] for one in merge.catalogue(self.shop).values() if one["sensitive"]}
        times = defaultdict(lambda: defaultdict(list))
        for person, lines in self.lines.items():
            for line in lines:
                if line["counts"] > 0 and line["family"] and line["family"] not in banned and not line["gift"]:
                    times[person][line["family"]].append(line["ordered_at"])
        found = {}
        for person, families in times.items():
            newest = self._newest({family: max(moments) for family, moments in families.items()})
            found[person] = {family: {"first": min(families[family])} for family in newest}
        return found

    def _newest(self, last: Mapping[str, Row]) -> list[str]:
        families = sorted(sorted(last), key=lambda family: last[family], reverse=True)
        return families[: self.audiences.policy.cross_sell.families_a_person]

    @cached_property
    def bases(self) -> Counter[str]:
        return Counter(family for families in self.own_purchases.values() for family in families)

    @cached_property
    def affinities(self) -> dict[tuple[str, str], Row]:
        policy = self.audiences.policy.cross_sell
        support: Counter[tuple[str, str]] = Counter()
        for families in self.own_purchases.values():
            first = {family: one["first"] for family, one in families.items()}
            support.update((a, b) for a in first for b in first if a != b and first[a] <= first[b])
        found = {}
        for (a, b), count in support.items():
            confidence = count / self.bases[a]
            lift = confidence * len(self.own_purchases) / self.bases[b]
            if count >= policy.support and confidence >= policy.confidence and lift >= policy.lift:
                measured = {"support": count, "base": self.bases[a], "confidence": confidence, "lift": lift}
                found[a, b] = {**measured, "weight": sqrt(count * lift)}
        return dict(self._weightiest(found))

    def _weightiest(self, found: Mapping[tuple[str, str], Row]) -> Iterator[tuple[tuple[str, str], Row]]:
        of_next = defaultdict(list)
        for (a, b), one in found.items():
            of_next[b].append((-one["weight"], -one["support"], a))
        for b, ones in of_next.items():
            for rank, (_, _, a) in enumerate(sorted(ones)[: self.audiences.policy.cross_sell.kept_a_family]):
                yield (a, b), {**found[a, b], "rank": rank}

    @cached_property
    def next_families(self) -> dict[str, list[tuple[str, Row]]]:
        found = defaultdict(list)
        for (a, b), one in self.affinities.items():
            found[a].append((b, one))
        return found

    @cached_property
    def best_sellers(self) -> dict[tuple[str, str], Row]:
        """(product type or "" for the shop, family) -> place and buyers."""
        shown = [name for name in self.bases if self._may_be_shown(name)]
        strong = [name for name in shown if self.bases[name] >= self.audiences.policy.cross_sell.support]
        found = {}
        for kind in {self.families[name]["product_type"] for name in strong} - {None} | {""}:
            fit = [name for name in strong if kind in ("", self.families[name]["product_type"])]
            order = sorted(fit, key=lambda name: (-self.bases[name], name))[:KEPT]
            found.update({(kind, one): {"place": at, "buyers": self.bases[one]} for at, one in enumerate(order)})
        return found

    def _may_be_shown(self, family: str) -> bool:
        one = self.families[family]
        return one["available"] and not one["sensitive"]

    @cached_property
    def recommendations(self) -> dict[str, list[Row]]:
        return {person: self._recommended(person) for person in self.people}

    def _recommended(self, person: str) -> list[Row]:
        ever = {family for _, family in self.pairs[person]}
        has = {family for family in ever if self.holdings[person, family]["net_quantity"] > 0}
        if self.profile(person)["profiling_opt_out"] or not has:
            return []
        served = {self.families[one]["product_type"] for one in has if not self.families[one]["collected"]} - {None}
        taste = {one: self.holdings[person, one]["last_purchase_at"] for one in has if not self._given(person, one)}
        personal = self._personal(self._newest(taste))
        offered = personal + [one for one in self._offered(person, has) if one["family"] not in self._names(personal)]
        fit = [
            one
            for one in offered
            if one["family"] not in ever and self.families[one["family"]]["product_type"] not in served
        ]
        return [self._told(one) for one in self._varied(fit)]

    def _given(self, person: str, family: str) -> bool:
        return self.holdings[person, family]["gift"]

    def _names(self, rows: list[Row]) -> set[str]:
        return {one["family"] for one in rows}

    def _personal(self, taste: list[str]) -> list[Row]:
        """Next families by score, those that can be told, with their heaviest cause."""
        causes = defaultdict(list)
        for a, b, one in [(cause, *one) for cause in taste for one in self.next_families[cause]]:
            if self._may_be_shown(b):
                causes[b].append((-weight(one), -one["support"], a, one))
        floor = self.audiences.policy.cross_sell.support
        rows = [
            {"family": b, "score": -sum(one[0] for one in ones), "cause": min(ones)}
            for b, ones in causes.items()
            if any(one[3]["support"] >= floor for one in ones)
        ]
        return sorted(rows, key=lambda one: (-one["score"], one["family"]))

    def _offered(self, person: str, has: set[str]) -> Iterator[Row]:
        """Best-sellers of the types of what the person has or was last interested in, by place, then of the shop."""
        last = self._last_interest(person) & set(self.families)
        kinds = {self.families[one]["product_type"] for one in has | last} - {None}
        first = {}
        for wanted in (kinds, {""}):
            rows = [(one["place"], name, kind) for (kind, name), one in self.best_sellers.items() if kind in wanted]
            for _, name, kind in sorted(rows):
                first.setdefault(name, {"family": name, "score": Decimal(0), "kind": kind})
        yield from first.values()

    def _last_interest(self, person: str) -> set[str]:
        """The family that the person looked at, clicked, carted or wished for last, if there is one."""
        found = {}
        for family, touch in self.touched[person]:
            moments = [touch[f"last_{kind}_at"] for kind in merge.COUNTS if kind != "impression"]
            found[family] = max((moment for moment in moments if moment), default=None)
        taken = {family: moment for family, moment in found.items() if moment}
        newest = sorted(family for family, moment in taken.items() if moment == max(taken.values()))
        return set(newest[:1])

    def _varied(self, rows: list[Row]) -> list[Row]:
        """At most so many, and of one product type."""
        policy, kinds, found = self.audiences.policy.cross_sell, Counter(), []
        for one in rows:
            kind = self.families[one["family"]]["product_type"]
            kinds[kind] += 1
            if kind is None or kinds[kind] <= policy.same_type:
                found.append(one)
        return found[: policy.shown]

    def _told(self, one: Row) -> Row:
        shown = self.families[one["family"]]
        if "cause" in one:
            _, _, cause, pair = one["cause"]
            why = f"bought with {self.families[cause]['title']} by {pair['support']} of {pair['base']}"
        else:
            name = f"best-seller in {one['kind']}" if one["kind"] else "best-seller"
            why = f"{name}, bought by {self.bases[one['family']]}"
        return {
            **{name: shown[name] for name in ("product_id", "title")},
            "family": one["family"],
            "score": one["score"],
            "why": why,
        }
