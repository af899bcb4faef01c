"""What persons saw and touched: person x family, counts and last times of each kind of interaction."""

from datetime import datetime

import ibis
import ibis.expr.types as ir

from connector.merge.catalogue import Catalogue
from connector.relations import KINDS, at


def known_interactions(interaction: ir.Table, person: ir.Table) -> ir.Table:
    """Interactions of known persons, with `person_id`. What somebody refused to have used is left out."""
    used = interaction.filter(interaction.consent.fill_null(True))
    return used.inner_join(person, ["identifier_type", "identifier"])


def with_family(interaction: ir.Table, catalogue: Catalogue) -> ir.Table:
    """Interactions with a product, and its family: the product itself where nothing in the catalogue is called so."""
    return catalogue.with_family(interaction.filter(interaction.product_id.notnull()))


def activity(interaction: ir.Table, person: ir.Table, as_of: datetime) -> ir.Table:
    """[person_id, key, kind, product_id, campaign, occurred_at]: each up to `as_of`, with a product or without."""
    known = known_interactions(interaction.filter(interaction.occurred_at <= at(as_of)), person)
    return known.select("person_id", "key", "kind", "product_id", "campaign", "occurred_at")


def touches(interaction: ir.Table, person: ir.Table, catalogue: Catalogue, as_of: datetime) -> ir.Table:
    """[person_id, family, ...] as in the warehouse's `touch`: interactions up to `as_of` of those in `person`.

    `last_product_id` is the product of the pair's newest interaction (of equally new ones the greatest id).
    """
    past = interaction.filter(interaction.occurred_at <= at(as_of))
    return _by_family(with_family(_by_product(known_interactions(past, person)), catalogue))


def _by_product(known: ir.Table) -> ir.Table:
    """Summed a product first: far fewer rows to look for the newest in."""
    counts = {column: known.count(where=known.kind == kind) for kind, column in KINDS.items()}
    lasts = {_last(kind): known.occurred_at.max(where=known.kind == kind) for kind in KINDS}
    return known.group_by("person_id", "product_id").agg(**counts, **lasts, last_at=known.occurred_at.max())


def _by_family(product: ir.Table) -> ir.Table:
    newest_first = [product.last_at.desc(), product.product_id.desc()]
    pair = ibis.window(group_by=[product.person_id, product.family], order_by=newest_first)
    ranked = product.mutate(age=ibis.row_number().over(pair))
    return ranked.group_by("person_id", "family").agg(
        **{column: ranked[column].sum() for column in KINDS.values()},
        **{_last(kind): ranked[_last(kind)].max() for kind in KINDS},
        last_product_id=ranked.product_id.max(where=ranked.age == 0),
    )


def _last(kind: str) -> str:
    return f"last_{kind}_at"
