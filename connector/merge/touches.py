"""What persons saw and touched: person x family, counts and last times of each kind of interaction."""

import ibis
import ibis.expr.types as ir

from connector.merge.catalogue import Catalogue
from connector.relations import KINDS, Keep, Moment, among, at, lazily

PAIR = ("person_id", "family")


def known_interactions(interaction: ir.Table, person: ir.Table) -> ir.Table:
    """Interactions of known persons, with `person_id`. What somebody refused to have used is left out."""
    used = interaction.filter(interaction.consent.fill_null(True))
    return used.inner_join(person, ["identifier_type", "identifier"])


def with_family(interaction: ir.Table, catalogue: Catalogue, ids: ir.Table | None = None) -> ir.Table:
    """Interactions with a product, and its family: the product itself where nothing in the catalogue is called so.

    Args:
        ids: see `Catalogue.with_family`.
    """
    return catalogue.with_family(interaction.filter(interaction.product_id.notnull()), ids)


def activity(interaction: ir.Table, person: ir.Table, as_of: Moment) -> ir.Table:
    """[person_id, key, kind, product_id, campaign, occurred_at]: each up to `as_of`, with a product or without."""
    known = known_interactions(interaction.filter(interaction.occurred_at <= at(as_of)), person)
    return known.select("person_id", "key", "kind", "product_id", "campaign", "occurred_at")


def touches(
    interaction: ir.Table, person: ir.Table, catalogue: Catalogue, as_of: Moment, keep: Keep = lazily
) -> ir.Table:
    """[person_id, family, ...] as in the warehouse's `touch`: interactions up to `as_of` of those in `person`.

    `last_product_id` is the product of the pair's newest interaction (of equally new ones the greatest id). Most pairs
    have one product: only for the others the newest is looked for.
    """
    past = interaction.filter(interaction.occurred_at <= at(as_of))
    known = with_family(known_interactions(past, person), catalogue, interaction.select("product_id"))
    pair = keep(_by_family(known))
    several = pair.filter(pair.least_product_id != pair.last_product_id)
    newest = keep(_newest_product(among(known, keep(several.select(*PAIR)), PAIR)))
    both = pair.left_join(newest, PAIR).drop("person_id_right", "family_right", "least_product_id")
    return both.mutate(last_product_id=both.newest_product_id.coalesce(both.last_product_id)).drop("newest_product_id")


def _by_family(known: ir.Table) -> ir.Table:
    counts = {column: known.count(where=known.kind == kind) for kind, column in KINDS.items()}
    lasts = {f"last_{kind}_at": known.occurred_at.max(where=known.kind == kind) for kind in KINDS}
    products = {"least_product_id": known.product_id.min(), "last_product_id": known.product_id.max()}
    return known.group_by(*PAIR).agg(**counts, **lasts, **products)


def _newest_product(known: ir.Table) -> ir.Table:
    """[person_id, family, newest_product_id]."""
    product = known.group_by(*PAIR, "product_id").agg(last_at=known.occurred_at.max())
    newest_first = [product.last_at.desc(), product.product_id.desc()]
    order = ibis.window(group_by=[product.person_id, product.family], order_by=newest_first)
    ranked = product.mutate(age=ibis.row_number().over(order))
    return ranked.filter(ranked.age == 0).select(*PAIR, newest_product_id="product_id")
