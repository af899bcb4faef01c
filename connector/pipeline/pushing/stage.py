"""The push of a run: what protects people leaves for every destination before anything that adds people anywhere, and
no destination waits for another that is slow, down, out of quota or refuses."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from connector.decide.membership.consent import tally
from connector.errors import EndPass, LamplighterError, RetryLater
from connector.home import Home
from connector.pipeline import rereading
from connector.pipeline.ads.platform import Platform
from connector.pipeline.ads.taking_part import platforms
from connector.pipeline.breaking import Breakers
from connector.pipeline.options import Options, Watcher
from connector.pipeline.pushing.crm import CrmPush, Order, unasked
from connector.pipeline.pushing.turns import Turns
from connector.pipeline.report import Report
from connector.ports import CRM
from connector.store import acknowledged, outbox

Pushing = CrmPush | Platform


def push_stage(
    home: Home, order: Order, options: Options, report: Report, watcher: Watcher, breakers: Breakers
) -> list[LamplighterError]:
    """Bring every destination up to date, or plan it where the order is dry.

    Returns:
        What the admin must mend.

    Raises:
        EndPass: the pass is to end here; whatever is not done is deferred.
    """
    if not order.dry:
        outbox.give_up_pending(home.store, "the run ended before this batch was sent")
        rereading.say_again(home, report)
    decided = options.only != "push"
    ads = platforms(home, order, report, watcher.pushed, breakers, decided=decided)
    crms = [_of_crm(home, crm, order, report, watcher, breakers) for crm in home.crms]
    if report.only_protect:
        report.note(_what_waits(report))
    stage = _Stage(report, breakers)
    try:
        stage.go(crms, ads)
    except EndPass:
        stage.defer_all([*crms, *ads])
        _tell(home, crms, ads, order, report)
        raise
    _tell(home, crms, ads, order, report)
    return stage.refusals


def _tell(home: Home, crms: Sequence[CrmPush], ads: Sequence[Platform], order: Order, report: Report) -> None:
    for crm in crms:
        crm.spend()
        crm.tell()
        _show(home, crm.name, order, report)
    for platform in ads:
        platform.spend()
        platform.tell()


def _of_crm(home: Home, crm: CRM, order: Order, report: Report, watcher: Watcher, breakers: Breakers) -> CrmPush:
    alone = breakers.left_alone(crm.name)
    told = unasked(order) if alone else order
    return CrmPush(home, crm, told, report, watcher.pushed, watcher.told, left_alone=alone)


def _what_waits(report: Report) -> str:
    return (
        f"only what protects people is sent ({'; '.join(report.only_protect)}): who comes into a list, who leaves an "
        "exclusion, properties and sales wait, since an opt-out or a purchase may not be known yet"
    )


@dataclass
class _Stage:
    """The phases, and how each destination ended."""

    report: Report
    breakers: Breakers
    refusals: list[LamplighterError] = field(default_factory=list)

    def go(self, crms: list[CrmPush], ads: list[Platform]) -> None:
        turns = Turns(self.breakers, several=len(crms) + len(ads) > 1)
        first: list[Pushing] = [*ads, *crms]
        well = {one.name for one in turns.take(first, lambda one: one.suppress(), self._ended)}
        then: list[Pushing] = [*crms, *ads]
        later = [one for one in then if one.name in well]
        well = {one.name for one in turns.take(later, lambda one: one.admit(), self._ended)}
        turns.take([one for one in ads if one.name in well], lambda one: one.keep_up(), self._ended)

    def defer_all(self, works: Sequence[Pushing]) -> None:
        """The pass ends here: what has no end yet waits."""
        for one in works:
            one.ledger.defer_rest()

    def _ended(self, work: Pushing, outcome: LamplighterError | None) -> bool:
        """Whether the work goes on to the next phase; else the books say what waits, and the notes why."""
        if outcome is None:
            return True
        work.ledger.defer_rest()
        if isinstance(outcome, RetryLater):
            self.report.cut_short(work.name, outcome)
            self.report.status = "deferred"
            self.breakers.failed(work.name, outcome)
        else:
            self.report.note(f"{work.name}: {outcome}")
            self.refusals.append(outcome)
        return False


def _show(home: Home, destination: str, order: Order, report: Report) -> None:
    sizes = acknowledged.sizes(home.store, destination)
    plan, barred = report.plans.get(destination, {}), tally(home.warehouse.derived("excluded"))
    for name, audience in order.audiences.items():
        if name in sizes or name in plan or name in barred:
            plain = {"purpose": str(audience.purpose), "label": audience.label, "size": 0, "added": 0, "removed": 0}
            row = report.audiences.setdefault(name, {**plain, "excluded": barred.get(name, {})})
            row["size"] += sizes.get(name, 0)
            row["added"] += plan.get(name, {}).get("add", 0)
            row["removed"] += plan.get(name, {}).get("remove", 0)
