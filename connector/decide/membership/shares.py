"""Who of those a rule holds for is in the list: all but a part held out, and the first so many where there is a limit.

A limit is drawn as a boundary when the figures are refreshed; until the next time the list may grow and shrink around
it. So a person's place depends on the person and the boundary alone, whoever else is decided in the same run.
"""

from collections.abc import Iterable

import ibis
import ibis.expr.types as ir

from connector.decide.cutpoints import TYPES
from connector.model import Audience
from connector.rule_words import TRAITS

HOLDOUT, LIMIT = "holdout", "limit"
"""Barriers; see `consent.WORDS`."""
NOTHING = -(10.0**15)
"""Stands for an unknown value: below all others."""
_DIGITS = 8


@ibis.udf.scalar.builtin  # type: ignore[untyped-decorator]
def md5(text: str) -> str:  # type: ignore[empty-body]
    """The engine's own: 32 hexadecimal digits, the same on every engine."""


def held_out(person_id: ir.StringValue, audience: Audience) -> ir.StringValue:
    """HOLDOUT for a fixed `audience.holdout` percent of all persons, others for each audience; else null."""
    if not audience.holdout:
        return ibis.null("string")
    bound = f"{round(audience.holdout / 100 * 16**_DIGITS):0{_DIGITS}x}"
    drawn = md5(person_id + f" {audience.name}").left(_DIGITS)  # digits sort as the numbers they are
    return ibis.ifelse(drawn < bound, HOLDOUT, ibis.null("string"))


def past_limit(person: ir.Table, audience: Audience, cutpoint: ir.Table) -> ir.Table:
    """`person` with `over`: LIMIT for those who come after the boundary of the audience's limit, else null."""
    if audience.limit is None:
        return person.mutate(over=ibis.null("string"))
    drawn = cutpoint.filter(cutpoint.figure == _figure(audience))
    both = person.cross_join(drawn.aggregate(bound=drawn.value.max(), bound_tie=drawn.tie.max()))
    value = _place(both[audience.order_by], audience.order_by)
    first = (value > both.bound) | ((value == both.bound) & (both.person_id < both.bound_tie))
    inside = both.bound.isnull() | first
    return both.mutate(over=ibis.ifelse(inside, ibis.null("string"), LIMIT)).drop("bound", "bound_tie")


def boundaries(wanted: ir.Table, trait: ir.Table, audiences: Iterable[Audience]) -> ir.Table:
    """Cutpoints of limited audiences: the first person who is not in, of (most of the trait, then person_id).

    Args:
        wanted: [person_id, audience] of everybody who would be in without any limit.
    """
    return ibis.union(*[_boundary(wanted, trait, one) for one in audiences])


def _boundary(wanted: ir.Table, trait: ir.Table, audience: Audience) -> ir.Table:
    members = wanted.filter(wanted.audience == audience.name).select("person_id")
    known = members.inner_join(trait, "person_id")
    known = known.select("person_id", value=_place(known[audience.order_by], audience.order_by))
    order = ibis.window(order_by=[known.value.desc(), known.person_id])
    placed = known.mutate(place=ibis.row_number().over(order))
    first_out = placed.filter(placed.place == audience.limit)
    row = {"figure": ibis.literal(_figure(audience)), "rank": ibis.literal(1), "value": first_out.value}
    row["tie"] = first_out.person_id
    return first_out.select(**{name: row[name].cast(kind) for name, kind in TYPES.items()})


def _figure(audience: Audience) -> str:
    return f"{LIMIT} {audience.name}"


def _place(value: ir.Value, name: str) -> ir.FloatingValue:
    """The value by which persons come first; times as seconds."""
    number = value.epoch_seconds() if TRAITS[name] == "time" else value
    return number.cast("float64").fill_null(NOTHING)
