"""Standings, states, windows and pieces of time against a slow reference, on 600 random shops side by side."""

import random
from collections import defaultdict
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import ibis
import pyarrow as pa
import pytest
import reference_suppression as reference
from random_lives import START, Lives
from random_shop import Row
from reference_merge import holding
from test_merge_random import by, rows

from connector.decide.suppression.intervals import intervals
from connector.decide.suppression.standing import due, standings, states, suppressed
from connector.merge.holdings import holdings
from connector.policies.suppression import SuppressionPolicy
from connector.schema import DERIVED

LIVES = Lives(range(600))
CHANCE = random.Random(5)
RHYTHM_COLUMNS = pa.schema(
    [("family", pa.string()), ("kind", pa.string()), ("days", pa.int64()), ("usual", pa.float64())]
)


def rhythm_of(family: str) -> Row:
    """A figure that could have been learned."""
    kind = CHANCE.choice(("plain", "durable", "replenishable", "replenishable", "pieces"))
    days = CHANCE.choice((1, 9, 34, 200)) if kind in ("replenishable", "pieces") else None
    return {"family": family, "kind": kind, "days": days, "usual": CHANCE.choice((1.0, 1.5, 4.0))}


RHYTHM = {family: rhythm_of(family) for family in sorted(LIVES.family_types) if not family.startswith("7")}
PLAIN = SuppressionPolicy(durable=timedelta(days=300), cool_off=timedelta(days=12))
WRITTEN = SuppressionPolicy(
    cool_off=timedelta(hours=30),
    windows={"Lamps": timedelta(days=10), "Lamps > Pendant": timedelta(days=55)},
    families={family: timedelta(days=3) for family in sorted(RHYTHM)[::7]},
)
FIXED = SuppressionPolicy(window=timedelta(days=21), families=WRITTEN.families)
NO_TOUCH = ibis.memtable(DERIVED["touch"].empty_table()).drop("run")
POLICIES = {"learned": PLAIN, "written": WRITTEN, "fixed": FIXED}


def rhythm_table() -> Any:
    return ibis.memtable(pa.Table.from_pylist(list(RHYTHM.values()), RHYTHM_COLUMNS))


@cache
def held_at(until: datetime | None) -> dict[tuple[str, str], Row]:
    """Pair -> holding, of lines up to a moment."""
    return {pair: holding(lines) for pair, lines in LIVES.pairs(until).items()}


def expected(policy: SuppressionPolicy, until: datetime | None = None) -> dict[tuple[str, str], Row]:
    """Pair -> standing, of lines up to a moment."""
    found = {}
    for pair, held in held_at(until).items():
        one = reference.standing(held, pair[1], LIVES.types, RHYTHM.get(pair[1]), policy)
        if one:
            found[pair] = {**one, "net_quantity": held["net_quantity"]}
    return found


@pytest.fixture(scope="module", params=POLICIES)
def policy(request: pytest.FixtureRequest) -> SuppressionPolicy:
    """Windows learned, written for some, and one for all."""
    return POLICIES[request.param]


@pytest.fixture(scope="module")
def standing(policy: SuppressionPolicy) -> Any:
    """Computed once a policy."""
    return standings(holdings(LIVES.line), LIVES.catalogue, rhythm_table(), policy).cache()


def test_holdings_are_plain_sums() -> None:
    """What is left, bought last and given back last, gifts and exchanges equal a walk over each pair's lines."""
    found = by(rows(holdings(LIVES.line)), "person_id", "family")
    assert found == held_at(None)
    assert {row["exchanged"] for row in found.values()} == {row["gift"] for row in found.values()} == {True, False}


def test_standings_are_those_of_the_rules(policy: SuppressionPolicy, standing: Any) -> None:
    """State, reason, window and evidence of every pair, whatever its shop's zone and the order of its rows."""
    found = by(rows(standing), "person_id", "family")
    wanted = expected(policy)
    assert found.keys() == wanted.keys()
    for pair, one in wanted.items():
        row = found[pair]
        told = {name: row[f"last_{name}"] for name in ("order_id", "line_key", "product_id")}
        plain = ("state", "reason", "length", "since", "until", "net_quantity")
        assert {**{name: row[name] for name in plain}, **told} == {name: one[name] for name in (*plain, *told)}
    assert {one["reason"] for one in wanted.values()} == {"bought", "exchanged", "gift", "returned"}


@pytest.mark.parametrize("days", [15, 333])
def test_each_pair_is_in_one_state(policy: SuppressionPolicy, standing: Any, days: int) -> None:
    """Bought, returned, due to be replenished or readmitted, since and until when, at any moment after the lines."""
    as_of = max(one["ordered_at"] for one in LIVES.lines) + timedelta(days=days - 14)
    found = by(rows(states(standing, NO_TOUCH, as_of)), "person_id", "family")
    wanted = expected(policy)
    assert {pair: (row["state"], row["since"], row["until"]) for pair, row in found.items()} == {
        pair: reference.state(one, as_of) for pair, one in wanted.items()
    }
    active = by(rows(suppressed(standing, as_of).select("person_id", "family")), "person_id", "family")
    assert active.keys() == {pair for pair, row in found.items() if row["state"] in ("bought", "returned")}
    used_up = by(rows(due(standing, as_of).select("person_id", "family")), "person_id", "family")
    assert used_up.keys() == {pair for pair, row in found.items() if row["state"] == "replenish_due"}


def test_pieces_are_what_each_moment_would_have_decided() -> None:
    """At any moment a pair lies in one of its pieces exactly if deciding then would have suppressed it, and why."""
    pieces = defaultdict(list)
    for row in rows(intervals(LIVES.line, LIVES.catalogue, rhythm_table(), WRITTEN)):
        pieces[row["person_id"], row["family"]].append(row)
    seen = set()
    for days, hours in ((3, 0), (20, 12), (90, 3), (230, 22), (600, 3)):
        moment = START + timedelta(days=days, hours=hours)
        standing = expected(WRITTEN, moment)
        for pair in LIVES.pairs():
            holds = [one for one in pieces[pair] if one["suppressed_from"] <= moment < one["suppressed_until"]]
            assert len(holds) <= 1
            one = standing.get(pair)
            assert [row["state"] for row in holds] == ([one["state"]] if one and one["until"] > moment else [])
            if holds and one:
                _same_story(holds[0], one)
                seen.add(one["reason"])
    assert seen == {"bought", "exchanged", "gift", "returned"}


def _same_story(piece: Row, one: Row) -> None:
    assert {name: piece[name] for name in ("reason", "length", "until", "order_id", "product_id")} == {
        name: one[name] for name in ("reason", "length", "until", "order_id", "product_id")
    }
    assert (piece["line"], piece["quantity"]) == (one["line_key"], one["net_quantity"])
