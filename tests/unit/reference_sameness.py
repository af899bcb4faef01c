"""What sameness promises, once more: a plain union-find over products and what they share, one edge at a time."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

from random_shop import Row

from connector.policies.sameness import SamenessPolicy

RUNGS = ("same.yaml", "alias", "gtin", "mpn", "sku", "item_group_id", "product_type")
NOTHING = {
    "",
    "-",
    "0",
    "n/a",
    "na",
    "none",
    "null",
    "unknown",
    "doesnotapply",
    "notapplicable",
    "generic",
    "unbranded",
}
Edge = tuple[int, str, str]


def valid_gtin(text: str | None) -> str | None:
    digits = re.sub("[ -]", "", text or "")
    if not re.fullmatch("[0-9]{8}|[0-9]{12,14}", digits):
        return None
    full = digits.zfill(14)
    weighed = sum(int(digit) * (1, 3)[at % 2] for at, digit in enumerate(reversed(full)))
    if weighed % 10 or int(full) == 0 or re.match("2|02|04|98|99", full[1:]):
        return None
    return full


def fold(text: str) -> str:
    return text.strip().lower().lstrip("0")


def brand_mpn(product: Row) -> str | None:
    brand, mpn = ((product[name] or "").lower().replace(" ", "") for name in ("brand", "mpn"))
    return None if brand in NOTHING or mpn in NOTHING else f"{brand} {mpn}"


@dataclass
class Reference:
    """One shop: its products, one a product_id, under a policy."""

    products: dict[str, Row]
    policy: SamenessPolicy

    def level(self, product: Row) -> str:
        kind = product["product_type"] or ""
        fits = [name for name in self.policy.levels if kind == name or kind.startswith(f"{name} > ")]
        return self.policy.levels[max(fits, key=len)] if fits else self.policy.level

    def parts(self, text: str, wanted: str) -> Iterator[str]:
        for form in self.policy.overrides.forms:
            names = [f"(?P<{name}>.+?)" for name in form.parts[:-1]] + [f"(?P<{form.parts[-1]}>.+)"]
            pattern = re.escape(form.prefix) + re.escape(form.between).join(names) + re.escape(form.suffix)
            found = re.fullmatch(pattern, text, re.DOTALL)
            if found and wanted in form.parts:
                yield found[wanted]

    def statements(self) -> Iterator[Edge]:
        overrides = self.policy.overrides
        yield from ((0, one, ids[0]) for ids in overrides.same for one in ids[1:])
        yield from ((1, one, other) for one, other in overrides.aliases)
        for name, one in self.products.items():
            yield from ((1, name, part) for part in self.parts(name, "variant"))
            if self.level(one) != "variant" and one["item_group_id"]:
                yield 5, name, one["item_group_id"]
                for form in self.policy.overrides.forms:
                    alone = Reference({}, SamenessPolicy(overrides=type(self.policy.overrides)(forms=(form,))))
                    text = one["item_group_id"] if len(form.parts) == 1 else name
                    yield from ((5, name, part) for part in alone.parts(text, "product"))

    def numbers(self) -> Iterator[Edge]:
        found: list[Edge] = []
        groups = defaultdict(set)
        for name, one in self.products.items():
            groups[fold(name)].add(one["item_group_id"])
        for name, one in self.products.items():
            if number := valid_gtin(one["gtin"]):
                found.append((2, name, f"#{number}"))
            if both := brand_mpn(one):
                found.append((3, name, f"%{both}"))
            if fold(name) and len(groups[fold(name)] - {None}) < 2:
                found.append((4, name, f"~{fold(name)}"))
            if self.level(one) == "function" and one["product_type"]:
                found.append((6, name, f">type:{one['product_type']}"))
        counts = Counter(key for _, _, key in found)
        yield from ((rung, a, b) for rung, a, b in found if 2 <= counts[b] <= (30 if rung in (2, 3) else 10**9))

    @cached_property
    def edges(self) -> list[Edge]:
        """Accepted edges, surest first; ids start with "="."""
        every = [(rung, f"={a}", f"={b}") for rung, a, b in self.statements()]
        every += [(rung, f"={a}", b) for rung, a, b in self.numbers()]
        first: dict[tuple[str, str], int] = {}
        for rung, a, b in every:
            first[a, b] = min(rung, first.get((a, b), 99))
        apart = [
            {f"={one}", f"={other}"} for ids in self.policy.overrides.different for one, other in combinations(ids, 2)
        ]
        group: dict[str, set[str]] = {}
        accepted = []
        for rung, a, b in sorted((rung, a, b) for (a, b), rung in first.items()):
            together = group.setdefault(a, {a}) | group.setdefault(b, {b})
            if group[a] is not group[b] and any(pair <= together for pair in apart):
                continue
            for node in together:
                group[node] = together
            accepted.append((rung, a, b))
        return accepted

    @cached_property
    def groups(self) -> dict[str, frozenset[str]]:
        """Node -> all nodes that hang together with it."""
        group: dict[str, set[str]] = {}
        for _, a, b in self.edges:
            together = group.setdefault(a, {a}) | group.setdefault(b, {b})
            for node in together:
                group[node] = together
        return {node: frozenset(together) for node, together in group.items()}

    def called(self, nodes: Iterable[str]) -> str:
        named = {b: 1 for rung, _, b in self.edges if rung == 5} | {b: 0 for rung, _, b in self.edges if rung == 6}

        def place(node: str) -> tuple[int, str]:
            product = self.products.get(node[1:]) if node[0] == "=" else None
            known = (2 if product["fed"] else 3) if product else 4
            return min(named.get(node, 9), known), node

        return min((node for node in nodes if node[0] == "=" or node in named), key=place)[1:]

    @cached_property
    def families(self) -> dict[str, str]:
        """product_id -> family."""
        called = {nodes: self.called(nodes) for nodes in set(self.groups.values())}
        return {name: called[self.groups[f"={name}"]] if f"={name}" in self.groups else name for name in self.products}

    def meaning(self, name: str) -> tuple[str | None, str] | None:
        """(product, family) that an id stands for."""
        within = list(self.parts(name, "variant"))
        for one in (name, *within):
            if found := self._known(one):
                return found
        for one in (name, *within):
            alike = [other for other in self.products if fold(other) and fold(other) == fold(one)]
            if alike:
                best = min(alike, key=lambda other: (not self.products[other]["fed"], other))
                return best, self.families[best]
        return next((found for one in self.parts(name, "product") if (found := self._known(one))), None)

    def _known(self, name: str) -> tuple[str | None, str] | None:
        if name in self.products:
            return name, self.families[name]
        node = f"={name}"
        if node not in self.groups:
            return None
        family = self.called(self.groups[node])

        def place(near: tuple[int, str]) -> tuple[int, bool, bool, str]:
            one = self.products[near[1]]
            return near[0], not one["sensitive"], not one["fed"], near[1]

        ends = [(rung, b if a == node else a) for rung, a, b in self.edges if node in (a, b)]
        near = [(rung, end[1:]) for rung, end in ends if end[0] == "=" and end[1:] in self.products]
        near = near or [(0, one) for one, its in self.families.items() if its == family]
        return (min(near, key=place)[1] if near else None), family

    def reasons(self) -> set[tuple[str, str, str, str]]:
        """(product, via, key, same_as): each product with the least other one that it shares something with."""
        members = defaultdict(set)
        for rung, a, b in self.edges:
            members[rung, b] |= {end[1:] for end in (a, b) if end[0] == "=" and end[1:] in self.products}
        found: dict[tuple[str, str], tuple[int, str]] = {}
        for (rung, key), names in sorted(members.items()):
            for name in names:
                others = names - {name}
                if others:
                    pair = name, min(others)
                    found[pair] = min(found.get(pair, (99, "")), (rung, key))
        return {(name, RUNGS[rung], key[1:], other) for (name, other), (rung, key) in found.items()}
