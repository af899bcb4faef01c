"""What touches tell of a person: when something was last seen, and which item was last of interest."""

import ibis
import ibis.expr.types as ir

from connector.relations import KINDS
from connector.rule_words import TOUCHES

SHOWN = TOUCHES["saw_ad"]
"""The kind of interaction that takes no interest: an ad was shown."""
TAKING = tuple(kind for kind in KINDS if kind != SHOWN)


def awareness(touch: ir.Table) -> ir.Table:
    """[person_id, last_interaction_at, curious] of everybody with a touch.

    curious: looked at, clicked, carted or wished for an item, or began to buy it.
    """
    newest = ibis.greatest(*[touch[f"last_{kind}_at"] for kind in KINDS])
    return touch.group_by("person_id").agg(
        last_interaction_at=newest.max(), curious=ibis.or_(*[touch[KINDS[kind]] > 0 for kind in TAKING]).any()
    )


def last_interest(touch: ir.Table) -> ir.Table:
    """[person_id, family] of what curious persons looked at, clicked, carted or wished for last (ties by name)."""
    known = touch.select("person_id", "family", at=ibis.greatest(*[touch[f"last_{kind}_at"] for kind in TAKING]))
    taken = known.filter(known.at.notnull())
    newest = taken.group_by("person_id").agg(at=taken["at"].max())
    both = taken.inner_join(newest, ["person_id", "at"])
    return both.group_by("person_id").agg(family=both.family.min())
