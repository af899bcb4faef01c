"""Scores, tiers and what is foreseen: of random buyers against plain recomputation, and of buyers made for it."""

import json
import random
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pytest
from ibis.backends.duckdb import Backend
from random_shop import Row, Shop
from reference_loyalty import LoyaltyReference

import mappings
from connector.audiences import Audiences, read_audiences
from connector.decide.loyalty import lifetimes, rfm
from connector.decide.loyalty import tiers as loyalty
from connector.decide.loyalty.buyer_models import ENOUGH, learned
from connector.decide.loyalty.buying import buying, main_currency
from connector.decide.loyalty.outlook import outlook
from connector.errors import SetupError
from connector.policies.loyalty import MODELS, LoyaltyPolicy
from connector.yaml_text import parse

AS_OF = datetime(2026, 6, 30, 15, 30, tzinfo=UTC)
LINE = pa.schema(
    [
        *[(name, pa.string()) for name in ("person_id", "order_id", "order_key", "currency")],
        ("ordered_at", pa.timestamp("us", tz="UTC")),
        *[(name, pa.decimal128(18, 4)) for name in ("counts", "unit_price")],
    ]
)


def audiences(policy: str = "{}") -> Audiences:
    """A shop's file with this `policy.loyalty`."""
    one = "{name: a, label: A, purpose: insight, rule: {bought: {}}, reason: a}"
    return read_audiences(parse(f"policy: {{loyalty: {policy}}}\naudiences: [{one}]", "audiences.yaml"))


def line(person: str, moment: datetime, price: str = "10", counts: int = 1, **more: Any) -> Row:
    order = f"{person} {moment.isoformat()}"
    plain = {"order_id": order, "order_key": order, "currency": "GBP", "counts": Decimal(counts)}
    return {**plain, "person_id": person, "ordered_at": moment, "unit_price": Decimal(price), **more}


def random_lines(seed: int) -> list[Row]:
    """A shop of few prices, hours, and time zones, so that values tie; in no order, some orders in two rows."""
    chance = random.Random(seed)
    zone = chance.choice((UTC, None))
    rows = []
    for person in [f"{chance.randint(0, 9)}-{number}" for number in range(chance.randint(1, 60))]:
        for _ in range(chance.choice((1, 1, 2, 3, 6, 12))):
            moment = AS_OF - timedelta(days=chance.randint(0, 60), hours=chance.choice((0, 0, 7, 23)))
            moment = moment.astimezone(zone)
            price, counts = chance.choice(("9.9", "10", "12.5", "40")), chance.choice((1, 1, 1, 2, 3, -1))
            rows += [line(person, moment, price, counts)] * chance.choice((1, 1, 1, 2))
    return chance.sample(rows, len(rows))


@dataclass(frozen=True, eq=False)
class Lines(LoyaltyReference):
    """The slow answers for plain lines."""

    plain: tuple[Row, ...] = ()

    @cached_property
    def lines(self) -> dict[str, list[Row]]:
        people = {row["person_id"] for row in self.plain}
        return {person: [row for row in self.plain if row["person_id"] == person] for person in people}


class Engine:
    """The fast answers. What they are asked for is put into SQL once, as most shops here are small."""

    def __init__(self, found: Audiences) -> None:
        self.engine: Backend = ibis.duckdb.connect()
        self.policy = found.policy.loyalty
        self.filled: dict[str, str] = {}
        line = self.engine.create_table("line", LINE.empty_table())
        main = main_currency(line)
        bought = self._defined("bought", buying(line, main, self.policy, AS_OF))
        bounds = rfm.boundaries(bought, self.policy, AS_OF), loyalty.boundaries(bought, self.policy)
        cutpoint = self._defined("cutpoint", ibis.union(main, *bounds))
        self.scores = ibis.to_sql(rfm.scored(bought, cutpoint), dialect="duckdb")
        self.tiers = ibis.to_sql(loyalty.tiers(bought, line, cutpoint, self.policy, AS_OF), dialect="duckdb")

    def _defined(self, name: str, table: ir.Table) -> ir.Table:
        self.filled[name] = str(ibis.to_sql(table, dialect="duckdb"))
        return self.engine.create_table(name, table)

    def fill(self, rows: list[Row]) -> None:
        self.engine.create_table("line", pa.Table.from_pylist(rows, LINE), overwrite=True)
        for name, query in self.filled.items():
            self.engine.raw_sql(f"CREATE OR REPLACE TABLE {name} AS {query}")

    def ask(self, query: str) -> dict[str, Row]:
        found = self.engine.raw_sql(query).fetch_arrow_table().to_pylist()
        return {row.pop("person_id"): row for row in found}


def kept_tiers(seeds: range) -> int:
    """Compare each shop; returns how many persons have a tier that their spend of today does not give them."""
    found = audiences("{window: 20d, gold_percent: 10, silver_percent: 20, keep_percent: 60}")
    engine, kept = Engine(found), 0
    for seed in seeds:
        rows = random_lines(seed)
        slow = Lines(Shop({}), found, AS_OF, tuple(rows))
        engine.fill(rows)
        assert engine.ask(engine.scores) == slow.rfm, seed
        tiers = {person: row["loyalty_tier"] for person, row in engine.ask(engine.tiers).items()}
        assert tiers == slow.tiers, seed
        kept += sum(tiers[person] != "bronze" for person in slow.below_silver)
    return kept


def test_scores_and_tiers_of_random_shops() -> None:
    """Fifths, cells and tiers of small shops equal ranking and replaying person by person; some keep a tier."""
    assert kept_tiers(range(12)) > 0


@pytest.mark.slow
def test_scores_and_tiers_of_very_many_random_shops() -> None:
    """The same for 500."""
    assert kept_tiers(range(12, 512)) > 100


def test_a_tier_is_kept_for_a_while_and_lost_in_the_end() -> None:
    """Gold is above 100, 80 keep it: 110 that became 90 is gold, 90 that never was more is not, nor 90 after a gap."""
    engine = Engine(audiences("{window: 30d, gold_percent: 25, silver_percent: 0, keep_percent: 80}"))
    others = [line(name, AS_OF - timedelta(days=1), price) for name, price in (("b", "999"), ("c", "100"), ("d", "1"))]

    def tier(*bought: tuple[int, str]) -> str:
        """Of one who bought so many days ago for so much; the boundary of gold is 100."""
        rows = [line("a", AS_OF - timedelta(days=days), price) for days, price in bought]
        engine.fill([*others, *rows])
        (rank,) = engine.engine.raw_sql("SELECT value FROM cutpoint WHERE figure = 'spend' AND rank = 2").fetchone()
        assert rank == 100
        return str(engine.ask(engine.tiers)["a"]["loyalty_tier"])

    assert tier((40, "20"), (20, "90")) == "gold"
    assert tier((40, "40"), (20, "79")) == "bronze"
    assert tier((20, "90")) == "bronze"
    assert tier((40, "60"), (35, "50"), (3, "90")) == "bronze"


def test_scores_by_bounds_of_the_shop() -> None:
    """Whoever has just what a score asks for has it; a score without bounds is a fifth."""
    found = audiences("{recency: [90d, 60d, 30d, 10d], frequency: [2, 3, 4, 5]}")
    engine = Engine(found)
    days = {"a": [10], "b": [30, 40], "c": [31, 50, 70], "d": [91], "e": [60, 61, 62, 63, 64, 65]}
    engine.fill([line(person, AS_OF - timedelta(days=ago)) for person, all_ in days.items() for ago in all_])
    scores = engine.ask(engine.scores)
    assert {person: (row["recency"], row["frequency"]) for person, row in scores.items()} == {
        "a": (5, 1),
        "b": (4, 2),
        "c": (3, 3),
        "d": (1, 1),
        "e": (3, 5),
    }
    assert sorted(row["monetary"] for row in scores.values()) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("{frequency: [1, 2, 3]}", "must be a list of 4"),
        ("{frequency: [1, 2, 2, 3]}", "each must be better than the one before it"),
        ("{recency: [10d, 30d, 60d, 90d]}", "each must be better than the one before it"),
        ("{monetary: [1, 2, many, 9]}", "must be a number"),
        ("{model: mbg}", "did you mean 'mbg_nbd'?"),
        ("{keep_percent: 120}", "must be a number from 0 to 100"),
        ("{horizons: 30d}", "did you mean 'horizon'?"),
    ],
)
def test_a_slip_in_the_policy_is_named(written: str, said: str) -> None:
    """With its place and what may stand there."""
    with pytest.raises(SetupError) as error:
        audiences(written)
    assert said in error.value.message
    assert "audiences.yaml, line 1" in error.value.message


def test_the_schema_knows_the_words_of_loyalty() -> None:
    """The published JSON schema offers exactly what the policy reads."""
    schema = json.loads((Path(mappings.__file__).parent / "audiences.schema.json").read_text("utf-8"))
    known = schema["properties"]["policy"]["properties"]["loyalty"]["properties"]
    assert set(known) == {field.name for field in fields(LoyaltyPolicy)}
    assert known["model"]["enum"] == list(MODELS)


class Foreseen:
    """What is foreseen of the buyers in some lines, by what was learned from them."""

    def __init__(self, rows: list[Row], policy: str = "{}") -> None:
        self.engine = Engine(audiences(policy))
        self.engine.fill(rows)
        self.bought = self.engine.engine.table("bought")
        self.model = ibis.memtable(learned(self.bought, self.engine.policy, AS_OF).to_pyarrow())

    def parameters(self) -> list[Row]:
        found: list[Row] = self.model.to_pyarrow().to_pylist()
        return found

    def of(self, rows: list[Row] | None = None) -> dict[str, Row]:
        """Of these lines, or of those learned from."""
        if rows is not None:
            self.engine.fill(rows)
        found = outlook(self.bought, self.model, self.engine.policy).to_pyarrow().to_pylist()
        return {row.pop("person_id"): row for row in found}


def regulars(number: int, leaving: float = 4) -> list[Row]:
    """Buyers of all kinds of pace and means, some of whom have gone; the fewer, the larger `leaving`."""
    chance, rows = random.Random(number), []
    for person in range(number):
        moment, pace, gone = AS_OF - timedelta(days=400), chance.gammavariate(0.8, 0.03), chance.betavariate(1, leaving)
        moment += timedelta(days=chance.randint(0, 300))
        mean = chance.gammavariate(4, 5)
        while moment <= AS_OF:
            rows.append(line(str(person), moment, f"{chance.gammavariate(3, mean / 3) + 0.01:.2f}"))
            moment += timedelta(days=chance.expovariate(pace))
            if chance.random() < gone:
                break
    return rows


@pytest.fixture(scope="module")
def regular() -> list[Row]:
    return regulars(700)


@pytest.fixture
def foreseen(regular: list[Row]) -> Foreseen:
    return Foreseen(regular)


def test_a_shop_with_history_has_models(foreseen: Foreseen) -> None:
    """Orders by the model of the policy, values by Gamma-Gamma; each row tells from how many."""
    names = {row["model"]: row["why"] for row in foreseen.parameters()}
    assert set(names) == {"mbg_nbd", "gamma_gamma"}
    assert "fitted to 700 buyers, " in names["mbg_nbd"]
    told = foreseen.of()
    assert len(told) == 700
    assert all(0 <= row["p_alive"] <= 1 and row["expected_orders"] >= 0 for row in told.values())
    orders, value = (sum(row[name] for row in told.values()) for name in ("expected_orders", "expected_value"))
    assert 15 < value / orders < 40


def test_a_shop_that_loses_nobody_has_a_model() -> None:
    """Where no chance to go can be told from none, orders are foreseen all the same and everybody is alive."""
    found = Foreseen(regulars(300, leaving=1e6))
    assert "mbg_nbd" in {row["model"] for row in found.parameters()}
    assert min(row["p_alive"] for row in found.of().values()) > 0.9


def test_the_policy_names_the_model(regular: list[Row]) -> None:
    """BG/NBD holds one-time buyers for alive; the plain rule can be asked for however much history there is."""
    other = Foreseen(regular, "{model: bg_nbd}")
    assert {row["model"] for row in other.parameters()} == {"bg_nbd", "gamma_gamma"}
    assert max(row["p_alive"] for row in other.of().values()) == 1
    names = {row["model"]: row["why"] for row in Foreseen(regular, "{model: plain}").parameters()}
    assert names["plain"] == "plain rule: policy.loyalty.model asks for it"


def test_a_small_shop_has_a_plain_rule() -> None:
    """It says why; one who is silent for three times their gap is a third alive; orders go on at the pace so far."""
    days = {"a": (100, 80, 60), "b": (50,), "c": (0,)}
    rows = [line(person, AS_OF - timedelta(days=ago), "30") for person, all_ in days.items() for ago in all_]
    found = Foreseen(rows)
    why = f"plain rule: only 1 came again, a model needs {ENOUGH}"
    assert {row["model"]: row["why"] for row in found.parameters()} == {"plain": why, "plain_value": why}
    assert found.of()["a"] == {
        "p_alive": Decimal("0.3333"),
        "expected_orders": Decimal("0.5667"),
        "expected_value": Decimal("17.0010"),
    }


def test_between_refreshes_only_an_order_changes_what_is_foreseen(regular: list[Row], foreseen: Foreseen) -> None:
    """Persons are judged as of the refresh, or of their own later order; so no day changes everybody."""
    before = foreseen.of()
    later = [*regular, line("7", AS_OF + timedelta(hours=20)), line("new", AS_OF + timedelta(days=3))]
    after = foreseen.of(later)
    assert {person for person in before if before[person] != after[person]} == {"7"}
    assert after["7"]["p_alive"] > before["7"]["p_alive"]
    assert after["new"]["expected_orders"] > 0


def test_nothing_is_foreseen_of_nobody() -> None:
    """A shop without any order has figures all the same, and a home that has none yet foresees nothing."""
    empty = Foreseen([])
    assert {row["model"] for row in empty.parameters()} == {"plain", "plain_value"}
    assert empty.of() == {}
    none = ibis.memtable(empty.model.schema().to_pyarrow().empty_table())
    assert outlook(empty.bought, none, empty.engine.policy).count().to_pyarrow().as_py() == 0


def test_very_many_histories_are_rounded(foreseen: Foreseen, monkeypatch: pytest.MonkeyPatch) -> None:
    """To as few as are bearable, with as many persons and orders as before and times that are nearly the same."""
    lived = lifetimes.lifetimes(foreseen.bought, AS_OF)
    exact = lifetimes.histories(lived)
    monkeypatch.setattr(lifetimes, "MOST_HISTORIES", 300)
    coarse = lifetimes.histories(lived)
    assert len(coarse.age) <= 300 < len(exact.age)
    assert coarse.persons.sum() == exact.persons.sum() == 700
    assert coarse.repeats @ coarse.persons == exact.repeats @ exact.persons
    assert coarse.age @ coarse.persons == pytest.approx(exact.age @ exact.persons, rel=0.05)
    assert (coarse.last <= coarse.age).all() and (coarse.last[coarse.repeats > 0] > 0).all()
