"""Pushing to one ad platform within a run: plan, guard, withdrawals, exclusions, and later the end of exclusions; last
what keeps audiences right over time."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import ibis.expr.types as ir

from connector.errors import ListGone
from connector.home import Home
from connector.model import Audience, Delivery, Ensured
from connector.pipeline.ads import sales, upkeep
from connector.pipeline.ads.groups import audiences_of_groups, coverage, groups_of, in_words, rows_of
from connector.pipeline.ads.people import Wanted, wanted
from connector.pipeline.ads.plan import AdPlan, ad_plan
from connector.pipeline.guards import questions
from connector.pipeline.guards.protecting import withdrawn
from connector.pipeline.pushing.crm import Order
from connector.pipeline.report import Report
from connector.ports import AdDestination
from connector.push.deliver import Ledger, Progress, Steps, delivering
from connector.push.plan import Plan, deliveries
from connector.store import acknowledged, ad_members, refused_lists, runs


@dataclass
class Platform:
    """One ad platform on its way, in three phases.

    While not all news is known only withdrawals leave: who is kept out of ads is named to the platform, and may have
    withdrawn their consent in what was not read.

    Attributes:
        whole: who is wanted, where everybody was looked at.
        plan: what was planned last, less what the platform has no audience for; None: to be planned, or nothing to do.
        sent: the batches of the first phase have left.
        through: all that was planned and allowed has left.
    """

    home: Home
    destination: AdDestination
    order: Order
    report: Report
    progress: Progress
    ledger: Ledger = field(default_factory=Ledger)
    group: ir.Table | None = None
    audiences: Mapping[str, Audience] = field(default_factory=dict)
    whole: Wanted | None = None
    plan: AdPlan | None = None
    refused: frozenset[str] = frozenset()
    sent: bool = False
    through: bool = False

    @property
    def name(self) -> str:
        return self.destination.name

    def suppress(self) -> Steps:
        """Withdrawals, then whoever must be kept out of ads."""
        self.report.books[f"{self.name}:push"] = self.ledger
        self.ledger.plan_anew()
        self.plan, self.sent = None, False
        group = groups_of(self.home, self.destination)
        of = self._whom() if group is not None else ()
        if group is None or (of is not None and not of):
            self.sent = True
            return None
        self.group, self.audiences = group, audiences_of_groups(group)
        stopped, gone = (yield from self._planned_and_sent(of)), set[str]()
        while isinstance(stopped, ListGone) and stopped.audience not in gone:
            gone.add(stopped.audience)
            acknowledged.forget_list(self.home.store, self.name, stopped.audience)
            self.ledger.plan_anew()
            stopped = yield from self._planned_and_sent(None)
        self.sent = stopped is None
        if self.sent and not self.order.dry and not self.order.protect:
            upkeep.mark_window(self.home, self.destination, self.report.as_of)
        return stopped

    def admit(self) -> Steps:
        """Whoever may be shown ads again."""
        if not self.sent:  # it rested in the middle of this
            stopped = yield from self.suppress()
            if stopped is not None:
                return stopped
        if self.plan is None or self.order.dry or self.order.protect:
            return None
        self.sent = False
        stopped = yield from self._send(self._batches(self.plan.rest)[1])
        self.through = stopped is None
        return stopped

    def keep_up(self) -> Steps:
        """What keeps audiences right over time, and what was bought. Sales are told only where somebody was decided
        again, or an earlier push left something open."""
        if self.order.dry or self.order.protect:
            return None
        if self.plan is not None and self.whole is not None:
            standing = self._standing_now(self.plan) - self.refused
            upkeep.refresh_due(self.home, self.destination, self.whole, standing, self.report)
            upkeep.retire(self.home, self.destination, self.audiences, self.report)
            yield
        if self.report.decided or not runs.previous_push_complete(self.home.store, self.order.run):
            sales.tell(self.home, self.destination, self.order.run, self.report)
        return None

    def spend(self) -> None:
        """What was approved is used up, as of `CrmPush.spend`."""
        if self.order.dry or self.name not in self.report.plans or not self.order.approved.lists(self.name):
            return
        left = questions.counts(self._differing(self._found(None), None).rest) if self._cut_short else {}
        self.order.approved.spend(self.name, left)

    @property
    def _cut_short(self) -> bool:
        return bool(self.ledger.deferred) or not self.through

    def _standing_now(self, plan: AdPlan) -> set[str]:
        """Audiences that have members, and of which nothing is held back."""
        return (self.audiences.keys() - plan.rest.held) & acknowledged.sizes(self.home.store, self.name).keys()

    def tell(self) -> None:
        """The audiences and how good they are, in the report; nothing where nobody was looked at."""
        if not self.audiences:
            return
        found = coverage(rows_of(self.home, self.destination))
        until = datetime.now(UTC) + self.destination.terms.effect if self.ledger.acknowledged else None
        self.report.ads[self.name] = {**found, "in_effect_by": until.isoformat(timespec="seconds") if until else None}
        if self.report.full or until:
            ends = f"; in effect by {until:%Y-%m-%d %H:%M} UTC" if until else ""
            self.report.notes.append(in_words(self.name, found) + ends)
        sizes, plan = acknowledged.sizes(self.home.store, self.name), self.report.plans.get(self.name, {})
        for name in sorted(sizes.keys() | plan.keys()):
            self._tell_of(name, sizes.get(name, 0), plan.get(name, {}))

    def _tell_of(self, name: str, size: int, change: Mapping[str, int]) -> None:
        label = self.audiences[name].label if name in self.audiences else name
        plain = {"purpose": "exclude", "label": label, "size": 0, "added": 0, "removed": 0, "excluded": {}}
        row = self.report.audiences.setdefault(name, plain)
        for column, count in (("size", size), ("added", change.get("add", 0)), ("removed", change.get("remove", 0))):
            row[column] += count

    def _whom(self) -> Collection[str] | None:
        """Persons who must be looked at; None: everybody."""
        home, number = self.home, self.order.run
        if self.order.dry:
            return None if self.order.everybody or self.report.full else _decided(home, number, self.report)
        doubted = upkeep.doubted(home, self.destination, number, self.report)
        if self.order.everybody or self.report.full or not runs.previous_push_complete(home.store, number):
            return None
        left = upkeep.leavers(home, self.destination, self.report.as_of)
        return doubted | left | _decided(home, number, self.report)

    def _planned_and_sent(self, of: Collection[str] | None) -> Steps:
        plan = self.plan = self._planned(of)
        self._enter(plan)
        if self.order.dry:
            self.ledger.defer_rest()
            return None
        waits = not self.order.protect and self._waits(plan)
        if self.whole is not None and not self.order.protect:
            found = self._less_withdrawals(self.whole, plan) if waits else self.whole
            upkeep.finish_broken(self.home, self.destination, found, self._standing_now(plan), self.report)
        leaving = withdrawn(self.home, plan.withdrawals) if self.report.doubted else plan.withdrawals
        first, last = self._batches(leaving)
        stopped = yield from self._send([*first, *last])
        if stopped is not None or self.order.protect:
            self.ledger.defer_rest()
            return stopped
        if waits:
            self.plan = self.whole = None
            self.ledger.defer_rest()
            return None
        try:
            rest = self._standing(plan.rest)
        except ListGone as gone:
            return gone
        self.plan = AdPlan(withdrawals=plan.withdrawals, rest=rest)
        self.ledger.deferred += rest.held_size
        labels = {name: audience.label for name, audience in self.audiences.items()}
        questions.hold(self.home, self.order.run, rest, self.report, labels)
        return (yield from self._send(self._batches(rest)[0]))

    def _waits(self, plan: AdPlan) -> bool:
        """Whether nothing but withdrawals may leave before a person has looked at the plan as a whole."""
        return bool(questions.whole(self.home, self.order.run, plan.rest, self.order.approved, self.report))

    def _less_withdrawals(self, found: Wanted, plan: AdPlan) -> Wanted:
        """What should hold until the rest of a plan may leave: what was acknowledged, less the withdrawals."""
        held = frozenset((name, who) for name, who, _ in acknowledged.members(self.home.store, self.name))
        out = {(name, who) for name, change in plan.withdrawals.lists.items() for who in change.remove}
        return replace(found, lists=held - out)

    def _planned(self, of: Collection[str] | None) -> AdPlan:
        found = self._found(of)
        self.whole = found if of is None else None
        plan = self._differing(found, of)
        if not self.order.dry:
            ad_members.remember(self.home.store, self.name, found.whose)
        return plan

    def _found(self, of: Collection[str] | None) -> Wanted:
        return wanted(self.home, self.destination, self.group, self.report.as_of, of)

    def _differing(self, found: Wanted, of: Collection[str] | None) -> AdPlan:
        approved = self.order.approved.lists(self.name)
        return ad_plan(self.home, self.destination, found, self.audiences, approved, self.report.as_of, of)

    def _standing(self, plan: Plan) -> Plan:
        """The plan less audiences that the platform does not have; the others stand from here on."""
        held = acknowledged.sizes(self.home.store, self.name).keys() if self.whole is not None else set[str]()
        named = [self.audiences[name].spec for name in sorted((plan.lists.keys() | held) & self.audiences.keys())]
        ensured = self.destination.ensure(named) if named else Ensured(ids={})
        refused = ensured.refused
        for name, reason in sorted(refused.items()):
            self.report.notes.append(f"{self.name}: there is no audience {name}; {reason}")
        refused_lists.drop(self.home.store, self.name, plan.lists.keys() - refused.keys())
        refused_lists.keep(self.home.store, self.name, refused, self.order.run)
        self.refused = frozenset(refused)
        standing = plan.without(refused.keys())
        self.ledger.planned -= sum(standing.refused.values())
        upkeep.notice_new(self.home, self.name, ensured.ids)
        return standing

    def _enter(self, plan: AdPlan) -> None:
        self.ledger.planned += plan.size
        summary = plan.rest.summary()
        for name, counts in plan.withdrawals.summary().items():
            of = summary.setdefault(name, {"add": 0, "remove": 0})
            of["remove"] += counts["remove"]
        self.report.keep_plan(self.name, summary)

    def _batches(self, plan: Plan) -> tuple[list[Delivery], list[Delivery]]:
        """Additions to our audiences, and removals from them."""
        size = self.destination.batch_size("membership")
        return deliveries(plan, self.audiences, {"membership": size, "properties": size})

    def _send(self, batches: Sequence[Delivery]) -> Steps:
        return delivering(self.destination, self.home.store, self.order.run, batches, self.ledger, self.progress)


def _decided(home: Home, number: int, report: Report) -> set[str]:
    """Persons whom this run decided again."""
    if not report.decided:
        return set()
    last = home.warehouse.last_decided()
    found = last.filter(last.run == number).select("person_id").to_pyarrow()
    return set(found["person_id"].to_pylist())
