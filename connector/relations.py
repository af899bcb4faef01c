"""What merge/ hands to decide/: tables of some persons or of all, and the moments both compare them with."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias, cast

import ibis
import ibis.expr.types as ir
import pyarrow as pa

Keep = Callable[[ir.Table], ir.Table]
"""Computes a table once and hands back the same rows, as the warehouse's `keep` does. May know how to go `through`."""

Moment: TypeAlias = datetime | ir.TimestampScalar
"""An aware time, or what stands for one in the engine."""

SHOWN = "impression"
"""The kind of interaction that takes no interest: an ad was shown."""
KINDS = {
    "impression": "impressions",
    "click": "clicks",
    "view": "views",
    "cart": "carts",
    "wish": "wishes",
    "checkout": "checkouts",
}
"""Kind of interaction -> the column of `touch` that counts it. `last_<kind>_at` keeps its last time."""
TAKING = tuple(kind for kind in KINDS if kind != SHOWN)
"""Kinds that take an interest."""


def lazily(table: ir.Table) -> ir.Table:
    """The Keep that computes nothing ahead: right for small shops and for tests."""
    return table


def through(keep: Keep, function: Callable[..., pa.Table], *tables: ir.Table) -> ir.Table:
    """What Python makes of the rows of some small tables, as a table: `function` may depend on these rows alone."""
    known = getattr(keep, "through", None)
    if known is not None:
        return cast(ir.Table, known(function, *tables))
    return ibis.memtable(function(*(table.to_pyarrow() for table in tables)))


@dataclass(frozen=True)
class Merged:
    """What is known of the persons in `person`, and of nobody else.

    Attributes:
        person: [person_id, identifier_type, identifier].
        catalogue: all products, one row a product_id; see `merge.catalogue`.
        same: [product_id, family, via, key, same_as]: why products are of one family; see `merge.sameness`.
        lines: their order lines up to as_of, with `counts`; see `merge.lines` and `merge.sales`. No guests.
        holding, touch: as in the warehouse, without `run`.
        awareness: [person_id, last_interaction_at, curious, family] of everybody with a touch; `curious`: looked at,
            clicked, carted or wished for an item, or began to buy it; `family`: of what they did so with last (ties by
            name).
        activity: [person_id, key, kind, product_id, campaign, occurred_at], their interactions up to as_of one by
            one, those without a product included. Not computed unless somebody asks.
        interaction: the same with `family`.
        contact: their live contacts as seen, with `person_id`.
        consent: [person_id, source, signal, purpose, granted, country, said_at], all that they said so far.
    """

    person: ir.Table
    catalogue: ir.Table
    same: ir.Table
    lines: ir.Table
    holding: ir.Table
    touch: ir.Table
    awareness: ir.Table
    activity: ir.Table
    interaction: ir.Table
    contact: ir.Table
    consent: ir.Table


def at(moment: Moment) -> ir.TimestampScalar:
    """An aware moment as a literal. Raises ValueError for a naive one: nobody may guess its zone."""
    if isinstance(moment, ir.Scalar):
        return moment
    if moment.tzinfo is None:
        raise ValueError(f"naive time {moment.isoformat()}: every time here carries its zone")
    return ibis.literal(moment, type="timestamp('UTC')")


def ago(moment: Moment, length: timedelta) -> ir.TimestampScalar:
    """The moment that lies a length of time before another."""
    return at(moment - length) if isinstance(moment, datetime) else moment - lasting(length)


def lasting(window: timedelta) -> ir.IntervalScalar:
    """A length of time in seconds: a day is 24 hours, whatever the clocks do."""
    return ibis.interval(seconds=int(window.total_seconds()))


def among(rows: ir.Table, other: ir.Table, keys: Sequence[str]) -> ir.Table:
    """The rows whose keys `other` has. A semi join in words that every engine speaks."""
    return rows.inner_join(other.select(*keys).distinct(), keys).select(*[rows[name] for name in rows.columns])


def without(rows: ir.Table, other: ir.Table, keys: Sequence[str]) -> ir.Table:
    """The rows whose keys `other` lacks. An anti join in words that every engine speaks.

    What `other` has several times needs no sorting out: rows that meet it are dropped, however often they do.
    """
    marked = other.select(*keys).mutate(found_=ibis.literal(True))
    joined = rows.left_join(marked, keys)
    return joined.filter(marked.found_.isnull()).select(*[rows[name] for name in rows.columns])


def newest(rows: ir.Table) -> ir.Table:
    """The newest version of each key; of equal versions the one seen last."""
    order = ibis.window(group_by=rows.key, order_by=[rows.version.desc(), rows.run.desc()])
    ranked = rows.mutate(rank_=ibis.row_number().over(order))
    return ranked.filter(ranked.rank_ == 0).drop("rank_")


def newest_of(rows: ir.Table, repeated: ir.Table) -> ir.Table:
    """The same as `newest`, where few keys have several versions.

    Args:
        repeated: [key] of these, and of any others; see `repeated`.
    """
    return without(rows, repeated, ["key"]).union(newest(among(rows, repeated, ["key"])))


def repeated(rows: ir.Table) -> ir.Table:
    """[key] of those that have several versions. They are counted by a hash, which is shorter than a key."""
    hashed = rows.select("key", short=rows.key.hash())
    counted = hashed.group_by("short").agg(versions=hashed.count())
    return among(hashed, counted.filter(counted.versions > 1), ["short"]).select("key").distinct()


def under(product_type: ir.StringValue, name: str) -> ir.BooleanValue:
    """Whether a product type is `name` or stands below it (`Home > Lamps` is under `Home`)."""
    return ((product_type == name) | product_type.startswith(f"{name} > ")).fill_null(False)
