"""What a marketer reads on one contact: a handful of texts made from a person's decisions."""

from functools import reduce
from operator import add

import ibis
import ibis.expr.types as ir

from connector.decide.text import day

NAMES = (
    "loyalty_tier",
    "rfm_cell",
    "next_product_id",
    "next_product_title",
    "next_product_why",
    "last_purchase",
    "suppressed_until",
    "suppressed_families",
)
"""Our property names; a CRM's mapping file says what each is called there."""

SHOWN_FAMILIES = 20
"""Most lines of `suppressed_families`: what a person can read, and far below the 65,536 characters HubSpot takes."""
TITLE_LENGTH = 200


def profile(trait: ir.Table, recommendation: ir.Table, suppression: ir.Table) -> ir.Table:
    """One row a person: person_id and NAMES, all text (dates as YYYY-MM-DD), NULL where there is nothing to say.

    `suppressed_families` has a line `title | family | until` for each suppressed item but sensitive ones, the newest
    purchase first.
    """
    best = recommendation.filter(recommendation["rank"] == 0)
    offer = best.select(
        "person_id", next_product_id=best.product_id, next_product_title=best.title, next_product_why=best.why
    )
    joined = trait.left_join(offer, "person_id").drop("person_id_right")
    joined = joined.left_join(_families(suppression), "person_id").drop("person_id_right")
    return joined.select(
        "person_id",
        "loyalty_tier",
        "rfm_cell",
        "next_product_id",
        "next_product_title",
        "next_product_why",
        "suppressed_families",
        last_purchase=day(joined.last_order_at),
        suppressed_until=day(joined.suppressed_until),
    )


def _families(suppression: ir.Table) -> ir.Table:
    """[person_id, suppressed_families]."""
    named = suppression.filter(suppression.title.notnull())
    newest = ibis.window(group_by=named.person_id, order_by=[named.since.desc(), named.family])
    placed = named.mutate(place=ibis.row_number().over(newest))
    few = placed.filter(placed.place < SHOWN_FAMILIES)
    line = _cell(few.title.left(TITLE_LENGTH)) + " | " + _cell(few.family) + " | " + day(few.until)
    places = range(SHOWN_FAMILIES)  # one column each: not every engine joins texts in an order
    wide = few.group_by("person_id").agg(**{f"line_{n}": line.max(where=few.place == n) for n in places})
    rest = [("\n" + wide[f"line_{n}"]).fill_null("") for n in places[1:]]
    return wide.select("person_id", suppressed_families=reduce(add, rest, wide.line_0))


def _cell(text: ir.StringValue) -> ir.StringValue:
    """Text without what parts lines and cells."""
    return text.re_replace(r"[\x01-\x1f|]", " ").strip()


def says_something(rows: ir.Table) -> ir.Table:
    """Only the persons for whom at least one text stands."""
    return rows.filter(ibis.or_(*[rows[name].notnull() for name in NAMES]))
