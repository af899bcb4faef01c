"""One row a person: who they are, what they may be sent, how they buy, and when that changes by itself."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir

from connector.audiences import Audiences
from connector.decide.buying import buying
from connector.decide.consent import NOBODY
from connector.decide.figures import Figures
from connector.decide.loyalty import tiers
from connector.decide.profiles import profiles
from connector.decide.rfm import scored
from connector.relations import KINDS, Merged, at, lasting
from connector.rule_language import TOUCHES, duration, leaves

PROFILED = ("recency", "frequency", "monetary", "rfm_cell", "loyalty_tier")
"""What is not made for persons who objected to profiling."""

COLUMNS = (
    "person_id",
    "country",
    "region",
    "city",
    "gender",
    "birth_date",
    "lifecycle_stage",
    "created_at",
    "email_opt_out",
    "ads_consent",
    "profiling_opt_out",
    "mail_barrier",
    "orders",
    "spend",
    "first_order_at",
    "last_order_at",
    "last_interaction_at",
    *PROFILED,
    "suppressed_until",
)


def traits(merged: Merged, figures: Figures, active: ir.Table, audiences: Audiences, as_of: datetime) -> ir.Table:
    """The warehouse's `trait`, one row for each person in `merged.person`, and `tier_change_at`, when spend leaves
    the tier's window.

    Args:
        active: suppressed holdings.
    """
    bought = buying(merged.lines, figures.cutpoint, audiences.policy.loyalty, as_of)
    person = merged.person.select("person_id").distinct()
    for part in (
        profiles(merged.contact, audiences.policy.consent),
        bought.drop("tier_spend"),
        scored(bought, figures.cutpoint),
        tiers(bought, figures.cutpoint),
        _last_interaction(merged.touch),
        active.group_by("person_id").agg(suppressed_until=active.until.max()),
    ):
        person = person.left_join(part, "person_id").drop("person_id_right")
    return _unprofiled(_counted(person)).select(*COLUMNS, "tier_change_at")


def _last_interaction(touch: ir.Table) -> ir.Table:
    newest = ibis.greatest(*[touch[f"last_{kind}_at"] for kind in KINDS])
    return touch.group_by("person_id").agg(last_interaction_at=newest.max())


def _counted(person: ir.Table) -> ir.Table:
    """What holds for persons without any order or contact."""
    return person.mutate(
        orders=person.orders.fill_null(0),
        spend=person.spend.fill_null(ibis.literal(0, type="decimal(18,4)")),
        mail_barrier=person.mail_barrier.fill_null("unknown_consent").nullif(NOBODY),
    )


def _unprofiled(person: ir.Table) -> ir.Table:
    objects = person.profiling_opt_out.fill_null(False)
    return person.mutate(**{name: ibis.ifelse(objects, ibis.null(), person[name]) for name in PROFILED})


def next_changes(trait: ir.Table, active: ir.Table, merged: Merged, audiences: Audiences, as_of: datetime) -> ir.Table:
    """[person_id, next_change_at]: the first moment after `as_of` when something of the person may change without news.

    These are the ends of suppressions, of tier windows and of what rules call `within`.
    """
    moments = ibis.union(
        active.select("person_id", at="until"),
        trait.select("person_id", at="tier_change_at"),
        *[
            rows.select("person_id", at=rows[column] + lasting(window))
            for rows, column, window in _windows(trait, active, merged, audiences)
        ],
    )
    ahead = moments.filter(moments.at > at(as_of))
    return ahead.group_by("person_id").agg(next_change_at=ahead.at.min())


def _windows(
    trait: ir.Table, active: ir.Table, merged: Merged, audiences: Audiences
) -> Iterator[tuple[ir.Table, str, timedelta]]:
    """Rows, their column and how long after it they count, for each `within` of any audience."""
    items = {word: (merged.touch, f"last_{kind}_at") for word, kind in TOUCHES.items()}
    items |= {"bought": (merged.holding, "last_purchase_at"), "suppressed": (active, "last_purchase_at")}
    for word, window in sorted(_asked(audiences)):
        rows, column = items.get(word, (trait, word))
        yield rows, column, window


def _asked(audiences: Audiences) -> set[tuple[str, timedelta]]:
    """(word or trait, window) of every `within`."""
    found = set()
    for audience in audiences.audiences:
        for word, options, _ in leaves(audience.rule):
            conditions = options if word == "trait" else {word: options}
            found |= {(name, duration(one["within"])) for name, one in conditions.items() if "within" in one}
    return found
