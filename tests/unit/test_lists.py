"""How long a list may be, who is held out of it, and which lists there is room for."""

from dataclasses import replace

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pytest
from test_decide_story import TODAY, Story, merged

from connector.audiences import Audiences, read_audiences
from connector.decide import Decisions, decide, figures
from connector.decide.figures import Figures
from connector.decide.membership.fitting import listed
from connector.decide.membership.lists import most_there_may_be, settled
from connector.decide.membership.shares import held_out
from connector.merge import Merged
from connector.model import Audience, Purpose
from connector.yaml_text import parse

FILE = """
policy: {most_lists: %d, cross_sell: {support: 1}}
audiences:
  - {name: out, label: Out, purpose: exclude, rule: {suppressed: true}, reason: "{title}"}
  - {name: own, label: "Own {family}", purpose: exclude, rule: {each_family: {top: 2}}, reason: "{title}"}
  - {name: nobody, label: Nobody, purpose: email, rule: {trait: {country: Atlantis}}, reason: none}
  - {name: lookers, label: Lookers, purpose: email, rule: {viewed: true}, reason: "{title}"}
  - {name: first, label: First, purpose: insight, rule: {trait: {orders: {at_least: 1}}}, reason: "{spend}",
     limit: 2, order_by: spend}
"""
CAST = [
    Story("a").buys("AALTO-RED", "2026-09-12").does("impression", "AALTO-RED", "2026-09-20"),
    Story("b").buys("AALTO-RED", "2026-09-12", 3).does("view", "SYLT", "2026-09-20"),
    Story("c").buys("SYLT", "2026-09-12", 2).does("view", "CHAIR", "2026-09-20"),
    Story("d").buys("SYLT", "2026-09-12", 2),
]


def read(most: int) -> Audiences:
    return read_audiences(parse(FILE % most, "audiences.yaml"))


@pytest.fixture(scope="module")
def shop() -> tuple[Merged, Figures]:
    """Four buyers, and the figures before anything is settled."""
    base = merged(CAST)
    return base, figures(base, read(50).policy, TODAY, ir.Table.cache)


@pytest.fixture(scope="module")
def crowded(shop: tuple[Merged, Figures]) -> tuple[Figures, Decisions]:
    """Settled and decided where only four lists may be."""
    audiences = read(4)
    figured = settled(*shop, audiences, TODAY, ir.Table.cache)
    return figured, decide(shop[0], figured, audiences, TODAY, ir.Table.cache)


def test_a_limit_keeps_those_with_the_most(crowded: tuple[Figures, Decisions]) -> None:
    """Three lamps before two rugs; of two with two rugs the first by name; the others are told why they are out."""
    found = crowded[1]
    wanted = found.wanted.filter(found.wanted.audience == "first").to_pyarrow()["person_id"].to_pylist()
    assert sorted(wanted) == ["hubspot:b", "hubspot:c"]
    out = found.excluded.filter(found.excluded.audience == "first").to_pyarrow().to_pylist()
    assert {row["person_id"]: row["reason"] for row in out} == {"hubspot:a": "limit", "hubspot:d": "limit"}


def test_lists_of_the_least_use_are_left_out(crowded: tuple[Figures, Decisions]) -> None:
    """Where four may be: the list that nobody is in goes first, then the family nobody is shown; each with why."""
    figured, found = crowded
    rows = {row["audience"]: row for row in figured.left_out.to_pyarrow().to_pylist()}
    assert set(rows) == {"nobody", "own_SYLT"}
    assert "policy.most_lists is 4: 2 people, 0.0% of what lists of its kind are worth" in rows["own_SYLT"]["why"]
    kept = {"out", "own_AALTO", "lookers", "first"}
    assert {one.name for one in listed(read(4), figured.family, figured.left_out)} == kept
    assert set(found.wanted.to_pyarrow()["audience"].to_pylist()) == kept


def test_with_room_for_all_nothing_is_left_out(shop: tuple[Merged, Figures]) -> None:
    """And without a limit nobody is decided twice to find that out."""
    full = read(6)
    assert most_there_may_be(full) == 6
    unlimited = replace(full, audiences=full.audiences[:-1])
    assert settled(*shop, unlimited, TODAY) is shop[1]
    assert len(listed(full, shop[1].family, shop[1].left_out)) == 6


def test_a_holdout_is_a_fixed_part_and_another_one_for_each_audience() -> None:
    """About as many as asked, the same ones whoever else is there; two audiences hold out other people."""
    persons = [f"hubspot:{number}" for number in range(4000)]

    engine = ibis.duckdb.connect()

    def drawn(name: str, holdout: float, among: list[str] = persons) -> set[str]:
        one = Audience(name=name, label=name, purpose=Purpose.EMAIL, rule={}, holdout=holdout)
        table = engine.create_table(f"{name}_{holdout}_{len(among)}", pa.table({"person_id": among}))
        rows = engine.to_pyarrow(table.mutate(out=held_out(table.person_id, one))).to_pylist()
        return {row["person_id"] for row in rows if row["out"] == "holdout"}

    tenth = drawn("a", 10)
    assert len(tenth) == pytest.approx(400, abs=60)
    assert drawn("a", 10, persons[:500]) == tenth & set(persons[:500])
    assert tenth < drawn("a", 30)
    assert len(tenth & drawn("b", 10)) < 80
    assert drawn("a", 0) == set()
