"""Decide against slow references on random shops with ties, gaps, duplicates and rows in any order."""

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pytest
from ibis.backends.duckdb import Backend
from ibis.config import Config
from ibis.expr.operations import Aggregate
from random_shop import T0, Row, Shop, random_shops
from reference_decide import Reference, evidence
from test_merge_random import by, rows

from connector.audiences import read_audiences
from connector.decide import Decisions, decide, figures
from connector.decide.membership.consent import WORDS
from connector.decide.membership.lists import settled
from connector.merge import Merged, identify, merge
from connector.yaml_text import parse

AS_OF = T0 + timedelta(days=20)
AUDIENCES = read_audiences(
    parse(
        """
policy:
  suppression: {window: 12d, cool_off: 5d, product_type: {Lamps: 3d, Lamps > Pendant: 25d}}
  cross_sell: {support: 2, confidence: 0.1, lift: 1.1, families_a_person: 4, kept_a_family: 3, shown: 3,
    collected: 0.4}
  loyalty: {window: 9d, gold_percent: 10, silver_percent: 15.5, keep_percent: 30}
  consent: {legal_basis: required}
  segments: {lapsed: 13d, engaged: 12d, recent: 3d, medium: 2, high: 4}
  ads: {outside_eea: opt_out}
audiences:
  - {name: holds, label: A, purpose: exclude, rule: {suppressed: true}, reason: "{title} {order_id} {date} {until}"}
  - {name: fresh, label: B, purpose: exclude, rule: {suppressed: {within: 4d}}, reason: "{family} since {date}"}
  - {name: own, label: "C {family}", purpose: exclude, rule: {each_family: {top: 6}}, reason: "{title} till {until}"}
  - {name: best, label: D, purpose: email, rule: {trait: {rfm_cell: [champions, loyal], orders: {at_least: 2}}},
     reason: "{rfm_cell} {orders} {spend} {last_order_at} {country}"}
  - {name: next, label: E, purpose: email, rule: {recommended: true}, reason: "{title}, {why}"}
  - {name: cart, label: F, purpose: email, rule: {carted: {within: 10d, not_bought: true}}, reason: "{title} {date}"}
  - name: again
    label: G
    purpose: retarget
    reason: "{title} {date} {product_id}"
    rule:
      any:
        - carted: {within: 6d, not_bought_since: true}
        - viewed: {within: 12h, not_bought_since: true, product_type: [Lamps, Rugs]}
        - all:
            - saw_ad: {within: 1w}
            - not: {clicked: {within: 1w}}
  - name: lapsed
    label: H
    purpose: insight
    reason: "{loyalty_tier} {monetary} {ads_consent} {title}"
    rule:
      all:
        - bought: {}
        - not: {trait: {last_order_at: {within: 8d}}}
        - not: {any: [{wished: {}}, {trait: {spend: {at_most: 5}}}]}
  - name: often
    label: M
    purpose: insight
    reason: "{times} of {category}, {items}; {related}"
    rule: {viewed: {within: 11d, at_least: 2, in_one: category, not_bought_since: true}}
  - name: once
    label: N
    purpose: insight
    reason: "{order_id} {date} {times} {product_id}"
    rule: {all: [{bought: {at_least: 1, product: [0-p1, 1-p2, 2-p3, 3-p4, 4-p5]}}, {not: {returned: {within: 9d}}}]}
  - {name: quiet, label: O, purpose: insight, rule: {carted: {not_within: 5d}}, reason: "{items} {date}"}
  - {name: called, label: P, purpose: email, rule: {responded: {campaign: Autumn, within: 6d}}, reason: "{campaign}"}
  - name: stage
    label: Q
    purpose: insight
    reason: "{funnel_stage} {engagement} {age} {age_band}"
    rule:
      any:
        - trait: {funnel_stage: [lapsed, prospect], engagement: [high, low]}
        - trait: {age: {at_least: 18, at_most: 22}, last_interaction_at: {not_within: 2d}}
  - {name: few, label: R, purpose: insight, rule: {trait: {orders: {at_least: 1}}}, reason: "{spend}",
     limit: 40, order_by: spend, holdout: 25}
  - {name: late, label: S, purpose: retarget, rule: {trait: {orders: {at_least: 0}}}, reason: "{orders}",
     limit: 30, order_by: last_interaction_at}
  - {name: lamps, label: I, purpose: insight, rule: {bought: {within: 7d, product_type: Lamps}}, reason: "{title}"}
  - {name: open, label: K, purpose: insight, rule: {viewed: {not_bought_since: true}}, reason: "{title} {date}"}
  - {name: either, label: L, purpose: insight, rule: {any: [{not: {clicked: {}}}, {viewed: {}}]}, reason: "{date}"}
  - {name: german, label: J, purpose: insight, rule: {trait: {country: DE, email_opt_out: false}}, reason: "{country}"}
""",
        "audiences.yaml",
    )
)
SHOP = random_shops(range(150))
REFERENCE = Reference(SHOP, AUDIENCES, AS_OF)


class Decided:
    """A shop merged and decided, each step computed once."""

    def __init__(self, shop: Shop, as_of: Any = AS_OF) -> None:
        self.engine: Backend = ibis.duckdb.connect()
        self.kept = 0
        self.seen = shop.seen()
        self.person = self.keep(identify(self.seen).person)
        self.merged = self.merge(self.person, as_of)
        drawn = figures(self.merged, AUDIENCES.policy, as_of, self.keep)
        self.figures = settled(self.merged, drawn, AUDIENCES, as_of, self.keep)
        self.decisions = self.decide(self.merged, as_of)

    def keep(self, table: ir.Table) -> ir.Table:
        self.kept += 1
        return self.engine.create_table(f"kept_{self.kept}", table, temp=True)

    def merge(self, person: ir.Table, as_of: Any = AS_OF) -> Merged:
        return merge(self.seen, person, as_of, self.keep)

    def decide(self, merged: Merged, as_of: Any = AS_OF) -> Decisions:
        return decide(merged, self.figures, AUDIENCES, as_of, self.keep)


@pytest.fixture(scope="module")
def decided() -> Decided:
    return Decided(SHOP.shuffled(3))


def test_cutpoints_place_persons_in_fifths(decided: Decided) -> None:
    """Scores and cells of everybody equal a plain ranking by (value, person)."""
    found = by(rows(decided.decisions.trait), "person_id")
    learned = ("recency", "frequency", "monetary", "rfm_cell", "loyalty_tier")
    assert {person: {name: row[name] for name in learned} for (person,), row in found.items()} == {
        person: {name: row[name] for name in learned} for person, row in REFERENCE.traits.items()
    }


def test_what_is_to_come_is_what_the_models_say(decided: Decided) -> None:
    """The chance to buy again, the orders to come and their value equal the reference, within four decimals."""
    model = {row["parameter"]: row["value"] for row in rows(decided.figures.model)}
    assert "mbg_nbd" in {row["model"] for row in rows(decided.figures.model)}
    expected = REFERENCE.outlook(model)
    for row in rows(decided.decisions.trait):
        found = [row[name] and float(row[name]) for name in ("p_alive", "expected_orders", "expected_value")]
        known = not REFERENCE.profile(row["person_id"])["profiling_opt_out"] and expected.get(row["person_id"])
        assert found == (pytest.approx(known, abs=2e-4, rel=1e-3) if known else [None] * 3)


def test_traits_are_those_of_the_contacts_and_lines(decided: Decided) -> None:
    """Every column of `trait` equals the reference, consents at their strictest; one row a person."""
    found = by(rows(decided.decisions.trait), "person_id")
    for (person,), row in found.items():
        expected = REFERENCE.traits[person]
        assert {name: row[name] for name in expected} == expected
    assert len(found) == len(REFERENCE.people)


def test_suppressions_end_and_are_lifted(decided: Decided) -> None:
    """Bought and held, or given back, and its window still open: exactly these pairs, with the line behind each."""
    found = by(rows(decided.decisions.suppression), "person_id", "family")
    assert found == {
        pair: {
            **{name: one[name] for name in ("state", "reason", "since", "until", "length")},
            "evidence": evidence(one),
            "title": None if one["sensitive"] else one["title"],
        }
        for pair, one in REFERENCE.suppressed.items()
    }


def test_affinities_count_persons(decided: Decided) -> None:
    """Support, base, confidence, lift and rank equal counting persons pair by pair."""
    found = by(rows(decided.figures.affinity), "family", "next_family")
    assert found.keys() == REFERENCE.affinities.keys()
    for pair, row in found.items():
        assert row == pytest.approx(REFERENCE.affinities[pair])


def test_families_show_the_best_variant(decided: Decided) -> None:
    """Title, variant, buyers, availability and own lists equal the reference."""
    found = by(rows(decided.figures.family), "family")
    own = {family for (family,), row in found.items() if row.pop("own_list")}
    assert {family: row for (family,), row in found.items()} == REFERENCE.families
    assert own == REFERENCE.own_lists


def test_recommendations_are_new_and_told(decided: Decided) -> None:
    """The best families never held, in order, with the heaviest cause in words."""
    found = by(rows(decided.decisions.recommendation), "person_id", "rank")
    expected = {
        (person, rank): row for person, ones in REFERENCE.recommendations.items() for rank, row in enumerate(ones)
    }
    assert len(expected) > 50
    assert found.keys() == expected.keys()
    for key, row in found.items():
        assert row.pop("score") == pytest.approx(float(expected[key]["score"]))
        assert row == {name: value for name, value in expected[key].items() if name != "score"}


def test_wanted_is_what_the_rules_say(decided: Decided) -> None:
    """Members of every audience, consent gates included, and the sentence kept with each."""
    found = by(rows(decided.decisions.wanted), "person_id", "audience")
    assert {key: row["reason"] for key, row in found.items()} == REFERENCE.wanted()
    assert {name.split("_")[0] for _, name in found} == {one.name for one in AUDIENCES.audiences}
    assert all(isinstance(json.loads(row["evidence"]), dict) for row in found.values())


def test_excluded_are_those_whom_consent_keeps_out(decided: Decided) -> None:
    """Everybody whom a rule holds for is wanted or excluded, with the strictest barrier; never both."""
    found = by(rows(decided.decisions.excluded), "person_id", "audience")
    assert {key: row["reason"] for key, row in found.items()} == REFERENCE.excluded()
    assert not found.keys() & REFERENCE.wanted().keys()
    assert {row["reason"] for row in found.values()} == set(WORDS)


def everything(decisions: Decisions) -> Iterator[tuple[str, ir.Table]]:
    for name in ("trait", "suppression", "recommendation", "wanted", "excluded"):
        yield name, getattr(decisions, name)


def test_a_part_of_the_persons_gets_its_part(decided: Decided) -> None:
    """Deciding some persons gives exactly their rows of deciding all."""
    names = sorted(REFERENCE.people)[::3]
    chosen = ibis.memtable(pa.table({"person_id": names}))
    part = decided.decide(decided.merge(decided.person.semi_join(chosen, "person_id")))
    full = dict(everything(decided.decisions))
    for name, table in everything(part):
        expected = rows(full[name].semi_join(chosen, "person_id"))
        assert expected
        assert sorted(map(repr, rows(table))) == sorted(map(repr, expected)), name


@pytest.mark.parametrize("later", [timedelta(hours=6), timedelta(days=2), timedelta(days=9)])
def test_nothing_changes_before_it_is_said_to(decided: Decided, later: timedelta) -> None:
    """Persons without news, whose next change lies ahead, are decided alike at a later time."""
    new = decided.decide(decided.merge(decided.person, AS_OF + later), AS_OF + later)
    changed = {row["person_id"] for row in rows(decided.decisions.trait) if _due(row, later)} | _with_news(later)
    stay = ibis.memtable(pa.table({"person_id": sorted(REFERENCE.people - changed)}))
    assert changed
    before = dict(everything(decided.decisions))
    for name, table in everything(new):
        then, now = before[name].semi_join(stay, "person_id"), table.semi_join(stay, "person_id")
        assert sorted(map(repr, rows(now))) == sorted(map(repr, rows(then))), name


def _due(row: Mapping[str, Any], later: timedelta) -> bool:
    return row["next_change_at"] is not None and row["next_change_at"] <= AS_OF + later


def _with_news(later: timedelta) -> set[str]:
    """Persons with rows dated between the two moments: these are news when their time comes."""
    then = Reference(SHOP, AUDIENCES, AS_OF + later)

    def differing(now: Mapping[tuple[str, str], Row], before: Mapping[tuple[str, str], Row]) -> set[str]:
        return {pair[0] for pair in now if now[pair] != before.get(pair)}

    seen = {person for person, ones in then.interactions.items() if len(ones) != len(REFERENCE.interactions[person])}
    sold = seen | {person for person, lines in then.lines.items() if len(lines) != len(REFERENCE.lines.get(person, []))}
    return sold | differing(then.holdings, REFERENCE.holdings) | differing(then.touches, REFERENCE.touches)


class SparkOptions(Config):
    """What Ibis sets when it loads its Spark engine, which compiling does not need."""

    treat_nan_as_null: bool = False


def test_every_step_compiles_for_spark(monkeypatch: pytest.MonkeyPatch, decided: Decided) -> None:
    """The whole of merge, figures and decide can be said in Spark's SQL; that PostgreSQL runs it is tested apart."""
    monkeypatch.setattr(ibis.options, "pyspark", SparkOptions())
    steps: list[str] = []
    model = decided.figures.model.to_pyarrow()

    def keep(table: ir.Table) -> ir.Table:
        steps.append(str(ibis.to_sql(table, dialect="pyspark")))
        return ibis.table(table.schema(), f"kept_{len(steps)}")

    def fetch(table: ir.Table) -> pa.Table:
        steps.append(str(ibis.to_sql(table, dialect="pyspark")))
        if table.columns == tuple(model.schema.names):
            return model
        total = isinstance(table.op(), Aggregate) and not table.op().groups
        return pa.Table.from_pylist([{}] if total else [], table.schema().to_pyarrow())

    monkeypatch.setattr(ir.Table, "to_pyarrow", fetch)
    merged = merge(decided.seen, keep(identify(decided.seen).person), AS_OF, keep)
    decide(merged, figures(merged, AUDIENCES.policy, AS_OF, keep), AUDIENCES, AS_OF, keep)
    assert len(steps) > 25
    assert all("SELECT" in step for step in steps)
