"""Which way to find next families foretold the end of this shop's history best: learned before it, tried on it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from connector.decide.cross_sell.affinity import CoPurchases, affinities, co_purchases, purchases
from connector.decide.cross_sell.best_sellers import best_sellers, offered
from connector.decide.cross_sell.measures import TOP, measured
from connector.decide.cross_sell.ranking import PAIR, anything, candidates, first, new_to, once, served, typed, unscored
from connector.policies.cross_sell import BEST_SELLERS, COSINE, IN_CATEGORY, LEARNED, METHODS, CrossSellPolicy
from connector.relations import Keep, among, at, lazily, without

PART, LONGEST, SHORTEST = 4, timedelta(days=90), timedelta(days=14)
"""The end of the history: a quarter of it, at most and at least so long."""
MOST_PEOPLE, FEWEST_PEOPLE = 500, 100
LEARNED_FROM = 100_000
"""Persons: what goes together is no clearer from more of them."""
PLAIN = COSINE
"""What is used where there is too little history to choose by."""
TYPES = pa.schema(
    [
        ("method", pa.string()),
        ("recall", pa.float64()),
        ("ndcg", pa.float64()),
        ("people", pa.int64()),
        ("split_at", pa.timestamp("us", tz="UTC")),
        ("chosen", pa.bool_()),
        ("why", pa.string()),
    ]
)


@dataclass(frozen=True)
class Chosen:
    """The method, and the rows of the figure `method`."""

    name: str
    figure: ir.Table


@dataclass(frozen=True)
class Trial:
    """Everything known at the split, and what came after it.

    Attributes:
        has: [person_id, family, product_type, collected] of the persons tried.
        truth: [person_id, family] that they bought later, of families that somebody had bought before.
    """

    found: CoPurchases
    family: ir.Table
    has: ir.Table
    truth: ir.Table


def proven(line: ir.Table, family: ir.Table, banned: ir.Table, policy: CrossSellPolicy, keep: Keep = lazily) -> Chosen:
    """Learn from the history before its end by each method, and take that with the best nDCG@10 on its end.

    Of equals the one that stands first in METHODS is taken. It is learned from at most LEARNED_FROM persons and tried
    on at most MOST_PEOPLE of them, those whose ids read backwards come first; with fewer than FEWEST_PEOPLE who bought
    something new nothing is tried.

    Args:
        line: of all persons, up to now; nothing else is looked at.
        family: the figure of that name.
    """
    if policy.method != LEARNED:
        return _settled(policy.method, "set by policy.cross_sell.method")
    split = _split(line)
    if split is None:
        return _settled(PLAIN, f"too little history to choose by: its last quarter is less than {SHORTEST.days} days")
    trial = _trial(line, family, banned, policy, split, keep)
    people = int(trial.truth.person_id.nunique().to_pyarrow().as_py() or 0)
    if people < FEWEST_PEOPLE:
        return _settled(PLAIN, f"too little history to choose by: {people} people, where {FEWEST_PEOPLE} are needed")
    return _best([_tried(trial, method, policy, split, keep) for method in METHODS])


def _settled(method: str, why: str) -> Chosen:
    row = dict.fromkeys(TYPES.names) | {"method": method, "chosen": True, "why": why}
    return Chosen(method, ibis.memtable(pa.Table.from_pylist([row], schema=TYPES)))


def _split(line: ir.Table) -> datetime | None:
    sold = line.filter(line.counts > 0)
    row = sold.aggregate(since=sold.ordered_at.min(), until=sold.ordered_at.max()).to_pyarrow().to_pylist()[0]
    if row["since"] is None:
        return None
    part = min((row["until"] - row["since"]) / PART, LONGEST)
    split: datetime = row["until"] - part
    return split if part >= SHORTEST else None


def _trial(
    line: ir.Table, family: ir.Table, banned: ir.Table, policy: CrossSellPolicy, split: datetime, keep: Keep
) -> Trial:
    some = keep(among(line, _first(line, LEARNED_FROM), ["person_id"]))
    before = keep(purchases(some.filter(some.ordered_at <= at(split)), banned))
    later = purchases(some.filter(some.ordered_at > at(split)), banned).select(*PAIR)
    new = keep(without(later, before, PAIR))
    known = keep(among(keep(among(new, before, ["family"])), before, ["person_id"]))
    tried = keep(_first(known, MOST_PEOPLE))
    return Trial(
        found=co_purchases(before, policy, split, keep),
        family=family,
        has=keep(typed(among(before, tried, ["person_id"]).select(*PAIR), family)),
        truth=keep(among(known, tried, ["person_id"])),
    )


def _first(rows: ir.Table, many: int) -> ir.Table:
    """[person_id] of at most so many, those whose ids read backwards come first."""
    person = rows.select("person_id").distinct()
    return person.order_by(person.person_id.reverse()).limit(many)


def _tried(trial: Trial, method: str, policy: CrossSellPolicy, split: datetime, keep: Keep) -> dict[str, object]:
    found = measured(_listed(trial, method, policy, keep), trial.truth).to_pyarrow().to_pylist()[0]
    return {"method": method, "split_at": split, **found}


def _listed(trial: Trial, method: str, policy: CrossSellPolicy, keep: Keep) -> ir.Table:
    if method in (IN_CATEGORY, BEST_SELLERS):
        best = best_sellers(trial.family.mutate(available=True), trial.found, method)
        own = trial.has.filter(trial.has.product_type.notnull()).select("person_id", "product_type")
        candidate = once(unscored(offered(own.union(anything(trial.has)), best), trial.family))
    else:
        affinity = keep(affinities(trial.found, method, policy, keep))
        candidate = keep(candidates(trial.has, affinity, trial.family, policy))
    return first(new_to(candidate, trial.has, served(trial.has)), TOP, TOP)


def _best(rows: list[dict[str, object]]) -> Chosen:
    best = max(rows, key=lambda row: (row["ndcg"], -METHODS.index(str(row["method"]))))
    told = [{**row, "chosen": row is best, "why": "tried on the end of the history"} for row in rows]
    return Chosen(str(best["method"]), ibis.memtable(pa.Table.from_pylist(told, schema=TYPES)))
