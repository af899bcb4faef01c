"""What an id stands for that an order, a page event or an ad names: a product of the catalogue, or a family of it."""

import ibis
import ibis.expr.types as ir

from connector.merge.ladder import ALIAS, GROUP, ID, OF_SKU, RUNGS, folded, parts
from connector.policies.overrides import Form

Forms = tuple[Form, ...]


def candidates(ids: ir.Table, forms: Forms) -> ir.Table:
    """[product_id, place, key, through]: the nodes under which `names` may know an id, the best `place` first.

    The id itself, then the product's id that is written within it, then both without case and leading zeros, then the
    item group written within it. `through` is the rung that a key other than the id itself goes through, else null.

    Args:
        ids: [product_id], each once, none null.
        forms: of `Overrides`.
    """
    text, within = ids.product_id, [parts(ids.product_id, form) for form in forms]
    variants = [found["variant"] for found in within if "variant" in found]
    groups = [found["product"] for found in within if "product" in found]
    keys: list[tuple[ir.StringValue, int | None]] = [(ID + text, None)]
    keys += [(ID + found, ALIAS) for found in variants]
    keys += [(OF_SKU + folded(found), None) for found in (text, *variants)]
    keys += [(ID + found, GROUP) for found in groups]
    return ibis.union(*(_candidate(ids, place, *key) for place, key in enumerate(keys)))


def _candidate(ids: ir.Table, place: int, key: ir.StringValue, through: int | None) -> ir.Table:
    word = ibis.null("string") if through is None else ibis.literal(RUNGS[through])
    every = ids.select("product_id", place=ibis.literal(place, type="int64"), key=key, through=word)
    return every.filter(every.key.notnull())


def resolved(ids: ir.Table, names: ir.Table, forms: Forms) -> ir.Table:
    """[product_id, known_id, family, via] of the ids that stand for something, each once.

    `known_id` is the product that stands for it, null where only names lead to the family.

    Args:
        ids: [product_id]; as often as may be.
        names: [key, product_id, family, via]; see `sameness.Sameness`.
    """
    asked = ids.filter(ids.product_id.notnull()).select("product_id").distinct()
    known = names.select("key", "family", "via", known_id="product_id")
    found = candidates(asked, forms).inner_join(known, "key").drop("key")
    best = ibis.row_number().over(ibis.window(group_by=found.product_id, order_by=found.place))
    first = found.mutate(at=best)
    first = first.filter(first.at == 0)
    return first.select("product_id", "known_id", "family", via=first.through.coalesce(first.via))
