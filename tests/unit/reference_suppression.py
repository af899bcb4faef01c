"""How a person stands to a family, once more: slow, obvious, one pair at a time, in plain Python."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from math import exp, floor, log
from statistics import median
from typing import Any

from random_shop import Row

from connector.policies.suppression import SuppressionPolicy

UNKNOWN = {"kind": "plain", "days": None, "usual": None}


def under(product_type: str | None, name: str) -> bool:
    return product_type is not None and (product_type == name or product_type.startswith(name + " > "))


def day(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def exchanged(lines: list[Row]) -> bool:
    """Whether the newest day of a pair's lines brought back at least what it took away, in another variant."""
    newest = max(day(one["ordered_at"]) for one in lines)
    today = [one for one in lines if day(one["ordered_at"]) == newest]
    came = {one["product_id"] for one in today if one["counts"] > 0}
    went = {one["product_id"] for one in today if one["counts"] < 0}
    other = came and went and (min(came), max(came)) != (min(went), max(went))
    return bool(other) and sum(one["counts"] for one in today) >= 0


def window(holding: Row, family: str, product_type: str | None, rhythm: Row, policy: SuppressionPolicy) -> Row:
    """`length` and the window itself."""
    if family in policy.families:
        return {"length": "written", "window": policy.families[family]}
    if fitting := [name for name in policy.windows if under(product_type, name)]:
        return {"length": "written", "window": policy.windows[max(fitting, key=len)]}
    if policy.window is not None:
        return {"length": "written", "window": policy.window}
    if rhythm["kind"] == "replenishable":
        left = float(min(holding["last_quantity"], holding["net_quantity"]))
        times = min(max(left / rhythm["usual"], 1.0), 3.0)
        seconds = floor(rhythm["days"] * 86_400 * times + 0.5)
        return {"length": "replenishable", "window": min(timedelta(seconds=seconds), policy.durable)}
    if rhythm["kind"] == "pieces":
        return {"length": "pieces", "window": timedelta(days=rhythm["days"])}
    return {"length": rhythm["kind"], "window": policy.durable}


def standing(
    holding: Row, family: str, product_type: dict[str, str | None], rhythm: Row | None, policy: SuppressionPolicy
) -> Row | None:
    """What keeps a pair out of ads, and until when; None where it was neither bought nor given back.

    Args:
        product_type: of each product.
    """
    rhythm = rhythm or UNKNOWN
    if holding["net_quantity"] <= 0 and not (holding["exchanged"] and holding["last_purchase_at"]):
        if holding["last_return_at"] is None:
            return None
        return {
            "state": "returned",
            "reason": "returned",
            "length": "cool_off",
            "since": holding["last_return_at"],
            "until": holding["last_return_at"] + policy.cool_off,
            "due": False,
            **{name: holding[f"return_{name}"] for name in ("order_id", "line_key", "product_id")},
        }
    told = window(holding, family, product_type.get(holding["last_product_id"]), rhythm, policy)
    reason = "exchanged" if holding["exchanged"] else "gift" if holding["gift"] else "bought"
    return {
        "state": "bought",
        "reason": reason,
        "length": told["length"],
        "since": holding["last_purchase_at"],
        "until": holding["last_purchase_at"] + told["window"],
        "due": rhythm["kind"] == "replenishable" and not holding["gift"],
        **{name: holding[f"last_{name}"] for name in ("order_id", "line_key", "product_id")},
    }


def state(one: Row, as_of: datetime) -> tuple[str, datetime, datetime | None]:
    """(state, since, until) of a standing."""
    if one["until"] > as_of:
        return one["state"], one["since"], one["until"]
    return "replenish_due" if one["state"] == "bought" and one["due"] else "readmitted", one["until"], None


class Counts:
    """Buyers, those who bought again, those who did so soon only, and the days between, of a family or more."""

    def __init__(self) -> None:
        self.buyers, self.again, self.soon = 0, 0, 0
        self.gaps: list[float] = []

    def add(self, days: list[datetime]) -> None:
        self.buyers += 1
        self.again += len(days) > 1
        self.soon += len(days) > 1 and days[-1] - days[0] <= timedelta(days=30)
        self.gaps += [(after - before) / timedelta(days=1) for before, after in pairwise(days)]

    def share(self, name: str, prior: float) -> float:
        return (getattr(self, name) + 20 * prior) / (self.buyers + 20)

    def gap(self, prior: float) -> float:
        own = len(self.gaps) * log(median(self.gaps)) if self.gaps else 0.0
        return (own + 20 * prior) / (len(self.gaps) + 20)


def rhythms(lines: list[Row], product_type: dict[str, str | None], as_of: datetime) -> dict[str, Row]:
    """Family -> the figure `rhythm`, without `why`.

    Args:
        lines: of all persons, with `counts`.
        product_type: of each family.
    """
    bought: dict[tuple[str, str], dict[datetime, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for one in lines:
        if one["counts"] > 0 and one["person_id"] and one["family"] and not one["gift"]:
            bought[one["person_id"], one["family"]][day(one["ordered_at"])] += one["counts"]
    own, kin, everybody = defaultdict(Counts), defaultdict(Counts), Counts()
    sizes = defaultdict(list)
    for (_, family), days in bought.items():
        for counts in (own[family], kin[product_type.get(family) or ""], everybody):
            counts.add(sorted(days))
        sizes[family] += [float(quantity) for quantity in days.values()]
    span = (as_of - min(min(days) for days in bought.values())) // timedelta(days=1) if bought else 0
    return {
        family: _rhythm(one, kin[product_type.get(family) or ""], everybody, span, median(sizes[family]))
        for family, one in own.items()
    }


def _rhythm(own: Counts, kin: Counts, everybody: Counts, span: int, usual: float) -> Row:
    shrunk: dict[str, Any] = {
        said: own.share(name, kin.share(name, getattr(everybody, name) / everybody.buyers))
        for said, name in (("share", "again"), ("soon_share", "soon"))
    }
    gap = exp(own.gap(kin.gap(log(median(everybody.gaps))))) if everybody.gaps else None
    found = {"buyers": own.buyers, "again": own.again, "soon": own.soon, **shrunk, "gap": gap, "usual": usual}
    if kin.buyers < 20 or span < 90:
        return {**found, "kind": "plain", "days": None}
    if shrunk["share"] >= 0.3 and 2 * own.soon <= own.again:
        return {**found, "kind": "replenishable", "days": max(1, floor(gap * 0.7 + 0.500001))}
    if shrunk["soon_share"] >= 0.15:
        return {**found, "kind": "pieces", "days": min(max(7, floor(gap * 0.7 + 0.500001)), 30)}
    return {**found, "kind": "durable", "days": None}
