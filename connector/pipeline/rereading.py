"""After a backup was restored: what destinations hold now is read, before it is planned what they should hold.

Our books are of the day of the backup. What was told since is there all the same, so each list is believed as it is,
and of contacts that changed since then it is read which of our properties stand on them.
"""

from datetime import datetime, timedelta

from connector.errors import ListGone
from connector.home import Home
from connector.model import Receipt
from connector.pipeline.ads.groups import ad_audiences
from connector.pipeline.ads.upkeep import LONG_AGO, REFRESHED
from connector.pipeline.pushing.drift import believe, take_over
from connector.pipeline.pushing.outgoing import audiences_of, bury_gone, contacts_of, scope
from connector.pipeline.report import Report
from connector.ports import CRM
from connector.push.plan import deliveries, difference
from connector.relations import at
from connector.store import acknowledged, stale
from connector.store.remotes import Remembered

MARGIN = timedelta(hours=1)
"""Clocks of ours and of a CRM may differ by less."""


def read_again(home: Home, crm: CRM, report: Report) -> bool:
    """Correct our books of a CRM by what it holds, where they are of a backup; whether they were.

    Raises RetryLater where it cannot be read now; what was read stays corrected, and the next run begins again.
    """
    since = stale.since(home.store, crm.name)
    if since is None:
        return False
    bury_gone(home, crm.name, report.number, None)
    audiences = audiences_of(home)
    take_over(home, crm, crm.ensure([audience.spec for audience in audiences.values()]).ids)
    for name in sorted({*audiences, *acknowledged.sizes(home.store, crm.name)}):
        try:
            believe(home, crm, name, report.number)
        except ListGone:  # whatever was in it
            acknowledged.forget_list(home.store, crm.name, name)
    _read_properties(home, crm, since, report)
    stale.clear(home.store, crm.name)
    report.notes.append(f"{crm.name}: lists and properties were read again, since our books came from a backup")
    return True


def _read_properties(home: Home, crm: CRM, since: datetime, report: Report) -> None:
    """Whatever we write moves a contact's modification time: only those that moved since may carry what we forgot."""
    contact = home.warehouse.current("contact")
    moved = contact.filter(contact.crm == crm.name, contact.version >= at(since - MARGIN))
    alive = contacts_of(home, crm.name).semi_join(moved.select(member="crm_id"), "member")
    members = set(alive.select("member").to_pyarrow()["member"].to_pylist())
    acknowledged.doubt_profiles(home.store, crm.name, members, report.number)
    plan = difference(crm.name, scope(home, crm.name, members))
    sizes = {kind: crm.batch_size(kind) for kind in ("membership", "properties")}
    first, last = deliveries(plan, audiences_of(home), sizes)
    for delivery in (*first, *last):
        if delivery.kind == "properties":
            held = Receipt(written=crm.read_back(delivery).written)  # what does not hold was refused by nobody
            with home.store.begin() as connection:
                acknowledged.record(connection, delivery, held, report.number)


def say_again(home: Home, report: Report) -> None:
    """Have the audiences of ad platforms said again whole by the coming push, where our books are of a backup: nobody
    can be asked who is in them."""
    for platform in home.ads:
        if stale.since(home.store, platform.name) is not None:
            remembered = Remembered(home.store, platform.name)
            for name in {*ad_audiences(home, platform), *acknowledged.sizes(home.store, platform.name)}:
                remembered.put(REFRESHED, name, LONG_AGO)
            stale.clear(home.store, platform.name)
            report.notes.append(f"{platform.name}: audiences are said again whole, since our books came from a backup")
