"""Suppression groups on other engines: PostgreSQL gives the rows of DuckDB, and Spark's SQL can say every step."""

from typing import Any

import ibis
import ibis.expr.types as ir
import pytest
from small_seen import on
from test_ad_groups import NOW, OUT, SINCE, TERMS, TOUCH, table
from test_decide_postgres import comparable, engine
from test_decide_random import SparkOptions

from connector.decide.exclusion.groups import ad_groups, members, told
from connector.policies.ads import AdsPolicy
from connector.relations import Keep

__all__ = ["engine"]
POLICY = AdsPolicy(smallest=2)


def groups(keep: Keep) -> tuple[ir.Table, ir.Table]:
    """The figure, and who is in which audience."""
    base = told(
        table("person_id family since", [(*pair, SINCE.get(pair, on("2026-05-01"))) for pair in OUT]),
        table("person_id ads_barrier", [("ann", None), ("bob", None), ("cy", None), ("dee", "ads_opt_out")]),
        table("person_id family impressions last_impression_at", [(*each, on("2026-09-29")) for each in TOUCH]),
        table("family title product_type sensitive", [("pen", "P", "Lamps", False), ("spot", "S", "Lamps", False)]),
        POLICY,
        NOW,
        keep,
    )
    found = ad_groups(base, TERMS, POLICY, (), NOW, keep)
    return found, keep(members(base.pair, found, POLICY, NOW))


@pytest.mark.postgres
def test_postgres_chooses_the_same_groups(engine: Any) -> None:
    """Figures and members alike."""
    kept: list[str] = []

    def keep(table: ir.Table) -> ir.Table:
        kept.append(f"group_{len(kept)}")
        found: ir.Table = engine.create_table(kept[-1], table, temp=True)
        return found

    for there, here in zip(groups(keep), groups(ir.Table.cache), strict=True):
        assert comparable(there) == comparable(here)


def test_spark_can_say_every_group(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each kept table and each figure compiles."""
    monkeypatch.setattr(ibis.options, "pyspark", SparkOptions())
    steps: list[str] = []
    fetch = ir.Table.to_pyarrow

    def keep(table: ir.Table) -> ir.Table:
        steps.append(str(ibis.to_sql(table, dialect="pyspark")))
        return table

    monkeypatch.setattr(ir.Table, "to_pyarrow", lambda table: fetch(keep(table)))
    groups(keep)
    assert len(steps) >= 10
    assert all("SELECT" in step for step in steps)
