"""Cross-sell: recall@10 and nDCG@10 on families not held before, ours and plain rules on the same people."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import ibis
import ibis.expr.types as ir
import numpy as np

from connector.decide.cross_sell.affinity import purchases
from connector.decide.cross_sell.measures import TOP, measured
from connector.decide.cross_sell.next_families import NextFamilies, next_families
from connector.decide.cross_sell.recommendation import recommendations
from connector.decide.families import families
from connector.evaluate.history import History
from connector.evaluate.plain_rules import Buyers
from connector.relations import among, without

PAIR = ["person_id", "family"]
OURS = "ours"


@dataclass(frozen=True)
class AtTheSplit:
    """The shop-wide figures that recommendations follow from."""

    family: ir.Table
    affinity: ir.Table
    best_seller: ir.Table


@dataclass(frozen=True)
class CrossSell:
    """What was measured.

    Attributes:
        people: who had bought before the split, and after it bought a family new to them that somebody had bought.
        methods: name -> (recall@10, nDCG@10); empty where there is nobody.
        chosen: the method that the history before the split had chosen, and why.
    """

    people: int
    methods: Mapping[str, tuple[float, float]]
    chosen: str
    why: str

    @property
    def best(self) -> str:
        """The method with the best nDCG@10; ours where it is as good as any."""
        return max(self.methods, key=lambda name: (self.methods[name][1], name == OURS), default=OURS)


def cross_sell(past: History) -> CrossSell:
    """Learn before the split, list ten families a person, and see which of them they bought after it.

    Stock of the past is not known, so everything counts as available; a list of ten takes any number of one product
    type. Sensitive families are neither listed nor asked for.
    """
    keep = past.home.warehouse.keep
    before = keep(purchases(past.before.lines, past.banned))
    truth = keep(_truth(past, before))
    ours, chosen = _ours(past, truth)
    people = truth.select("person_id").distinct().to_pyarrow()["person_id"].to_numpy(zero_copy_only=False)
    if not len(people):
        return CrossSell(0, {}, chosen["method"], chosen["why"])
    found = {OURS: _scores(ours, truth)}
    buyers = Buyers(before.select(*PAIR).to_pyarrow(), _types(past))
    rows = np.searchsorted(buyers.people, np.sort(people))
    for name, score in buyers.methods():
        found[name] = _scores(keep(ibis.memtable(buyers.listed(score, rows))), truth)
    return CrossSell(len(people), found, chosen["method"], chosen["why"])


def _truth(past: History, before: ir.Table) -> ir.Table:
    keep, line = past.home.warehouse.keep, past.after.lines
    later = purchases(line.filter(line.ordered_at > past.split), past.banned).select(*PAIR)
    new = keep(without(later, before, PAIR))
    return among(keep(among(new, before, ["family"])), before, ["person_id"])


def _types(past: History) -> dict[str, str]:
    goods = past.before.catalogue
    rows = goods.group_by("family").agg(product_type=goods.product_type.min()).to_pyarrow().to_pylist()
    return {row["family"]: row["product_type"] for row in rows if row["product_type"]}


def _ours(past: History, truth: ir.Table) -> tuple[ir.Table, dict[str, str]]:
    """[person_id, family, rank] of the people asked for, by the code that decides; and the method it used."""
    home, before = past.home, past.before
    policy = replace(home.audiences.policy.cross_sell, shown=TOP, same_type=TOP)
    family = home.warehouse.keep(families(before, home.audiences.policy).mutate(available=ibis.literal(True)))
    shop = next_families(before, family, policy, past.split, home.warehouse.keep)
    holding = home.warehouse.keep(among(before.holding, truth, ["person_id"]))
    theirs = replace(before, holding=holding, touch=home.warehouse.keep(among(before.touch, truth, ["person_id"])))
    figures = AtTheSplit(family, shop.affinity, shop.best_seller)
    nobody = holding.select("person_id").filter(ibis.literal(False))
    listed = recommendations(theirs, figures, nobody, policy, home.warehouse.keep)
    return listed.select("person_id", "family", "rank"), _chosen(shop)


def _chosen(shop: NextFamilies) -> dict[str, str]:
    rows = shop.method.filter(shop.method.chosen).select("method", "why").to_pyarrow().to_pylist()
    found: dict[str, str] = rows[0]
    return found


def _scores(listed: ir.Table, truth: ir.Table) -> tuple[float, float]:
    row = measured(listed, truth).to_pyarrow().to_pylist()[0]
    return row["recall"], row["ndcg"]
