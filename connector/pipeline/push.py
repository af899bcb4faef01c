"""Pushing to one CRM within a run: plan, guard, deliver, suppressions first; deleted lists are brought back."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import MappingProxyType

from connector.errors import ListGone, RetryLater
from connector.home import Home
from connector.model import Audience, Delivery
from connector.pipeline.drift import believe, bring_back, filled, lose, lost, take_over
from connector.pipeline.outgoing import bury_gone, decided_members, scope
from connector.pipeline.quota import Told, before_push
from connector.pipeline.report import Report
from connector.ports import CRM
from connector.push.deliver import Ledger, Progress, deliver
from connector.push.plan import Plan, deliveries, difference, guarded
from connector.store import acknowledged, approvals, refused_lists, runs

KINDS = ("membership", "properties")


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a push is told.

    Attributes:
        run: number of the run.
        audiences: by name, those of one family each included.
        approved: audience -> changes that a person has approved.
        dry: plan only.
        everybody: plan for everybody even where only some were decided again.
    """

    run: int
    audiences: Mapping[str, Audience]
    approved: Mapping[str, int]
    dry: bool
    everybody: bool = False


def push_to(home: Home, crm: CRM, order: Order, report: Report, progress: Progress, told: Told) -> None:
    """Bring one CRM up to date, or plan it where the order is dry. Books, plan and notes go into the report."""
    ledger = report.books[f"{crm.name}:push"] = Ledger()
    news = decided_members(home, crm.name, order.run) if report.decided and not report.full else set[str]()
    acknowledged.forget_refusals(home.store, crm.name, news)  # worth another try
    everybody = order.everybody or report.full or not runs.previous_push_complete(home.store, order.run)
    everybody = everybody or acknowledged.corrected(home.store, crm.name, order.run)
    everybody = (not order.dry and _moved_lists(home, crm, order, report)) or everybody
    push = _Push(home, crm, order, report, progress, told, ledger)
    if everybody or report.decided:
        push.whole(None if everybody else news)
    push.tell_refused()


def _moved_lists(home: Home, crm: CRM, order: Order, report: Report) -> bool:
    """Whether a list that our books speak of is another now, or is back; who is in that one is read. No call where all
    stand."""
    back = lost(home, crm)
    held = acknowledged.sizes(home.store, crm.name).keys() | filled(home, crm).keys() | back
    refused = refused_lists.reasons(home.store, crm.name).keys()
    names = sorted((held & order.audiences.keys()) - refused)
    ensured = crm.ensure([order.audiences[name].spec for name in names])
    for name in ensured.refused:
        lose(home, crm, name)
    refused_lists.keep(home.store, crm.name, ensured.refused, order.run)
    moved = take_over(home, crm, ensured.ids)
    for name in sorted(moved):
        with suppress(ListGone):  # its first change brings it back
            believe(home, crm, name, order.run)
    silent = sorted(
        name for name in moved - back if not any(f"the list {name} was deleted" in note for note in report.notes)
    )
    if silent:
        report.notes.append(
            f"{crm.name}: {', '.join(silent)} are kept in another place than before and filled there; the lists before "
            "are not kept up to date any more: delete them"
        )
    return bool(moved)


def hold(home: Home, run: int, plan: Plan, report: Report, labels: Mapping[str, str] = MappingProxyType({})) -> None:
    """Keep what a guard holds back until somebody approves it, and say so, once.

    Args:
        labels: audience -> what people call it; else it goes by its name.
    """
    if not plan.held or plan.id in report.held:
        return
    held = {name: counts for name, counts in plan.summary().items() if name in plan.held}
    approvals.ask(home.store, plan.id, run, held)
    report.held.append(plan.id)
    for name, counts in held.items():
        report.notes.append(
            f"{plan.destination}: {labels.get(name, name)} would gain {counts['add']:,} and lose {counts['remove']:,}, "
            f"more than its guard allows; look at it, then: lamplighter run --approve {plan.id}"
        )


@dataclass(frozen=True)
class _Push:
    """One push on its way."""

    home: Home
    crm: CRM
    order: Order
    report: Report
    progress: Progress
    told: Told
    ledger: Ledger
    left_out: dict[str, int] = field(default_factory=dict)

    def whole(self, of: set[str] | None) -> None:
        """Push to the named members, or to everybody; again where a list turned out to be gone, each at most once."""
        stopped, gone = self._once(of), set[str]()
        while isinstance(stopped, ListGone) and stopped.audience not in gone:
            gone.add(stopped.audience)
            bring_back(self.home, self.crm, stopped.audience, self.order.audiences, self.order.run, self.report)
            self.ledger.planned = self.ledger.acknowledged + self.ledger.rejected  # the next plan has the rest
            self.ledger.deferred = 0
            stopped = self._once(None)
        if stopped is not None:
            self.report.cut_short(self.crm.name, stopped)

    def _once(self, of: set[str] | None) -> RetryLater | None:
        plan = self._planned(of)
        try:
            plan = plan.without(self._refused(plan, ask=of is None))
        except RetryLater as error:
            self._enter(plan)
            self.ledger.defer_rest()
            return error
        self._enter(plan)
        if self.order.dry:
            self.ledger.defer_rest()
            return None
        hold(self.home, self.order.run, plan, self.report)
        return self._deliver(plan)

    def _planned(self, of: set[str] | None) -> Plan:
        """What this CRM should change now."""
        bury_gone(self.home, self.crm.name, self.order.run, of)
        plan = difference(self.crm.name, scope(self.home, self.crm.name, of))
        sizes = acknowledged.sizes(self.home.store, self.crm.name)
        return guarded(plan, self.order.audiences, sizes, self.order.approved)

    def _refused(self, plan: Plan, *, ask: bool) -> set[str]:
        """Lists of the plan that the CRM does not have; the others stand from here on.

        A list that was refused before is asked for again where `ask` says so: only then is everybody planned who
        belongs into it.
        """
        known = refused_lists.reasons(self.home.store, self.crm.name)
        if self.order.dry:
            return known.keys() & plan.lists.keys()
        asked = [name for name in plan.lists if name in self.order.audiences and (ask or name not in known)]
        ensured = self.crm.ensure([self.order.audiences[name].spec for name in asked])
        take_over(self.home, self.crm, ensured.ids)
        refused_lists.drop(self.home.store, self.crm.name, known.keys() & ensured.ids.keys())
        refused_lists.keep(self.home.store, self.crm.name, ensured.refused, self.order.run)
        return ensured.refused.keys() | (known.keys() & plan.lists.keys() - ensured.ids.keys())

    def _enter(self, plan: Plan) -> None:
        """The books of a plan. Changes of refused lists are not in them: nothing can carry these out."""
        self.ledger.planned += plan.size
        self.ledger.deferred += plan.held_size
        summary = dict(plan.summary())
        if plan.properties:
            summary[""] = {"properties": len(plan.properties)}
        self.report.plans[plan.destination] = summary
        self.left_out.update(plan.refused)

    def tell_refused(self) -> None:
        """Say of every list that is not there why; those that nobody wants any more are forgotten."""
        reasons = refused_lists.reasons(self.home.store, self.crm.name)
        refused_lists.drop(self.home.store, self.crm.name, reasons.keys() - self.order.audiences.keys())
        for name in reasons.keys() & self.order.audiences.keys():
            changes = f"{self.left_out[name]:,} changes are left out: " if name in self.left_out else ""
            self.report.notes.append(f"{self.crm.name}: there is no list {name}; {changes}{reasons[name]}")

    def _deliver(self, plan: Plan) -> RetryLater | None:
        """Suppressions of all lists, then properties, then whoever comes in. Only properties need provisions."""
        sizes = {kind: self.crm.batch_size(kind) for kind in KINDS}
        first, rest = deliveries(plan, self.order.audiences, sizes)
        before_push(self.crm, len(first) + len(rest), self.report, self.told)
        stopped = self._send(first, before=0, after=len(rest))
        if stopped is None and plan.properties:
            stopped = self._provision()
        stopped = stopped or self._send(rest, before=len(first), after=0)
        if stopped is not None:
            self.ledger.defer_rest()
        return stopped

    def _provision(self) -> RetryLater | None:
        try:
            self.crm.provision()
        except RetryLater as error:
            return error
        return None

    def _send(self, batches: Sequence[Delivery], *, before: int, after: int) -> RetryLater | None:
        def sent(destination: str, done: int, total: int) -> None:
            self.progress(destination, before + done, before + total + after)

        return deliver(self.crm, self.home.store, self.order.run, batches, self.ledger, sent)
