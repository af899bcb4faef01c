"""The ladder of sameness: what each rung says ties two products, as edges of a graph.

A node is one character for its kind and then a text: `=` an id (of a product or an item group), others a number or a
path that products share. An edge has the rung that made it; the first rung is the surest.
"""

from collections.abc import Mapping

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from connector.merge.gtin import gtin14
from connector.policies.overrides import Form, Overrides
from connector.policies.sameness import FUNCTION, VARIANT, SamenessPolicy
from connector.relations import among, under, without

RUNGS = ("same.yaml", "alias", "gtin", "mpn", "sku", "item_group_id", "product_type")
SAID, ALIAS, GTIN, MPN, SKU, GROUP, TYPE = range(len(RUNGS))
ID, OF_GTIN, OF_MPN, OF_SKU, OF_TYPE = "=#%~>"

EDGES = pa.schema([("rung", pa.int64()), ("a", pa.string()), ("b", pa.string())])
CROWD = 30
"""A GTIN or MPN of more products than this stands for "none", and ties nobody."""
NO_MPN = ("", "-", "0", "n/a", "na", "none", "null", "unknown", "doesnotapply", "notapplicable", "generic", "unbranded")


def edges(known: ir.Table, policy: SamenessPolicy) -> ir.Table:
    """[rung, a, b]: `a` is always the node of an id; of several edges between two nodes that of the first rung.

    Args:
        known: [product_id, item_group_id, product_type, brand, gtin, mpn], one row a product_id.
    """
    grouped = known.filter(level(known.product_type, policy) != VARIANT, known.item_group_id.notnull())
    alike = known.filter(level(known.product_type, policy) == FUNCTION, known.product_type.notnull())
    every = [
        _said(policy.overrides),
        *[_written(known, grouped, form) for form in policy.overrides.forms],
        _shared(numbered(known)),
        _edge(grouped, GROUP, ID + grouped.item_group_id),
        _shared(_edge(alike, TYPE, OF_TYPE + "type:" + alike.product_type)),
    ]
    found = ibis.union(*every)
    return found.group_by("a", "b").agg(rung=found.rung.min()).select("rung", "a", "b")


def level(product_type: ir.StringValue, policy: SamenessPolicy) -> ir.StringValue:
    """What counts as the same for a type: by the longest path that fits, else the default."""
    longest = sorted(policy.levels, key=len, reverse=True)
    branches = [(under(product_type, name), policy.levels[name]) for name in longest]
    return ibis.cases(*branches, else_=policy.level) if branches else ibis.literal(policy.level)


def numbered(known: ir.Table) -> ir.Table:
    """Edges from products to their GTIN, brand with MPN, and folded id, shared or not.

    An id that differs by case or zeros alone is weak: it ties nothing that the feed puts into two item groups.
    """
    gtin = known.mutate(number=gtin14(known.gtin))
    mpn = known.mutate(number=brand_mpn(known.brand, known.mpn))
    sku = known.mutate(number=folded(known.product_id))
    groups = sku.group_by("number").agg(one=sku.item_group_id.min(), other=sku.item_group_id.max())
    sku = without(sku, groups.filter(groups.one != groups.other), ["number"])
    return ibis.union(
        *(
            _edge(table, rung, kind + table.number)
            for rung, kind, table in ((GTIN, OF_GTIN, gtin), (MPN, OF_MPN, mpn), (SKU, OF_SKU, sku))
        )
    )


def folded(product_id: ir.StringValue) -> ir.StringValue:
    """An id without case, blanks around it and leading zeros; null where nothing is left."""
    return product_id.strip().lower().re_replace("^0+", "").nullif("")


def brand_mpn(brand: ir.StringValue, mpn: ir.StringValue) -> ir.StringValue:
    """Brand and manufacturer's number without case and blanks; null where either says nothing."""
    maker, number = (text.lower().replace(" ", "") for text in (brand, mpn))
    said = maker.notin(NO_MPN) & number.notin(NO_MPN)
    return ibis.ifelse(said, maker + " " + number, ibis.null("string"))


def parts(text: ir.StringValue, form: Form) -> Mapping[str, ir.StringValue]:
    """`variant` and `product` of an id that is written so; null of any other."""
    fits = text.startswith(form.prefix) & text.endswith(form.suffix)
    size = text.length() - len(form.prefix) - len(form.suffix)
    body = ibis.ifelse(fits & (size > 0), text.substr(len(form.prefix), size), ibis.null("string"))
    if len(form.parts) == 1:
        return {form.parts[0]: body}
    cut = body.find(form.between)
    split = (cut > 0) & (cut + len(form.between) < size)
    one, other = body.substr(0, cut), body.substr(cut + len(form.between), size)
    none = ibis.null("string")
    return {name: ibis.ifelse(split, part, none) for name, part in zip(form.parts, (one, other), strict=True)}


def _said(overrides: Overrides) -> ir.Table:
    rows = [{"rung": SAID, "a": ID + one, "b": ID + other} for one, other in overrides.joined]
    rows += [{"rung": ALIAS, "a": ID + one, "b": ID + other} for one, other in overrides.aliases]
    return ibis.memtable(pa.Table.from_pylist(rows, EDGES))


def _written(known: ir.Table, grouped: ir.Table, form: Form) -> ir.Table:
    """What stands in the ids of products, and in those of their groups, besides what they are called."""
    found = []
    if "variant" in form.parts:
        found.append(_edge(known, ALIAS, ID + parts(known.product_id, form)["variant"]))
    if "product" in form.parts:
        group = grouped.item_group_id if len(form.parts) == 1 else grouped.product_id
        found.append(_edge(grouped, GROUP, ID + parts(group, form)["product"]))
    every = ibis.union(*found)
    return every.filter(every.b.notnull())


def _edge(table: ir.Table, rung: int, b: ir.StringValue) -> ir.Table:
    return table.select(rung=ibis.literal(rung, type="int64"), a=ID + table.product_id, b=b)


def _shared(edge: ir.Table) -> ir.Table:
    """Edges to nodes that several products have, and of numbers not too many. Null is no node."""
    sharing = edge.group_by("b", "rung").agg(products=edge.count())
    crowded = sharing.rung.isin((GTIN, MPN)) & (sharing.products > CROWD)
    return among(edge, sharing.filter(sharing.products > 1, ~crowded), ["b"])
