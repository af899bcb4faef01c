"""How long it takes from an order to its exclusion in effect, step by step. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir

from connector.relations import at

STEPS = (("order_to_pull", "ordered_at", "pulled_at"), ("pull_to_decision", "pulled_at", "decided_at"))
UPLOAD = ("decision_to_upload", "decided_at", "uploaded_at")
WHOLE = ("order_to_upload", "ordered_at", "uploaded_at")
TIMES = {"run": "int64", "pulled_at": "timestamp('UTC')", "decided_at": "timestamp('UTC')"}


@dataclass(frozen=True)
class Pass:
    """When one run pulled, had decided and had everything acknowledged (None: it left something open)."""

    number: int
    pulled_at: datetime
    decided_at: datetime
    uploaded_at: datetime | None


def uploads(passes: list[Pass]) -> ir.Table:
    """[run, pulled_at, decided_at, uploaded_at]: the last is that of the first run from this one on that left nothing
    open, since what is deferred goes out with a later one."""
    found, upload = [], None
    for each in sorted(passes, key=lambda one: -one.number):
        upload = each.uploaded_at or upload
        found.append((each.number, each.pulled_at, each.decided_at, upload))
    return ibis.memtable(found, schema={**TIMES, "uploaded_at": "timestamp('UTC')"})


def travelled(head: ir.Table, upload: ir.Table, since: datetime, until: datetime) -> ir.Table:
    """[order_key, ordered_at, pulled_at, decided_at, uploaded_at] of orders placed since we are at work.

    Args:
        head: every version of order heads, with `run`.
        since: when the first run was; what is older was never fresh to us.
    """
    first = head.group_by(order_key=head.key).agg(run=head.run.min(), ordered_at=head.ordered_at.min())
    fresh = first.filter(first.ordered_at > at(since), first.ordered_at <= at(until))
    return fresh.inner_join(upload, "run").drop("run")


def budget(orders: ir.Table, effect: timedelta) -> dict[str, Mapping[str, float | None]]:
    """Step -> {median, p90} in seconds; None where nothing was measured. The platform's part is its own word."""
    told = {name: _quantiles(orders, start, end) for name, start, end in (*STEPS, UPLOAD, WHOLE)}
    promised = effect.total_seconds()
    return {**told, "upload_to_effect": {"median": promised, "p90": promised}}


def _quantiles(orders: ir.Table, start: str, end: str) -> dict[str, float | None]:
    seconds = orders[end].epoch_seconds() - orders[start].epoch_seconds()
    row = orders.aggregate(median=seconds.quantile(0.5), p90=seconds.quantile(0.9)).to_pyarrow().to_pylist()[0]
    return {name: None if value is None else float(value) for name, value in row.items()}
