"""Boundaries between ranks, kept so that one person can be placed later without looking at all others.

Persons are in order of (value, person_id). A boundary is the greatest of those below it; a person stands above it who
sorts after it.
"""

from collections.abc import Iterable, Sequence

import ibis
import ibis.expr.types as ir

QUINTILES = 5
FIRST = ""
"""The person_id that sorts before all others."""
TYPES = {"figure": "string", "rank": "int64", "value": "float64", "tie": "string"}


def quintiles(person: ir.Table, figure: str) -> ir.Table:
    """[figure, rank 1-4, value, tie] of [person_id, value]: the last of each fifth but the best."""
    order = [person.value, person.person_id]
    tiles = person.mutate(tile=ibis.ntile(QUINTILES).over(ibis.window(order_by=order)))
    back = [tiles.value.desc(), tiles.person_id.desc()]
    last = tiles.mutate(place=ibis.row_number().over(ibis.window(group_by=tiles.tile, order_by=back)))
    kept = last.filter(last.place == 0, last.tile < QUINTILES - 1)
    return _typed(kept.select(figure=ibis.literal(figure), rank=kept.tile + 1, value=kept.value, tie=kept.person_id))


def at_least(figure: str, bounds: Sequence[float]) -> ir.Table:
    """[figure, rank, value, tie]: the bounds themselves, in the order given; whoever has just that stands above."""
    rows = [{"figure": figure, "rank": rank, "value": value, "tie": FIRST} for rank, value in enumerate(bounds, 1)]
    return ibis.memtable(rows, schema=TYPES)


def lowered(cutpoint: ir.Table, figure: str, named: str, percent: float) -> ir.Table:
    """The boundaries of one figure at so much of their values, as another; whoever has just that stands above."""
    rows = cutpoint.filter(cutpoint.figure == figure)
    return _typed(rows.mutate(figure=ibis.literal(named), value=rows.value * percent / 100, tie=ibis.literal(FIRST)))


def tops(person: ir.Table, figure: str, percents: Iterable[float]) -> ir.Table:
    """[figure, rank, value, tie] of [person_id, value]: rank 1, 2... is the first who is not in the top x percent.

    No more than x percent are above it: of 19 persons none is in the top 5 %.
    """
    back = ibis.window(order_by=[person.value.desc(), person.person_id.desc()])
    placed = person.mutate(place=ibis.row_number().over(back), persons=person.count().over(ibis.window()))
    return ibis.union(*[_first_below(placed, figure, rank, percent) for rank, percent in enumerate(percents, 1)])


def _first_below(placed: ir.Table, figure: str, rank: int, percent: float) -> ir.Table:
    least = placed.filter((placed.place + 1) * 100 > placed.persons * percent)
    first = least.filter(least.place == least.place.min())
    return _typed(
        first.select(figure=ibis.literal(figure), rank=ibis.literal(rank), value=first.value, tie=first.person_id)
    )


def _typed(table: ir.Table) -> ir.Table:
    return table.select(**{name: table[name].cast(kind) for name, kind in TYPES.items()})


def placed(
    person: ir.Table, cutpoint: ir.Table, values: dict[str, ir.Value], ranks: dict[str, int], *named: str
) -> ir.Table:
    """[person_id, one column a figure, *named]: how many of the figure's boundaries the person stands above.

    Args:
        values: figure -> the person's value; where it is null the count is null.
        ranks: figure -> how many boundaries it has.
    """
    plain = person.mutate(**{f"value_of_{figure}": value.cast("float64") for figure, value in values.items()})
    both = plain.cross_join(_one_row(cutpoint, ranks))
    above = {figure: _above(both, figure, ranks[figure]) for figure in values}
    return both.select("person_id", *named, **above)


def _one_row(cutpoint: ir.Table, ranks: dict[str, int]) -> ir.Table:
    wide = {}
    for figure, most in ranks.items():
        for rank in range(1, most + 1):
            here = (cutpoint.figure == figure) & (cutpoint["rank"] == rank)
            wide[f"{figure}_{rank}"] = cutpoint.value.max(where=here)
            wide[f"{figure}_{rank}_tie"] = cutpoint.tie.max(where=here)
    return cutpoint.aggregate(**wide)


def _above(both: ir.Table, figure: str, most: int) -> ir.IntegerValue:
    value = both[f"value_of_{figure}"]
    count = ibis.literal(0, type="int64")
    for rank in range(1, most + 1):
        bound, tie = both[f"{figure}_{rank}"], both[f"{figure}_{rank}_tie"]
        after = (value > bound) | ((value == bound) & (both.person_id > tie))
        count = count + ibis.ifelse(after.fill_null(False), 1, 0)
    return ibis.ifelse(value.notnull(), count, ibis.null("int64"))
