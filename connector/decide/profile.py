"""What a marketer reads on one contact: a handful of texts made from a person's decisions."""

import ibis
import ibis.expr.types as ir

NAMES = (
    "loyalty_tier",
    "rfm_cell",
    "next_product_id",
    "next_product_title",
    "next_product_why",
    "last_purchase",
    "suppressed_until",
)
"""Our property names; a CRM's mapping file says what each is called there."""


def profile(trait: ir.Table, recommendation: ir.Table) -> ir.Table:
    """One row a person: person_id and NAMES, all text (dates as YYYY-MM-DD), NULL where there is nothing to say."""
    best = recommendation.filter(recommendation["rank"] == 0)
    offer = best.select(
        "person_id", next_product_id=best.product_id, next_product_title=best.title, next_product_why=best.why
    )
    joined = trait.left_join(offer, "person_id").drop("person_id_right")
    return joined.select(
        "person_id",
        "loyalty_tier",
        "rfm_cell",
        "next_product_id",
        "next_product_title",
        "next_product_why",
        last_purchase=_day(joined.last_order_at),
        suppressed_until=_day(joined.suppressed_until),
    )


def _day(moment: ir.TimestampColumn) -> ir.StringColumn:
    return moment.strftime("%Y-%m-%d").cast("string")


def says_something(rows: ir.Table) -> ir.Table:
    """Only the persons for whom at least one text stands."""
    return rows.filter(ibis.or_(*[rows[name].notnull() for name in NAMES]))
