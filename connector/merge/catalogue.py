"""One row a product, the shop's feed before the CRMs, and its family, which is what "the same item" means."""

import ibis
import ibis.expr.types as ir

TEXTS = ("item_group_id", "title", "product_type", "brand", "availability")
COLUMNS = (
    "product_id",
    "family",
    "title",
    "product_type",
    "brand",
    "price",
    "currency",
    "availability",
    "sensitive",
)
FEED = "feed"
"""`source` of rows that come from the shop's own product feed."""


def catalogue(product: ir.Table) -> ir.Table:
    """[product_id, family, title, product_type, brand, price, currency, availability, sensitive], one row a product_id.

    `family` is the item group where there is one, else the product itself. `availability` is in the feed's words
    (`in_stock`, `out_of_stock`, `preorder`, `backorder`), None where nobody said. A product that every source has
    deleted stays, out of stock: old purchases still need its family. A product is sensitive if any source says so.
    """
    ranked = _by_preference(product.filter(product.product_id.notnull()))
    known = ranked.group_by("product_id").agg(
        **{name: _first(ranked, name) for name in TEXTS},
        price=_first(ranked, "price"),
        currency=ranked.currency.argmin(ranked.preference, where=ranked.price.notnull()),
        sensitive=ranked.sensitive.any().fill_null(False),
        gone=ranked.deleted_at.notnull().all(),
    )
    availability = ibis.ifelse(known.gone, "out_of_stock", known.availability.lower().replace(" ", "_"))
    full = known.mutate(availability=availability, family=known.item_group_id.coalesce(known.product_id))
    return full.select(*COLUMNS)


def _by_preference(product: ir.Table) -> ir.Table:
    """Rows with empty texts made null and `preference` 0, 1, 2... within their product_id."""
    filled = product.mutate(**{name: product[name].strip().nullif("") for name in TEXTS})
    best = [filled.deleted_at.notnull(), filled.source != FEED, filled.version.desc(), filled.key]
    return filled.mutate(preference=ibis.row_number().over(ibis.window(group_by=filled.product_id, order_by=best)))


def _first(ranked: ir.Table, name: str) -> ir.Value:
    """The value of the most preferred row that has one."""
    return ranked[name].argmin(ranked.preference, where=ranked[name].notnull())
