"""Pushing to one CRM within a run: settle, plan, guard, deliver; a list deleted by somebody is filled anew."""

from collections.abc import Mapping
from dataclasses import dataclass

from connector.errors import ListGone, RetryLater
from connector.home import Home
from connector.model import Audience
from connector.pipeline.outgoing import bury_gone, decided_members, scope
from connector.pipeline.report import Report
from connector.ports import CRM
from connector.push.deliver import Ledger, Progress, deliver
from connector.push.plan import Plan, deliveries, difference, guarded
from connector.store import acknowledged, approvals, runs
from connector.store.remotes import Remembered

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


def plan_for(home: Home, crm: CRM, order: Order, *, everyone: bool) -> Plan:
    """What this CRM should change now, for everyone or for those whom this run decided."""
    of = None if everyone else decided_members(home, crm.name, order.run)
    bury_gone(home, crm.name, order.run, of)
    if of is not None:  # there is news of them: what was refused is worth another try
        acknowledged.forget_refusals(home.store, crm.name, of)
    plan = difference(crm.name, scope(home, crm.name, of))
    return guarded(plan, order.audiences, acknowledged.sizes(home.store, crm.name), order.approved)


def push_to(home: Home, crm: CRM, order: Order, report: Report, progress: Progress) -> None:
    """Bring one CRM up to date, or plan it where the order is dry. Books, plan and notes go into the report."""
    ledger = Ledger()
    report.books[f"{crm.name}:push"] = ledger
    everyone = order.everybody or report.full or not runs.previous_push_complete(home.store, order.run)
    if not everyone and not report.decided:
        return
    stopped = _push(home, crm, order, report, ledger, progress, everyone=everyone)
    gone: set[str] = set()
    while isinstance(stopped, ListGone) and stopped.audience not in gone:
        gone.add(stopped.audience)
        report.notes.append(f"{crm.name}: the list {stopped.audience} was deleted; a new one is filled")
        _forget_list(home, crm, stopped.audience)
        ledger.planned -= ledger.deferred  # the next plan carries them again
        ledger.deferred = 0
        stopped = _push(home, crm, order, report, ledger, progress, everyone=True)
    if stopped is not None:
        report.notes.append(f"{crm.name}: {stopped}")


def _forget_list(home: Home, crm: CRM, audience: str) -> None:
    acknowledged.forget_list(home.store, crm.name, audience)
    Remembered(home.store, crm.name).put("list", audience, "")


def _push(
    home: Home, crm: CRM, order: Order, report: Report, ledger: Ledger, progress: Progress, *, everyone: bool
) -> RetryLater | None:
    plan = plan_for(home, crm, order, everyone=everyone)
    _enter(plan, report, ledger)
    if order.dry:
        ledger.defer_rest()
        return None
    if plan.held:
        _hold(home, plan, order, report)
    if plan.size == plan.held_size:
        return None
    try:
        crm.provision()
        crm.ensure([order.audiences[name].spec for name in _to_ensure(plan, order)])
    except RetryLater as error:
        ledger.defer_rest()
        return error
    batches = deliveries(plan, order.audiences, {kind: crm.batch_size(kind) for kind in KINDS})
    return deliver(crm, home.store, order.run, batches, ledger, progress)


def _to_ensure(plan: Plan, order: Order) -> list[str]:
    return [name for name in plan.lists if name in order.audiences]


def _enter(plan: Plan, report: Report, ledger: Ledger) -> None:
    ledger.planned += plan.size
    ledger.deferred += plan.held_size
    summary = dict(plan.summary())
    if plan.properties:
        summary[""] = {"properties": len(plan.properties)}
    report.plans[plan.destination] = summary


def _hold(home: Home, plan: Plan, order: Order, report: Report) -> None:
    held = {name: counts for name, counts in plan.summary().items() if name in plan.held}
    approvals.ask(home.store, plan.id, order.run, held)
    report.held.append(plan.id)
    for name, counts in held.items():
        report.notes.append(
            f"{plan.destination}: {name} would gain {counts['add']:,} and lose {counts['remove']:,}, more than its "
            f"guard allows; look at it, then: lamplighter run --approve {plan.id}"
        )
