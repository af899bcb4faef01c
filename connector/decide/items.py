"""What to call an item in a reason, and what kind of item it is."""

import ibis
import ibis.expr.types as ir

UNNAMED = "an item"
"""Stands for the title of a sensitive product: reasons are read by people it is no business of."""


def with_item(rows: ir.Table, catalogue: ir.Table) -> ir.Table:
    """Rows with `last_product_id`, and that product's `title` (fit to be shown), `product_type` and `sensitive`."""
    known = catalogue.select("title", "product_type", "sensitive", last_product_id="product_id")
    both = rows.left_join(known, "last_product_id").drop("last_product_id_right")
    sensitive = both.sensitive.fill_null(False)
    title = ibis.ifelse(sensitive, UNNAMED, both.title.coalesce(both.last_product_id))
    return both.mutate(title=title, sensitive=sensitive)


def newest_families(holding: ir.Table, most: int) -> ir.Table:
    """At most so many families a person, those bought last (ties by name)."""
    latest = [holding.last_purchase_at.desc(), holding.family]
    age = ibis.row_number().over(ibis.window(group_by=holding.person_id, order_by=latest))
    ranked = holding.mutate(age=age)
    return ranked.filter(ranked.age < most).drop("age")


def available(availability: ir.StringValue) -> ir.BooleanValue:
    """Whether it may be shown: not known to be sold out. Shops without a feed never say."""
    return (availability != "out_of_stock").fill_null(True)
