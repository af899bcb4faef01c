"""One row a person: who they are, what they may be sent, how they buy, and when that changes by itself."""

import ibis
import ibis.expr.types as ir

from connector.audiences import Audiences
from connector.decide.exclusion.barrier import ads_barrier, objecting, words
from connector.decide.figures import Figures
from connector.decide.loyalty.buying import buying
from connector.decide.loyalty.outlook import NAMES as FORESEEN
from connector.decide.loyalty.outlook import outlook
from connector.decide.loyalty.rfm import scored
from connector.decide.loyalty.tiers import tiers
from connector.decide.membership.consent import NOBODY
from connector.decide.trait.ages import aged
from connector.decide.trait.profiles import profiles
from connector.decide.trait.segments import interest, staged
from connector.relations import Keep, Merged, Moment, lazily

PROFILED = ("recency", "frequency", "monetary", "rfm_cell", "loyalty_tier", "funnel_stage", "engagement", *FORESEEN)
"""What is not made for persons who objected to profiling."""

COLUMNS = (
    "person_id",
    "country",
    "region",
    "city",
    "gender",
    "birth_date",
    "age",
    "age_band",
    "lifecycle_stage",
    "created_at",
    "email_opt_out",
    "ads_consent",
    "profiling_opt_out",
    "mail_barrier",
    "ads_barrier",
    "orders",
    "spend",
    "first_order_at",
    "last_order_at",
    "last_interaction_at",
    *PROFILED,
    "suppressed_until",
)
TURNS = ("tier_change_at", "birthday_at", "funnel_change_at", "engagement_ends_at", "engagement_cools_at")
"""When a trait may change by itself."""


def traits(
    merged: Merged, figures: Figures, active: ir.Table, audiences: Audiences, as_of: Moment, keep: Keep = lazily
) -> ir.Table:
    """The warehouse's `trait` but `next_change_at`, one row for each person in `merged.person`, and TURNS.

    Args:
        active: suppressed holdings.
    """
    policy = audiences.policy.loyalty
    bought = keep(buying(merged.lines, figures.cutpoint, policy, as_of))
    person = merged.person.select("person_id").distinct()
    for part in (
        profiles(merged.contact, audiences.policy.consent),
        words(merged.consent),
        bought.drop("tier_spend", "order_days"),
        scored(bought, figures.cutpoint),
        tiers(bought, merged.lines, figures.cutpoint, policy, as_of),
        outlook(bought, figures.model, policy, keep),
        merged.awareness.drop("family"),
        interest(merged, audiences.policy.segments, as_of),
        active.group_by("person_id").agg(suppressed_until=active.until.max()),
    ):
        person = person.left_join(part, "person_id").drop("person_id_right")
    heard = objecting(_counted(person))
    heard = heard.mutate(ads_barrier=ads_barrier(heard, audiences.policy.ads))
    whole = aged(staged(heard, audiences.policy.segments, as_of), as_of)
    return _unprofiled(whole).select(*COLUMNS, *TURNS)


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
