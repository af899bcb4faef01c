"""What persons saw and touched: person x family, counts and last times of each kind of interaction."""

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from connector.merge.catalogue import Catalogue
from connector.relations import KINDS, TAKING, Keep, Moment, among, at, lazily, without

PAIR = ("person_id", "family")
NUMBERS = ("who", "what")
"""What stands for a pair while it is counted."""
AWARENESS = ("person_id", "last_interaction_at", "curious", "family")
_COUNTS = tuple(KINDS.values())
_LASTS = tuple(f"last_{kind}_at" for kind in KINDS)


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


@dataclass(frozen=True)
class Touches:
    """What some persons saw and touched; `touch` and `awareness` are those of `relations.Merged`."""

    touch: ir.Table
    awareness: ir.Table


def touches(
    interaction: ir.Table, person: ir.Table, catalogue: Catalogue, as_of: Moment, keep: Keep = lazily
) -> Touches:
    """[person_id, family, ...] as in the warehouse's `touch`: interactions up to `as_of` of those in `person`.

    `last_product_id` is the product of the pair's newest interaction (of equally new ones the greatest id).

    Persons and products go by numbers on the way, which are shorter than names; and most pairs have one interaction,
    so that only the others need be added up.
    """
    past = interaction.filter(interaction.occurred_at <= at(as_of))
    people, things = keep(_people(person)), keep(_things(interaction, catalogue))
    known = known_interactions(past, keep(person.inner_join(people, "person_id")))
    numbered = known.inner_join(things, known.product_id == things.asked)
    told = keep(numbered.select("who", "what", "which", "kind", "occurred_at"))
    named = keep(_names(things, "what", "family"))
    return Touches(
        touch=_touch(told, people, named, keep(_names(things, "which", "product_id")), keep),
        awareness=_aware(told).inner_join(people, "who").left_join(named, "what").select(*AWARENESS),
    )


def _touch(told: ir.Table, people: ir.Table, families: ir.Table, products: ir.Table, keep: Keep) -> ir.Table:
    counted = told.group_by(*NUMBERS).agg(times=told.count())
    several = keep(counted.filter(counted.times > 1).select(*NUMBERS))
    pair = _single(without(told, several, NUMBERS)).union(_added_up(keep(among(told, several, NUMBERS)), keep))
    whole = pair.inner_join(people, "who").inner_join(families, "what").inner_join(products, "which")
    return whole.select(*PAIR, *_COUNTS, *_LASTS, last_product_id="product_id")


def _aware(told: ir.Table) -> ir.Table:
    """[who, last_interaction_at, curious, what]."""
    known = told.filter(told.kind.isin(list(KINDS)))
    taken = known.kind.isin(TAKING)
    newest = known.group_by("who").agg(
        last_interaction_at=known.occurred_at.max(), at=known.occurred_at.max(where=taken)
    )
    last = known.filter(taken).inner_join(newest.select("who", occurred_at="at"), ["who", "occurred_at"])
    both = newest.left_join(last.group_by("who").agg(what=last.what.min()), "who").drop("who_right")
    return both.mutate(curious=both["at"].notnull())


def _people(person: ir.Table) -> ir.Table:
    """[person_id, who]."""
    every = person.select("person_id").distinct()
    return every.mutate(who=ibis.row_number().over(ibis.window(order_by=every.person_id)).cast("int32"))


def _things(interaction: ir.Table, catalogue: Catalogue) -> ir.Table:
    """[asked, product_id, family, what, which]: what each product id stands for; `which` is in the order of ids."""
    asked = interaction.filter(interaction.product_id.notnull()).select("product_id").distinct()
    meant = catalogue.with_family(asked.mutate(asked=asked.product_id), asked)
    by_family, by_product = ibis.window(order_by=meant.family), ibis.window(order_by=meant.product_id)
    return meant.mutate(
        what=ibis.dense_rank().over(by_family).cast("int32"), which=ibis.dense_rank().over(by_product).cast("int32")
    )


def _names(things: ir.Table, number: str, name: str) -> ir.Table:
    return things.select(number, name).distinct()


def _single(told: ir.Table) -> ir.Table:
    """Interactions, each the only one of its pair."""
    counts = {column: ibis.ifelse(told.kind == kind, 1, 0).cast("int64") for kind, column in KINDS.items()}
    lasts = {f"last_{kind}_at": ibis.ifelse(told.kind == kind, told.occurred_at, ibis.null()) for kind in KINDS}
    return told.select(*NUMBERS, **counts, **lasts, which="which")


def _added_up(told: ir.Table, keep: Keep) -> ir.Table:
    """The same columns of all others. Only for pairs of several products the newest is looked for."""
    counts = {column: told.count(where=told.kind == kind) for kind, column in KINDS.items()}
    lasts = {f"last_{kind}_at": told.occurred_at.max(where=told.kind == kind) for kind in KINDS}
    pair = keep(told.group_by(*NUMBERS).agg(**counts, **lasts, least=told.which.min(), most=told.which.max()))
    mixed = keep(pair.filter(pair.least != pair.most).select(*NUMBERS))
    both = pair.left_join(_newest_product(among(told, mixed, NUMBERS)), NUMBERS)
    return both.select(*(pair[name] for name in (*NUMBERS, *_COUNTS, *_LASTS)), which=both.newest.coalesce(pair.most))


def _newest_product(told: ir.Table) -> ir.Table:
    """[who, what, newest]."""
    product = told.group_by(*NUMBERS, "which").agg(last_at=told.occurred_at.max())
    newest_first = [product.last_at.desc(), product.which.desc()]
    order = ibis.window(group_by=[product.who, product.what], order_by=newest_first)
    ranked = product.mutate(age=ibis.row_number().over(order))
    return ranked.filter(ranked.age == 0).select(*NUMBERS, newest="which")
