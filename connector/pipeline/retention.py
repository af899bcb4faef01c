"""How long things are kept: what is older than the settings allow is deleted, here and nowhere else."""

from datetime import datetime, timedelta

from connector.home import Home
from connector.store import damage, forgetting, outbox, runs, told_sales
from connector.warehouse.expiring import expire

ADS = ("impression", "click")
"""Kinds that come in masses and say least."""
COPIES = timedelta(days=30)
"""How long the copies of the store stay that were made before an upgrade."""


def keep_no_longer(home: Home, now: datetime) -> dict[str, int]:
    """Delete what is too old at `now`; what -> how many rows, or files. Whoever calls it holds the home's lease.

    Order lines, contacts, consents and erasures have no age at which they go: they are the shop's books, or proofs.
    """
    part, warehouse, store = home.settings.retention, home.warehouse, home.store
    finished = [state for state, following in outbox.STATES.items() if not following]
    gone = {
        "impressions and clicks": expire(warehouse, ADS, now - timedelta(days=part.impression_days)),
        "site events": expire(warehouse, ADS, now - timedelta(days=part.event_days), but=True),
        "rejected rows": forgetting.forget_rejected_before(store, now - timedelta(days=part.rejected_days)),
        "finished batches": forgetting.forget_finished(store, finished, now - timedelta(days=part.outbox_days)),
        "reports of runs": runs.forget_reports_before(store, now - timedelta(days=part.outbox_days)),
        "copies of the store": damage.forget_copies_before(store.engine, now - COPIES),
        "sales told": told_sales.forget_before(store, now - timedelta(days=part.ledger_days)),
    }
    warehouse.tidy()
    return gone
