"""Age, funnel stage and engagement, once more: slow, obvious, one person at a time, in plain Python."""

from collections.abc import Iterable
from datetime import date, datetime

from random_shop import Row

from connector.policies.segments import SegmentPolicy

BANDS = {18: "under 18", 25: "18-24", 35: "25-34", 45: "35-44", 55: "45-54", 65: "55-64", 121: "65+"}
"""First year that is too old -> band."""


def age(birth: date | None, as_of: datetime) -> Row:
    if birth is None:
        return {"age": None, "age_band": None}
    years = as_of.year - birth.year - ((as_of.month, as_of.day) < (birth.month, birth.day))
    if not 0 <= years <= 120:
        return {"age": None, "age_band": None}
    return {"age": years, "age_band": next(band for end, band in BANDS.items() if years < end)}


def funnel_stage(
    orders: int, last_order_at: datetime | None, curious: bool, as_of: datetime, policy: SegmentPolicy
) -> str:
    if last_order_at and last_order_at <= as_of - policy.lapsed:
        return "lapsed"
    if orders:
        return "first_time" if orders == 1 else "repeat"
    return "prospect" if curious else "lead"


def engagement(interactions: Iterable[Row], as_of: datetime, policy: SegmentPolicy) -> str:
    times = [
        one["occurred_at"]
        for one in interactions
        if one["kind"] != "impression" and one["occurred_at"] > as_of - policy.engaged
    ]
    if len(times) >= policy.high and max(times) > as_of - policy.recent:
        return "high"
    if len(times) >= policy.medium:
        return "medium"
    return "low" if times else "none"
