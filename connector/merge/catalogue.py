"""One row a product, the shop's feed before the CRMs, and its family, which is what "the same item" means."""

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from connector.merge.named import Forms, resolved
from connector.merge.sameness import accepted, sameness
from connector.policies.sameness import SamenessPolicy
from connector.relations import Keep, lazily

TEXTS = ("item_group_id", "title", "product_type", "brand", "gtin", "mpn", "availability")
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


@dataclass(frozen=True)
class Catalogue:
    """What the shop sells, and what that is called elsewhere.

    Attributes:
        product: one row a product_id; see `catalogue`.
        names, same: see `sameness.Sameness`.
        forms: of the policy's overrides.
    """

    product: ir.Table
    names: ir.Table
    same: ir.Table
    forms: Forms

    def meaning(self, ids: ir.Table) -> ir.Table:
        """[product_id, known_id, family, via] of those `ids` [product_id] that stand for something."""
        return resolved(ids, self.names, self.forms)

    def with_family(self, rows: ir.Table, ids: ir.Table | None = None) -> ir.Table:
        """Rows with `family`, and with the product that their `product_id` stands for in its place.

        An id that stands for nothing is its own family; a row without an id has none.

        Args:
            ids: [product_id], at least those of the rows, where that is cheaper to say than to look for.
        """
        meant = self.meaning(rows if ids is None else ids)
        both = rows.left_join(meant, "product_id").drop("product_id_right", "via")
        named, family = both.known_id.coalesce(both.product_id), both.family.coalesce(both.product_id)
        return both.mutate(product_id=named, family=family).drop("known_id")


def catalogue(product: ir.Table, policy: SamenessPolicy | None = None, keep: Keep = lazily) -> Catalogue:
    """What is sold, by families.

    `product` of it: [product_id, family, title, product_type, brand, price, currency, availability, sensitive].
    `availability` is in the feed's words (`in_stock`, `out_of_stock`, `preorder`, `backorder`), None where nobody said.
    A product that every source has deleted stays, out of stock: old purchases still need its family. A product is
    sensitive if any source says so.

    Args:
        product: rows of all sources, which can be computed here and now.
        policy: what counts as the same; by default as shipped.
    """
    known, chosen = known_products(product), policy or SamenessPolicy()
    known = keep(known)
    same = sameness(known, accepted(known, chosen, keep), keep)
    full = known.inner_join(same.family, "product_id").select(*COLUMNS)
    return Catalogue(product=keep(full), names=same.names, same=same.same, forms=chosen.overrides.forms)


def known_products(product: ir.Table) -> ir.Table:
    """One row a product_id: each column from the best row that has it, before there are families.

    Columns of `catalogue` but `family`; and item_group_id, gtin, mpn, `fed` (the shop's feed has it).
    """
    ranked = _by_preference(product.filter(product.product_id.notnull()))
    known = ranked.group_by("product_id").agg(
        **{name: _first(ranked, name) for name in TEXTS},
        price=_first(ranked, "price"),
        currency=ranked.currency.argmin(ranked.preference, where=ranked.price.notnull()),
        sensitive=ranked.sensitive.any().fill_null(False),
        gone=ranked.deleted_at.notnull().all(),
        fed=(ranked.source == FEED).any().fill_null(False),
    )
    availability = ibis.ifelse(known.gone, "out_of_stock", known.availability.lower().replace(" ", "_"))
    return known.mutate(availability=availability).drop("gone")


def _by_preference(product: ir.Table) -> ir.Table:
    """Rows with empty texts made null and `preference` 0, 1, 2... within their product_id."""
    filled = product.mutate(**{name: product[name].strip().nullif("") for name in TEXTS})
    best = [filled.deleted_at.notnull(), filled.source != FEED, filled.version.desc(), filled.key]
    return filled.mutate(preference=ibis.row_number().over(ibis.window(group_by=filled.product_id, order_by=best)))


def _first(ranked: ir.Table, name: str) -> ir.Value:
    """The value of the most preferred row that has one."""
    return ranked[name].argmin(ranked.preference, where=ranked[name].notnull())
