"""Where somebody stands as a customer, and how much interest they show: traits that change by themselves in time."""

import ibis
import ibis.expr.types as ir

from connector.policies.segments import SegmentPolicy
from connector.relations import SHOWN, Merged, Moment, ago, lasting


def interest(merged: Merged, policy: SegmentPolicy, as_of: Moment) -> ir.Table:
    """[person_id, engagement, engagement_ends_at, engagement_cools_at] of those with an interaction in the window.

    high: at least `policy.high` of them, the last within `policy.recent`; medium: at least `policy.medium`; else low.
    Page views, clicks (in mails and ads, too), carts and wishes count alike, with an item or without; ads shown do not.
    The level may change when the oldest of them leaves the window, and when the newest is no longer recent.
    """
    seen = merged.activity
    recent = seen.filter(seen.kind != SHOWN, seen.occurred_at > ago(as_of, policy.engaged))
    found = recent.group_by("person_id").agg(
        times=recent.count(), first_at=recent.occurred_at.min(), last_at=recent.occurred_at.max()
    )
    lately = found.last_at > ago(as_of, policy.recent)
    return found.select(
        "person_id",
        engagement=ibis.cases(
            ((found.times >= policy.high) & lately, "high"), (found.times >= policy.medium, "medium"), else_="low"
        ),
        engagement_ends_at=found.first_at + lasting(policy.engaged),
        engagement_cools_at=found.last_at + lasting(policy.recent),
    )


def staged(person: ir.Table, policy: SegmentPolicy, as_of: Moment) -> ir.Table:
    """`person` [orders, last_order_at, curious, engagement] with `funnel_stage`, `funnel_change_at` and no null there.

    lapsed: ordered, but not within `policy.lapsed`; repeat: two orders or more; first_time: one; prospect: none, but
    curious; lead: nothing but known.
    """
    long_ago = person.last_order_at <= ago(as_of, policy.lapsed)
    stage = ibis.cases(
        (long_ago.fill_null(False), "lapsed"),
        (person.orders > 1, "repeat"),
        (person.orders == 1, "first_time"),
        (person.curious.fill_null(False), "prospect"),
        else_="lead",
    )
    return person.mutate(
        funnel_stage=stage,
        funnel_change_at=person.last_order_at + lasting(policy.lapsed),
        engagement=person.engagement.fill_null("none"),
    )
