"""The same expressions on another engine: PostgreSQL gives the rows that DuckDB gives."""

from collections.abc import Iterator
from typing import Any

import ibis
import ibis.expr.types as ir
import pytest
from random_shop import random_shops
from test_decide_random import AS_OF, AUDIENCES, Decided, everything
from test_merge_random import rows

from connector.decide import decide, figures
from connector.merge import identify, merge

SHOP = random_shops(range(40))


@pytest.fixture
def engine(postgres_url: str) -> Iterator[Any]:
    """An empty database as an Ibis engine."""
    address, _, folder = postgres_url.partition("?host=")
    opened = ibis.postgres.connect(user="postgres", host=folder, database=address.rpartition("/")[2])
    opened.raw_sql("SET TimeZone = 'UTC'").close()
    yield opened
    opened.disconnect()


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
    shop = figures(merged, AUDIENCES.policy, AS_OF, keep)
    there = dict(everything(decide(merged, shop, AUDIENCES, AS_OF, keep)))
    for name, table in everything(Decided(SHOP).decisions):
        assert comparable(there[name]) == comparable(table), name


def comparable(table: ir.Table) -> list[str]:
    """Rows in one order; a float's last digit is the engine's own business."""
    found = rows(table.select(*sorted(table.columns)))
    plain = [{name: round(v, 6) if isinstance(v, float) else v for name, v in row.items()} for row in found]
    return sorted(map(repr, plain))
