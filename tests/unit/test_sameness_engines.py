"""The ladder of sameness on other engines: PostgreSQL gives the rows of DuckDB, and Spark's SQL can say every step."""

from typing import Any

import ibis
import ibis.expr.types as ir
import pytest
from random_catalogue import random_shops
from test_decide_postgres import comparable, engine
from test_decide_random import SparkOptions
from test_merge_sameness import asked

from connector.merge.catalogue import catalogue

__all__ = ["engine"]
SHOPS = random_shops(3, 10)
NAMED = [name for shop in SHOPS.shops for name in shop.named]


@pytest.mark.postgres
def test_postgres_ties_the_same_products(engine: Any) -> None:
    """Families, names, reasons and what ids stand for, with all forms and overrides."""
    kept: list[str] = []

    def keep(table: ir.Table) -> ir.Table:
        kept.append(f"same_{len(kept)}")
        found: ir.Table = engine.create_table(kept[-1], table, temp=True)
        return found

    there = catalogue(SHOPS.table(), SHOPS.policy, keep)
    here = catalogue(SHOPS.table(5), SHOPS.policy, lambda table: table.cache())
    assert SHOPS.policy.overrides.forms
    for name in ("product", "names", "same"):
        assert comparable(keep(getattr(there, name))) == comparable(getattr(here, name)), name
    assert comparable(keep(there.meaning(asked(NAMED)))) == comparable(here.meaning(asked(NAMED)))


def test_spark_can_say_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each kept table, the reasons and the meaning of ids compile."""
    monkeypatch.setattr(ibis.options, "pyspark", SparkOptions())
    steps: list[str] = []

    def keep(table: ir.Table) -> ir.Table:
        steps.append(str(ibis.to_sql(table, dialect="pyspark")))
        return ibis.table(table.schema(), f"kept_{len(steps)}")

    found = catalogue(SHOPS.table(), SHOPS.policy, keep)
    for table in (found.same, found.meaning(asked(NAMED))):
        keep(table)
    assert len(steps) == 6
