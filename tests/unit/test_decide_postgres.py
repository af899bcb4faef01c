"""The same expressions on another engine: PostgreSQL gives the rows that DuckDB gives."""

from collections.abc import Iterator
from typing import Any

import ibis
import ibis.expr.types as ir
import pytest
from random_shop import random_shops
from test_cross_sell_method import NOBODY, families, history, lines
from test_decide_random import AS_OF, AUDIENCES, Decided, everything
from test_merge_random import rows

from connector.decide import decide, figures
from connector.decide.cross_sell.holdout import proven
from connector.decide.membership.lists import settled
from connector.merge import identify, merge
from connector.policies.cross_sell import CrossSellPolicy

SHOP = random_shops(range(40))


@pytest.fixture
def engine(postgres_url: str) -> Iterator[Any]:
    """An empty database as an Ibis engine."""
    address, _, folder = postgres_url.partition("?host=")
    opened = ibis.postgres.connect(user="postgres", host=folder, database=address.rpartition("/")[2])
    opened.raw_sql("SET TimeZone = 'UTC'").close()
    yield opened
    opened.disconnect()


@pytest.mark.slow
@pytest.mark.postgres
def test_postgres_decides_alike(engine: Any) -> None:
    """Merge, figures and decide run on PostgreSQL and end in the same rows."""
    kept: list[str] = []

    def keep(table: ir.Table) -> ir.Table:
        kept.append(f"kept_{len(kept)}")
        found: ir.Table = engine.create_table(kept[-1], table, temp=True)
        return found

    seen = SHOP.seen()
    merged = merge(seen, keep(identify(seen).person), AS_OF, keep)
    shop = settled(merged, figures(merged, AUDIENCES.policy, AS_OF, keep), AUDIENCES, AS_OF, keep)
    there = dict(everything(decide(merged, shop, AUDIENCES, AS_OF, keep)))
    for name, table in everything(Decided(SHOP).decisions):
        assert comparable(there[name]) == comparable(table), name


@pytest.mark.postgres
def test_postgres_chooses_alike(engine: Any) -> None:
    """Every way to find the next family scores the same there, so that the same one is taken."""
    bought, known = history(pairs=True), families(family for _, family, _ in history(pairs=True))
    policy, kept = CrossSellPolicy(support=2), iter(range(1000))
    here = proven(lines(bought), known, NOBODY, policy, ir.Table.cache)

    def keep(table: ir.Table) -> ir.Table:
        found: ir.Table = engine.create_table(f"tried_{next(kept)}", table, temp=True)
        return found

    tables = [keep(ibis.memtable(table.to_pyarrow())) for table in (lines(bought), known, NOBODY)]
    there = proven(*tables, policy, keep)
    assert there.name == here.name
    assert comparable(there.figure) == comparable(here.figure)


def comparable(table: ir.Table) -> list[str]:
    """Rows in one order; a float's last digit is the engine's own business."""
    found = rows(table.select(*sorted(table.columns)))
    plain = [{name: round(v, 6) if isinstance(v, float) else v for name, v in row.items()} for row in found]
    return sorted(map(repr, plain))
