"""Decide as one step: for some persons or for all, what is suppressed, recommended and wanted, and why."""

from dataclasses import dataclass, replace

import ibis.expr.types as ir

from connector.audiences import Audiences
from connector.decide.cross_sell.recommendation import cooling, recommendations
from connector.decide.figures import Figures
from connector.decide.membership.fitting import fitting
from connector.decide.membership.recent import recent_touches
from connector.decide.membership.stories import Basis
from connector.decide.suppression.standing import due, replenish, standings, suppressed, suppression
from connector.decide.trait.next_changes import next_changes
from connector.decide.trait.traits import COLUMNS, traits
from connector.relations import Keep, Merged, Moment, among, lazily

STANDING = (
    "person_id",
    "family",
    "net_quantity",
    "last_order_id",
    "last_line_key",
    "last_product_id",
    "state",
    "reason",
    "since",
    "until",
    "length",
    "then",
    "title",
    "product_type",
    "sensitive",
)
"""What decisions ask of standings."""


@dataclass(frozen=True)
class Decisions:
    """Derived tables of the warehouse, without `run`, for the persons in `Merged.person`."""

    trait: ir.Table
    suppression: ir.Table
    replenish: ir.Table
    recommendation: ir.Table
    wanted: ir.Table
    excluded: ir.Table


def decide(merged: Merged, figures: Figures, audiences: Audiences, as_of: Moment, keep: Keep = lazily) -> Decisions:
    """Everything that follows at `as_of`.

    A person's rows depend on that person's rows in `merged` and on `figures` alone: deciding a part of the persons
    gives exactly their part of deciding all, and a person without news need not be decided again before
    `trait.next_change_at`. Whoever has no contact is neither wanted nor excluded for want of consent.
    """
    stood = standings(merged.holding, merged.catalogue, figures.rhythm, audiences.policy.suppression)
    standing = keep(stood.select(*STANDING))  # a row a holding: what nobody asks for costs as much as the rest
    active, used_up = suppressed(standing, as_of), keep(replenish(due(standing, as_of), figures.family))
    person = keep(traits(merged, figures, active, audiences, as_of, keep))
    refusing = person.filter(person.profiling_opt_out.fill_null(False)).select("person_id")
    offer = audiences.policy.cross_sell
    spared = refusing.union(cooling(merged.contact, offer, as_of)).distinct()
    recommended = keep(recommendations(merged, figures, spared, offer, keep))
    told = replace(merged, touch=recent_touches(merged.touch, audiences, as_of, keep))
    basis = Basis(told, active, recommended, used_up, figures.family, as_of)
    changes = next_changes(person, basis, audiences)
    fit = keep(fitting(person, basis, figures, audiences, keep))
    known = among(fit.filter(fit.barrier.notnull()), merged.contact, ["person_id"])
    return Decisions(
        trait=keep(
            person.left_join(changes, "person_id").select(*[person[name] for name in COLUMNS], changes.next_change_at)
        ),
        suppression=suppression(active),
        replenish=used_up,
        recommendation=recommended,
        wanted=fit.filter(fit.barrier.isnull()).drop("barrier"),
        excluded=known.select("person_id", "audience", reason="barrier"),
    )
