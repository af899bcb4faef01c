"""Pushing to one CRM within a run: plan, guard, suppressions, and later the rest; deleted lists are brought back."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from connector.errors import ListGone, RetryLater
from connector.home import Home
from connector.model import Audience, Delivery
from connector.pipeline import rereading
from connector.pipeline.guards import questions
from connector.pipeline.guards.protecting import protecting
from connector.pipeline.pulling import sweeping
from connector.pipeline.pushing.drift import believe, bring_back, filled, lose, lost, take_over
from connector.pipeline.pushing.outgoing import bury_gone, decided_members, scope
from connector.pipeline.quota import Told, before_push
from connector.pipeline.report import Report
from connector.ports import CRM
from connector.push.deliver import Ledger, Progress, Steps, delivering, settle
from connector.push.plan import Plan, deliveries, difference, guarded
from connector.store import acknowledged, refused_lists, runs

KINDS = ("membership", "properties")


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a push is told.

    Attributes:
        run: number of the run.
        audiences: by name, those of one family each included.
        approved: what people have approved.
        dry: plan only.
        everybody: plan for everybody even where only some were decided again.
        protect: only what protects people may leave; the rest is planned and waits.
        sweeps: as of `run.Options`.
    """

    run: int
    audiences: Mapping[str, Audience]
    approved: questions.Approvals
    dry: bool
    everybody: bool = False
    protect: bool = False
    sweeps: Sequence[str] = ()


def unasked(order: Order) -> Order:
    """The order for a destination that is left alone: what it should change is planned by what we know, and waits."""
    return replace(order, dry=True)


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


@dataclass
class CrmPush:
    """One CRM on its way, in two phases. Books, plan and notes go into the report.

    Attributes:
        left_alone: the CRM is asked for nothing; what it should change is planned by what we know.
        later: batches of what does not suppress, of the last plan; None: to be planned.
        gone: lists that turned out to be gone; each is brought back once.
        through: all that was planned and allowed has left.
    """

    home: Home
    crm: CRM
    order: Order
    report: Report
    progress: Progress
    told: Told
    left_alone: bool = False
    ledger: Ledger = field(default_factory=Ledger)
    left_out: dict[str, int] = field(default_factory=dict)
    later: list[Delivery] | None = None
    gone: set[str] = field(default_factory=set)
    through: bool = False
    _read_back: bool = False
    _sent: int = 0

    @property
    def name(self) -> str:
        return self.crm.name

    def suppress(self) -> Steps:
        """Settle what is open, plan, and take out of mail and retargeting or put into exclusions whoever must be."""
        self.report.books[f"{self.name}:push"] = self.ledger
        self.ledger.plan_anew()
        self.later = None
        if not self.left_alone:
            self._look()
        everybody, news = self._whom()
        if not everybody and not self.report.decided:
            self.later = []
            return None
        stopped = yield from self._suppressed(None if everybody else news)
        return (yield from self._brought_back(stopped, admit=False))

    def admit(self) -> Steps:
        """Properties, and whoever comes in."""
        if self.later is None:  # it rested in the middle of this
            stopped = yield from self.suppress()
            if stopped is not None:
                return stopped
        stopped = yield from self._brought_back((yield from self._admitted()), admit=True)
        self.through = stopped is None
        return stopped

    def _look(self) -> None:
        """What became of open batches, and who is in our lists where it is time to look."""
        settle(self.crm, self.home.store, self.order.run)
        if not self.order.dry and rereading.read_again(self.home, self.crm, self.report):
            self.order, self._read_back = replace(self.order, everybody=True), True
        due = sweeping.chosen(self.home, self.crm, self.order.sweeps, self.report.as_of)
        if sweeping.MEMBERSHIPS in due and not self.order.dry and not self._read_back:
            sweeping.read_back(self.home, self.crm, self.report)
            self._read_back = True

    def _whom(self) -> tuple[bool, set[str]]:
        """Whether everybody is planned for, and else those who were decided again."""
        home, order, report = self.home, self.order, self.report
        news = decided_members(home, self.name, order.run) if report.decided and not report.full else set[str]()
        acknowledged.forget_refusals(home.store, self.name, news)  # worth another try
        everybody = order.everybody or report.full or not runs.previous_push_complete(home.store, order.run)
        everybody = everybody or acknowledged.corrected(home.store, self.name, order.run)
        return (not order.dry and _moved_lists(home, self.crm, order, report)) or everybody, news

    def _brought_back(self, stopped: RetryLater | None, *, admit: bool) -> Steps:
        """Go on where a list turned out to be gone: it is brought back, and everybody planned for anew."""
        while isinstance(stopped, ListGone) and stopped.audience not in self.gone:
            self.gone.add(stopped.audience)
            bring_back(self.home, self.crm, stopped.audience, self.order.audiences, self.order.run, self.report)
            self.ledger.plan_anew()
            stopped = yield from self._suppressed(None)
            if stopped is None and admit:
                stopped = yield from self._admitted()
        return stopped

    def _suppressed(self, of: set[str] | None) -> Steps:
        self.later = None
        whole = self._planned(of)
        allowed = plan = whole if self.order.dry else self._allowed(whole)
        try:
            plan = plan.without(self._refused(plan, ask=of is None))
        finally:
            self._enter(plan)
            self._enter_rest(whole, whole.size - allowed.size)
        if self.order.dry:
            self.later = []
            self.ledger.defer_rest()
            return None
        questions.hold(self.home, self.order.run, plan, self.report)
        sizes = {kind: self.crm.batch_size(kind) for kind in KINDS}
        first, later = deliveries(plan, self.order.audiences, sizes)
        if self.order.protect:
            self.ledger.deferred += sum(batch.size for batch in later)
            later = []
        before_push(self.crm, len(first) + len(later), self.report, self.told)
        stopped = yield from self._send(first, before=0, after=len(later))
        self._sent = len(first)
        self.later = later if stopped is None else None
        return stopped

    def _admitted(self) -> Steps:
        """Only properties need provisions. What is sent is not kept: after a rest it is planned anew."""
        batches, self.later = self.later or [], None
        if any(batch.kind == "properties" for batch in batches):
            self.crm.provision()
        return (yield from self._send(batches, before=self._sent, after=0))

    def _planned(self, of: set[str] | None) -> Plan:
        """What this CRM should change now."""
        bury_gone(self.home, self.name, self.order.run, of)
        plan = difference(self.name, scope(self.home, self.name, of))
        sizes = acknowledged.sizes(self.home.store, self.name)
        return guarded(plan, self.order.audiences, sizes, self.order.approved.lists(self.name))

    def _allowed(self, plan: Plan) -> Plan:
        """What of a plan may leave before a person has looked at it as a whole."""
        if self.report.doubted:
            return protecting(self.home, plan, self.order.audiences)
        asks = questions.whole(self.home, self.order.run, plan, self.order.approved, self.report)
        if asks == questions.FIRST:  # nobody comes in anywhere; lists may be full all the same
            return protecting(self.home, plan, {})
        return protecting(self.home, plan, self.order.audiences) if asks else plan

    def _refused(self, plan: Plan, *, ask: bool) -> set[str]:
        """Lists of the plan that the CRM does not have; the others stand from here on.

        A list that was refused before is asked for again where `ask` says so: only then is everybody planned who
        belongs into it.
        """
        known = refused_lists.reasons(self.home.store, self.name)
        if self.order.dry:
            return known.keys() & plan.lists.keys()
        asked = [name for name in plan.lists if name in self.order.audiences and (ask or name not in known)]
        ensured = self.crm.ensure([self.order.audiences[name].spec for name in asked])
        take_over(self.home, self.crm, ensured.ids)
        refused_lists.drop(self.home.store, self.name, known.keys() & ensured.ids.keys())
        refused_lists.keep(self.home.store, self.name, ensured.refused, self.order.run)
        return ensured.refused.keys() | (known.keys() & plan.lists.keys() - ensured.ids.keys())

    def _enter(self, plan: Plan) -> None:
        """The books of a plan. Changes of refused lists are not in them: nothing can carry these out."""
        self.ledger.planned += plan.size
        self.ledger.deferred += plan.held_size
        summary = dict(plan.summary())
        if plan.properties:
            summary[""] = {"properties": len(plan.properties)}
        self.report.keep_plan(plan.destination, summary)
        self.left_out.update(plan.refused)

    def _enter_rest(self, whole: Plan, size: int) -> None:
        """What of a plan waits for a person."""
        if size:
            self.ledger.planned += size
            self.ledger.deferred += size
            self.report.keep_plan(whole.destination, questions.counts(whole))

    def spend(self) -> None:
        """What was approved is used up, but for what a push that was cut short has left of it; one that failed
        before it had a plan took nothing."""
        if self.order.dry or self.name not in self.report.plans or not self.order.approved.lists(self.name):
            return
        left = questions.counts(self._planned(None)) if self.ledger.deferred or not self.through else {}
        self.order.approved.spend(self.name, left)

    def tell(self) -> None:
        """Say of every list that is not there why; those that nobody wants any more are forgotten."""
        reasons = refused_lists.reasons(self.home.store, self.name)
        refused_lists.drop(self.home.store, self.name, reasons.keys() - self.order.audiences.keys())
        for name in reasons.keys() & self.order.audiences.keys():
            changes = f"{self.left_out[name]:,} changes are left out: " if name in self.left_out else ""
            self.report.notes.append(f"{self.name}: there is no list {name}; {changes}{reasons[name]}")

    def _send(self, batches: Sequence[Delivery], *, before: int, after: int) -> Steps:
        def sent(destination: str, done: int, total: int) -> None:
            self.progress(destination, before + done, before + total + after)

        return delivering(self.crm, self.home.store, self.order.run, batches, self.ledger, sent)
