"""What lies ahead of a run in calls, told before they are made, against what the account's day still holds for us."""

from collections.abc import Callable
from datetime import UTC, timedelta

import structlog

from connector.model import DailyQuota
from connector.pipeline.report import Report
from connector.ports import CRM
from connector.store import Store, cursors

log = structlog.get_logger()

Told = Callable[[str], None]
"""Shows a sentence to whoever looks on."""


def before_pull(crm: CRM, store: Store, report: Report, told: Told) -> None:
    """Tell how many calls the pull will take, and note it where the day does not hold them.

    Raises:
        RetryLater: the CRM does not answer; the pull would not get further.
    """
    calls = crm.forecast({stream: cursors.load(store, crm.name, stream) for stream in crm.streams()})
    if calls is None:
        return
    crm.calls.forecast = calls
    _tell(crm, "pull", calls, report, told)


def before_push(crm: CRM, batches: int, report: Report, told: Told) -> None:
    """The same of a plan: a batch is a call at least. Suppressions are the first of them."""
    if batches:
        crm.calls.forecast = (crm.calls.forecast or 0) + batches
        _tell(crm, "push", batches, report, told)


def _tell(crm: CRM, stage: str, calls: int, report: Report, told: Told) -> None:
    quota = crm.calls.quota
    spare = f", {quota.spare:,} left above the reserve" if quota else ""
    told(f"{crm.name}: about {calls:,} calls ahead{spare}")
    log.info("calls_ahead", destination=crm.name, stage=stage, calls=calls, spare=quota.spare if quota else None)
    if quota and calls > quota.spare:
        report.notes.append(f"{crm.name}: {_short(stage, calls, quota)}")


def _short(stage: str, calls: int, quota: DailyQuota) -> str:
    days = -(-(calls - quota.spare) // max(1, quota.ours))
    first = "suppressions leave first, then " if stage == "push" else ""
    words = (
        f"the {stage} takes about {calls:,} calls, and {quota.spare:,} of the day's are ours to spend; {first}it stops"
    )
    if quota.resets_at is None:
        return f"{words} and goes on when the account has calls again"
    begins, done = quota.resets_at.astimezone(UTC), quota.resets_at.astimezone(UTC) + timedelta(days=days - 1)
    return f"{words} and goes on after {begins:%Y-%m-%d %H:%M} UTC; it will be done on {done:%Y-%m-%d}"
