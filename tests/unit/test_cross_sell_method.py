"""Cross-sell's models and measures against plain Python, and the choice among them by the shop's own history."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from math import log2
from random import Random

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pytest
from ibis.config import Config
from small_seen import contact, line, order, seen

from connector.decide.cross_sell.affinity import affinities, co_purchases, purchases
from connector.decide.cross_sell.best_sellers import best_sellers, offered
from connector.decide.cross_sell.holdout import proven
from connector.decide.cross_sell.linear_model import RIDGE, closed_form, linear_weights
from connector.decide.cross_sell.measures import measured
from connector.decide.cross_sell.next_families import next_families
from connector.decide.cross_sell.ranking import anything, candidates, first, new_to, served, typed, unscored
from connector.merge import Seen, identify, merge
from connector.policies import Policy
from connector.policies.cross_sell import BEST_SELLERS, COSINE, LIFT, LINEAR, METHODS, CrossSellPolicy

START = datetime(2026, 1, 1, tzinfo=UTC)
LINE = {
    "person_id": "string",
    "family": "string",
    "counts": "decimal(18,4)",
    "ordered_at": "timestamp('UTC', 6)",
    "gift": "boolean",
}
FAMILY = {"family": "string", "product_type": "string", "collected": "boolean", "available": "boolean"}
NOBODY = ibis.memtable([], schema={"family": "string"})
Bought = tuple[str, str, int]
"""Person, family, day."""


def lines(bought: Iterable[Bought]) -> ir.Table:
    rows = [
        {"person_id": person, "family": family, "counts": 1, "ordered_at": START + timedelta(days=day), "gift": False}
        for person, family, day in bought
    ]
    return ibis.memtable(rows, schema=LINE).cache()


def families(names: Iterable[str]) -> ir.Table:
    rows = [{"family": name, "product_type": None, "collected": True, "available": True} for name in sorted(set(names))]
    return ibis.memtable(rows, schema=FAMILY).mutate(sensitive=ibis.literal(False)).cache()


def table(rows: list[dict[str, object]]) -> ir.Table:
    return ibis.memtable(pa.Table.from_pylist(rows))


def rows(table: ir.Table) -> list[dict[str, object]]:
    found: list[dict[str, object]] = table.to_pyarrow().to_pylist()
    return found


def random_purchases(seed: int, people: int = 60, kinds: int = 9) -> list[Bought]:
    chance = Random(seed)
    return [
        (f"p{person}", f"f{family}", chance.randint(0, 99))
        for person in range(people)
        for family in range(kinds)
        if chance.random() < 0.2 + 0.05 * family
    ]


def test_the_closed_form_is_the_published_one() -> None:
    """Column by column the ridge regression of a family on all others, solved one by one."""
    seen = (np.random.default_rng(7).random((40, 6)) < 0.4).astype(float)
    weights = closed_form(np.asfortranarray(np.tril(seen.T @ seen)))
    for column in range(6):
        others = [other for other in range(6) if other != column]
        gram = seen[:, others].T @ seen[:, others] + RIDGE * np.eye(5)
        assert weights[others, column] == pytest.approx(np.linalg.solve(gram, seen[:, others].T @ seen[:, column]))
        assert weights[column, column] == 0


def test_of_each_family_the_weightiest_causes_are_kept() -> None:
    """By absolute weight, never the family itself; only the most bought families take part."""
    counts = np.random.default_rng(3).integers(0, 9, (7, 7))
    family = table([{"number": number, "base": 30 - number} for number in range(7)])
    pairs = [{"a": a, "b": b, "both": int(counts[a, b])} for a in range(7) for b in range(a + 1, 7)]
    found = rows(linear_weights(family, table(pairs), 5, 2))
    gram = np.triu(counts, 1)[:5, :5] + np.triu(counts, 1)[:5, :5].T + np.diag([30.0 - number for number in range(5)])
    weights = closed_form(np.asfortranarray(gram))
    for column in range(5):
        kept = {row["number"]: row["weight"] for row in found if row["next_number"] == column}
        best = sorted(range(5), key=lambda one: -abs(weights[one, column]))[:2]
        assert kept == pytest.approx({one: weights[one, column] for one in best})


def test_linear_weights_carry_the_trend() -> None:
    """What is bought lately beside the shop's average weighs more; the rest is the model's own weight."""
    bought = random_purchases(1)
    policy = CrossSellPolicy(support=1, kept_a_family=9)
    now = START + timedelta(days=99)
    found = co_purchases(purchases(lines(bought), NOBODY), policy, now)
    names = sorted({family for _, family, _ in bought})
    has = np.array([[(person, name) in {(p, f) for p, f, _ in bought} for name in names] for person in people(bought)])
    weights = closed_form(np.asfortranarray(has.T.astype(float) @ has))
    base = has.sum(axis=0)
    recent = np.array([len({p for p, f, day in bought if f == name and day > 99 - 28}) for name in names])
    share = recent.sum() / base.sum()
    trend = (recent + 10 * share) / (base + 10) / share
    for row in rows(affinities(found, LINEAR, policy)):
        a, b = names.index(str(row["family"])), names.index(str(row["next_family"]))
        assert row["weight"] == pytest.approx(weights[a, b] * trend[b])
        assert row["base"] == base[a]


def people(bought: Iterable[Bought]) -> list[str]:
    return sorted({person for person, _, _ in bought})


def test_families_too_rare_for_the_model_go_by_cosine() -> None:
    """On the model's scale: a catalogue of any size has weights for every family that reaches the floors."""
    bought = random_purchases(2, people=80)
    policy = CrossSellPolicy(support=2, confidence=0, lift=0, linear_families=4, kept_a_family=9)
    found = co_purchases(purchases(lines(bought), NOBODY), policy, START + timedelta(days=99))
    linear = {(row["family"], row["next_family"]): row for row in rows(affinities(found, LINEAR, policy))}
    cosine = {(row["family"], row["next_family"]): row for row in rows(affinities(found, COSINE, policy))}
    few = {row["family"] for row in rows(found.family) if int(str(row["number"])) < 4}
    trend = {row["family"]: row["trend"] for row in rows(found.family)}
    rare = [pair for pair in cosine if not set(pair) <= few]
    scales = {round(linear[pair]["weight"] / cosine[pair]["weight"] / trend[pair[1]], 9) for pair in rare}  # type: ignore[operator]
    assert len(rare) > 40
    assert len(scales) == 1
    assert scales.pop() > 0


def test_the_lower_end_of_the_lift_trusts_many_more_than_few() -> None:
    """Equal confidence: of 4 in 4 the bound is far below that of 40 in 40."""
    alone = [(f"o{number}", "z", 1) for number in range(60)]
    some = [(f"a{number}", family, 1) for number in range(4) for family in ("rare", "next")]
    many = [(f"b{number}", family, 1) for number in range(40) for family in ("often", "then")]
    policy = CrossSellPolicy(support=1)
    found = co_purchases(purchases(lines([*alone, *some, *many]), NOBODY), policy, START + timedelta(days=9))
    weight = {(row["family"], row["next_family"]): row for row in rows(affinities(found, LIFT, policy))}
    few, sure = weight["rare", "next"], weight["often", "then"]
    assert few["confidence"] == sure["confidence"] == 1
    bounds = [float(str(row["weight"])) / float(str(row["lift"])) for row in (few, sure)]
    assert bounds == pytest.approx([1 / (1 + 1.645**2 / 4), 1 / (1 + 1.645**2 / 40)])


@pytest.mark.parametrize("seed", range(5))
def test_measures_are_those_of_the_textbook(seed: int) -> None:
    """recall@10 and nDCG@10 of random lists, a person at a time."""
    chance = Random(seed)
    names = [f"f{number}" for number in range(30)]
    truth = {f"p{person}": chance.sample(names, chance.randint(1, 14)) for person in range(20)}
    listed = {person: chance.sample(names, chance.randint(0, 15)) for person in list(truth)[2:]}
    recalls, gains = [], []
    for person, new in truth.items():
        first = listed.get(person, [])[:10]
        recalls.append(len(set(first) & set(new)) / len(new))
        gain = sum(1 / log2(place + 2) for place, name in enumerate(first) if name in new)
        gains.append(gain / sum(1 / log2(place + 2) for place in range(min(10, len(new)))))
    wanted = [{"person_id": person, "family": name} for person, new in truth.items() for name in new]
    told = [
        {"person_id": person, "family": name, "rank": rank}
        for person, ones in listed.items()
        for rank, name in enumerate(ones)
    ]
    (row,) = rows(measured(table(told), table(wanted)))
    assert row == {"recall": pytest.approx(np.mean(recalls)), "ndcg": pytest.approx(np.mean(gains)), "people": 20}


def history(pairs: bool) -> list[Bought]:
    """A year of 1,200 people who buy two families, the second later; which goes with the first, or what all buy."""
    chance = Random(5)
    found = []
    for number in range(1200):
        first, day = chance.randrange(40), chance.randint(0, 300)
        then = first if pairs else chance.randrange(3)
        found += [(f"p{number}", f"lamp{first}", day), (f"p{number}", f"bulb{then}", day + chance.randint(30, 60))]
    return found


def chosen(bought: list[Bought]) -> tuple[str, list[dict[str, object]]]:
    policy = CrossSellPolicy(support=2)
    found = proven(lines(bought), families(family for _, family, _ in bought), NOBODY, policy, ir.Table.cache)
    return found.name, rows(found.figure)


def test_where_everybody_buys_the_same_the_plain_rule_wins() -> None:
    """And the default switches to it; the figure says how good each was, and of how many people."""
    name, tried = chosen([*history(pairs=False), *[(f"x{n}", "bulb0", 0) for n in range(9)]])
    best = max(tried, key=lambda row: float(str(row["ndcg"])))
    assert [row["method"] for row in tried if row["chosen"]] == [name] == [best["method"]]
    assert {row["people"] for row in tried} == {tried[0]["people"]}


def test_where_one_thing_leads_to_another_that_is_learned() -> None:
    """The plain best-sellers lose by far."""
    name, tried = chosen(history(pairs=True))
    gain = {row["method"]: float(str(row["ndcg"])) for row in tried}
    assert name != BEST_SELLERS
    assert gain[name] > 2 * gain[BEST_SELLERS]


def test_a_short_history_chooses_nothing() -> None:
    """Cosine, and the reason why nothing was tried; so does a history of few people."""
    short = [(person, family, day // 20) for person, family, day in history(pairs=True)]
    few = history(pairs=True)[:400]
    for bought in (short, few, []):
        name, (row,) = chosen(bought)
        assert (name, row["chosen"], row["ndcg"]) == (COSINE, True, None)
        assert str(row["why"]).startswith("too little history to choose by")


def test_what_the_policy_names_is_not_tried() -> None:
    """Said by a person, said in the figure."""
    policy = CrossSellPolicy(method=LIFT)
    found = proven(lines(history(pairs=True)), families([]), NOBODY, policy)
    assert found.name == LIFT
    assert rows(found.figure)[0]["why"] == "set by policy.cross_sell.method"


class SparkOptions(Config):
    """What Ibis sets when it loads its Spark engine, which compiling does not need."""

    treat_nan_as_null: bool = False


@pytest.mark.parametrize("method", METHODS)
def test_every_method_can_be_said_in_spark(monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    """Weights, scores, best-sellers and measures compile; the fit itself is NumPy's."""
    monkeypatch.setattr(ibis.options, "pyspark", SparkOptions())
    bought, policy = lines(random_purchases(4)), CrossSellPolicy(support=1)
    pair = purchases(bought, NOBODY)
    found = co_purchases(pair, policy, START + timedelta(days=99))
    known = families(f"f{number}" for number in range(9))
    best = unscored(offered(anything(pair), best_sellers(known, found, method)), known)
    candidate = candidates(pair, affinities(found, method, policy), known, policy)
    listed = first(new_to(candidate.union(best.select(*candidate.columns)), pair, served(typed(pair, known))), 10, 2)
    assert "SELECT" in str(ibis.to_sql(measured(listed, pair), dialect="pyspark"))


def test_nothing_after_the_moment_is_looked_at() -> None:
    """Choice, weights and best-sellers of a moment are the same whether or not the shop went on to sell."""
    until = START + timedelta(days=320)
    policy, told = Policy(), []
    later = [(f"p{number}", "surprise", 330) for number in range(900)]
    for bought in (history(pairs=True), [*history(pairs=True), *later]):
        shop = shop_of(bought)
        merged = merge(shop, identify(shop).person.cache(), until, ir.Table.cache)
        family = families(family for _, family, _ in history(pairs=True))
        found = next_families(merged, family, policy.cross_sell, until, ir.Table.cache)
        told.append([sorted(map(repr, rows(each))) for each in (found.method, found.affinity, found.best_seller)])
    assert told[0] == told[1]
    assert all(told[0])


def shop_of(bought: list[Bought]) -> Seen:
    times = [START + timedelta(days=day) for _, _, day in bought]
    return seen(
        contact=[contact(f"hubspot:{person}") for person in people(bought)],
        order_header=[
            {**order(f"{n}", f"hubspot:{person}", "2026-01-01"), "ordered_at": times[n]}
            for n, (person, _, _) in enumerate(bought)
        ],
        order_line=[line(f"{n}", family) for n, (_, family, _) in enumerate(bought)],
    )
