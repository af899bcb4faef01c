"""The ladder of sameness on other engines: PostgreSQL gives the rows of DuckDB, and Spark's SQL can say every step."""

from collections.abc import Callable
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
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


class Steps:
    """A keep that writes down what Spark would be told; whatever Python makes of a table, it makes of an empty one."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def __call__(self, table: ir.Table) -> ir.Table:
        self.told.append(str(ibis.to_sql(table, dialect="pyspark")))
        return ibis.table(table.schema(), f"kept_{len(self.told)}")

    def through(self, function: Callable[..., pa.Table], *tables: ir.Table) -> ir.Table:
        """What `function` makes of no rows."""
        rows = function(*(self(table).schema().to_pyarrow().empty_table() for table in tables))
        return ibis.table(ibis.Schema.from_pyarrow(rows.schema), f"made_{len(self.told)}")


def test_spark_can_say_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each kept table, the edges, the reasons and the meaning of ids compile."""
    monkeypatch.setattr(ibis.options, "pyspark", SparkOptions())
    steps = Steps()
    found = catalogue(SHOPS.table(), SHOPS.policy, steps)
    for table in (found.same, found.meaning(asked(NAMED))):
        steps(table)
    assert len(steps.told) == 8
