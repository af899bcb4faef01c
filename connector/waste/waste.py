"""The whole report on waste, measured and estimated apart, and the same as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import ibis.expr.types as ir

from connector.decide.exclusion.groups import families_of
from connector.decide.families import families
from connector.errors import SetupError
from connector.evaluate.history import History, end_of
from connector.evaluate.suppression import PAIR, after_purchase, first_purchases
from connector.home import Home
from connector.model import AdTerms
from connector.relations import at, without
from connector.store import runs
from connector.waste.latency import Pass, budget, travelled, uploads
from connector.waste.spared import FAMILY, SUMS, estimated, frequency, judged, summed

LISTED = 20
"""Families and audiences that are told one by one."""
Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Waste:
    """What ads cost that were shown to who had bought the item.

    Attributes:
        since, until: the time the report is about.
        began: when suppression began: the first pass that left nothing open; None: it has not.
        measured: `before` and `after` that -> `avoidable`, `unavoidable` -> impressions, clicks, cost.
        families, audiences: the same sums of the worst, those of sensitive items without a title.
        estimate: impressions and cost of ads to nobody known that are likely to have met buyers.
        coverage: how many ads there were, and how many of them had an identity, an item, both.
        latency: step -> median and 90th percentile in seconds, over `orders` orders placed since the first pass.
        assumptions: sentences on what was taken for granted.
    """

    since: datetime | None
    until: datetime
    began: datetime | None
    measured: Mapping[str, Mapping[str, Row]]
    families: Sequence[Row]
    audiences: Sequence[Row]
    estimate: Row
    coverage: Mapping[str, int]
    orders: int
    latency: Mapping[str, Mapping[str, float | None]]
    assumptions: Sequence[str]

    def as_json(self) -> dict[str, Any]:
        """The documented object; its keys are stable."""
        return asdict(self)


def waste(home: Home, since: datetime | None = None, until: datetime | None = None) -> Waste:
    """Measure the ads of a time (all of it by default) against purchases. Reads, and writes nothing.

    Raises:
        SetupError: there is no history, or none in that time.
    """
    end = until or end_of(home)
    if since is not None and since >= end:
        raise SetupError(f"the history ends on {end:%Y-%m-%d %H:%M}", hint="lamplighter waste --from TIME, earlier")
    try:
        return _Look(home, since, end).waste()
    finally:
        home.warehouse.release()


class _Look:
    """One look at a home's history."""

    def __init__(self, home: Home, since: datetime | None, until: datetime) -> None:
        self.home, self.since, self.until, self.keep = home, since, until, home.warehouse.keep
        self.past = History(home, until, until, timedelta(0))
        self.passes = [_pass(row) for row in runs.passes(home.store)]
        finished = [each for each in self.passes if each.uploaded_at]
        self.began = finished[0].pulled_at if finished else None
        self.effect = max((ad.terms.effect for ad in home.ads), default=AdTerms().effect)

    def waste(self) -> Waste:
        travel = self.keep(self._travel())
        latency = budget(travel, self.effect)
        ours = self._ours(latency["order_to_upload"]["median"])
        ads = self.keep(self._within(self.past.ads))
        known = self.keep(self.past.identified(ads))
        first = self.keep(first_purchases(self._bought()))
        late = after_purchase(known, first)
        upload = travel.filter(travel.uploaded_at.notnull()).select("order_key", "uploaded_at")
        spared = self.keep(judged(late, upload, ours, self.effect, self.began))
        often = frequency(known).to_pyarrow().as_py()
        unknown = self.past.products.with_family(without(ads.filter(ads.product_id.notnull()), known, ["key"]))
        return Waste(
            since=self.since,
            until=self.until,
            began=self.began,
            measured=_halves(spared),
            families=self._families(spared),
            audiences=self._audiences(spared),
            estimate=_estimate(estimated(unknown, known, first, often or 1.0)),
            coverage=self._coverage(ads, known),
            orders=int(travel.count().to_pyarrow().as_py()),
            latency=latency,
            assumptions=self._assumptions(ours, often, latency["order_to_upload"]["median"] is not None),
        )

    def _within(self, ads: ir.Table) -> ir.Table:
        return ads if self.since is None else ads.filter(ads.occurred_at >= at(self.since))

    def _bought(self) -> ir.Table:
        line = self.past.after.lines
        return line.filter(line.counts > 0, line.family.notnull()).select(*PAIR, "ordered_at", "order_key")

    def _travel(self) -> ir.Table:
        at_work = self.passes[0].pulled_at if self.passes else self.until
        head = self.home.warehouse.versions("order_header")
        return travelled(head, uploads(self.passes), at_work, self.until)

    def _ours(self, median: float | None) -> timedelta:
        if median is None:
            return timedelta(minutes=self.home.settings.schedule.sync_minutes)
        return timedelta(seconds=median)

    def _families(self, spared: ir.Table) -> list[Row]:
        named = families(self.past.after, self.home.audiences.policy).select(FAMILY, "title", "sensitive")
        total = summed(spared, FAMILY).left_join(named, FAMILY).drop("family_right")
        rows = _worst(total)
        return [{**row, "title": None if row.pop("sensitive") else row["title"]} for row in map(dict, rows)]

    def _audiences(self, spared: ir.Table) -> list[Row]:
        full = runs.latest(self.home.store, decided=True, full=True)
        if not full:
            return []
        group = self.home.warehouse.figure("ad_group", full[0].number)
        found: list[Row] = []
        for name in sorted(group.select("destination").distinct().to_pyarrow()["destination"].to_pylist()):
            theirs = group.filter(group.destination == name)
            named = spared.left_join(families_of(theirs), FAMILY).drop("family_right")
            total = summed(named, "audience").left_join(theirs.select("audience", "label"), "audience")
            found += [{"destination": name, **row} for row in _worst(total.drop("audience_right"))]
        return found

    def _coverage(self, ads: ir.Table, known: ir.Table) -> dict[str, int]:
        person = self.past.person.select("identifier_type", "identifier").distinct()
        tied = ads.semi_join(person, ["identifier_type", "identifier"])
        with_item = ads.filter(ads.product_id.notnull())
        parts = {"ads": ads, "with_identity": tied, "with_item": with_item, "with_both": known}
        return {name: int(part.count().to_pyarrow().as_py()) for name, part in parts.items()}

    def _assumptions(self, ours: timedelta, often: float | None, measured: bool) -> list[str]:
        how = "the median of what was measured" if measured else "one turn of the schedule, as no order came since"
        shown = f"{often:.2f} impressions, as people who are known" if often else "one impression, as nobody is known"
        minutes, hours = ours.total_seconds() / 60, self.effect.total_seconds() / 3600
        return [
            f"from order to acknowledged exclusion, where it was not measured: {minutes:.1f} min, {how}",
            f"from there until it is in effect: {hours:.0f} h at most, by the platforms' word",
            f"estimated: a buyer whom no ad can be tied to gets {shown} of what they bought, at that item's price",
        ]


def _pass(row: Any) -> Pass:
    """A run decides for its `as_of`; how long each stage took is in its report."""
    seconds: dict[str, float] = row.seconds or {}
    decided = row.as_of + timedelta(seconds=seconds.get("pull", 0) + seconds.get("decide", 0))
    upload = decided + timedelta(seconds=seconds.get("push", 0))
    return Pass(row.number, row.as_of, decided, upload if row.status == "done" else None)


def _halves(spared: ir.Table) -> dict[str, dict[str, Row]]:
    rows = summed(spared, "after", "avoidable").to_pyarrow().to_pylist()
    found = {(row["after"], row["avoidable"]): {name: row[name] for name in SUMS} for row in rows}
    none = dict.fromkeys(SUMS, 0)
    words = {True: "avoidable", False: "unavoidable"}
    return {
        half: {word: found.get((after, avoidable), none) for avoidable, word in words.items()}
        for after, half in ((False, "before"), (True, "after"))
    }


def _worst(total: ir.Table) -> list[Row]:
    rows: list[Row] = (
        total.order_by(total.cost.desc(), total.impressions.desc(), total[0]).limit(LISTED).to_pyarrow().to_pylist()
    )
    return rows


def _estimate(each: ir.Table) -> Row:
    row = each.aggregate(impressions=each.impressions.sum(), cost=each.cost.sum()).to_pyarrow().to_pylist()[0]
    return {"impressions": round(row["impressions"] or 0), "cost": round(row["cost"] or 0.0, 2)}
