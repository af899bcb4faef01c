"""What keeps ad platforms right over time: answers that came late, refreshes, audiences that nobody needs any more."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from connector.errors import ListGone
from connector.home import Home
from connector.model import Audience
from connector.pipeline.ads.groups import ADS
from connector.pipeline.ads.people import Wanted
from connector.pipeline.report import Report
from connector.ports import AdDestination
from connector.push.deliver import Ledger
from connector.relations import at
from connector.store import acknowledged, ad_members
from connector.store.remotes import LABEL, Remembered

REFRESHED, UNWANTED, STANDING = "ads_refreshed", "ads_unwanted", "ads_standing"
WINDOW, CHECKED, FAILED = "window", "checked", "failed"
LONG_AGO = datetime.min.replace(tzinfo=UTC).isoformat()
PATIENCE = 3
"""So many runs after each other say again at once what a platform accepted and then failed; then once a day."""


def doubted(home: Home, platform: AdDestination, number: int, report: Report) -> set[str]:
    """Persons of match keys that may be in or out, since a batch was never answered or failed after it was accepted."""
    members = ad_members.doubt_unsettled(home.store, platform.name, number)
    kept, again = Remembered(home.store, platform.name), set[str]()
    times = int(kept.get(ADS, FAILED) or 0)
    failed = platform.confirm(lambda told: again.update(_doubt(home, kept, platform.name, told, number)))
    if failed or times:
        kept.put(ADS, FAILED, str(times + 1) if failed else "")
    if failed:
        report.notes.append(_failed(platform.name, failed))
    if times < PATIENCE:
        members |= again
    return set(ad_members.persons_of(home.store, platform.name, members).values())


def _doubt(home: Home, kept: Remembered, platform: str, failed: Mapping[str, str], number: int) -> set[str]:
    """Note what failed; returns the match keys in doubt."""
    if not failed:
        return set()
    again, others = ad_members.doubt_failed(home.store, platform, failed, number)
    for name in kept.all(REFRESHED):
        if any(name in other for other in others):  # what failed was said in a refresh: that is due again
            kept.put(REFRESHED, name, LONG_AGO)
    return again


def notice_new(home: Home, platform: str, ids: Mapping[str, str]) -> None:
    """Raises ListGone where an audience was made anew that our books speak of: nobody is in it yet."""
    kept = Remembered(home.store, platform)
    known, sizes = kept.all(STANDING), acknowledged.sizes(home.store, platform)
    for name, remote_id in sorted(ids.items()):
        if known.get(name) != remote_id:
            kept.put(STANDING, name, remote_id)
            if name in known and name in sizes:
                raise ListGone(name)


def _failed(platform: str, failed: Mapping[str, str]) -> str:
    words = "; ".join(sorted(set(failed.values()))[:3])
    return f"{platform}: {len(failed):,} changes were accepted, failed later, and are said again: {words}"


def leavers(home: Home, platform: AdDestination, as_of: datetime) -> set[str]:
    """Persons whose last purchase has become too old for the account's audience since we last looked."""
    kept = Remembered(home.store, platform.name)
    due, checked = kept.get(ADS, WINDOW), kept.get(ADS, CHECKED)
    if not due or not checked or datetime.fromisoformat(due) > as_of:
        return set()
    window, out = home.audiences.policy.ads.account_window, home.warehouse.derived("suppression")
    since = datetime.fromisoformat(checked) - window
    old = out.filter(out.since > at(since), out.since <= at(as_of - window)).select("person_id").distinct()
    return set(old.to_pyarrow()["person_id"].to_pylist())


def mark_window(home: Home, platform: AdDestination, as_of: datetime) -> None:
    """Remember when the next person leaves the account's audience by the mere passing of time."""
    window, out = home.audiences.policy.ads.account_window, home.warehouse.derived("suppression")
    oldest = out.filter(out.since > at(as_of - window)).since.min().to_pyarrow().as_py()
    kept = Remembered(home.store, platform.name)
    kept.put(ADS, CHECKED, as_of.isoformat())
    kept.put(ADS, WINDOW, (oldest + window).isoformat() if oldest else "")


def refresh_due(home: Home, platform: AdDestination, found: Wanted, names: Collection[str], report: Report) -> None:
    """Say audiences again whole that were not for `policy.ads.refresh`; each new one first after that time.

    Args:
        found: of everybody.
        names: audiences that stand and of which nothing is held back.
    """
    kept = Remembered(home.store, platform.name)
    refused, ledger = acknowledged.refusals(home.store, platform.name), _book(platform.name, report)
    for name in sorted(names):
        last = kept.get(REFRESHED, name)
        if last and report.as_of - datetime.fromisoformat(last) >= home.audiences.policy.ads.refresh:
            members = sorted(one for audience, one in found.lists if audience == name and (name, one) not in refused)
            if members or last == LONG_AGO:  # who is wanted no more may be in one that broke off
                report.books[f"{platform.name}:refresh"] = ledger
                _refresh(home, platform, name, members, ledger, report.number, sure=last != LONG_AGO)
            last = ""
        if not last:
            kept.put(REFRESHED, name, report.as_of.isoformat())


def _book(platform: str, report: Report) -> Ledger:
    """The one of all refreshes of a run; what was broken off in them is said again."""
    book = report.books.get(f"{platform}:refresh")
    ledger = book if isinstance(book, Ledger) else Ledger()
    ledger.plan_anew()
    return ledger


def finish_broken(home: Home, platform: AdDestination, found: Wanted, names: Collection[str], report: Report) -> None:
    """Say audiences again first whose refresh was broken off or failed: until then a platform may take no change, and
    may come to hold only those who were said before it broke off."""
    last = Remembered(home.store, platform.name).all(REFRESHED)
    refresh_due(home, platform, found, {name for name in names if last.get(name) == LONG_AGO}, report)


def _refresh(
    home: Home, platform: AdDestination, name: str, members: Sequence[str], ledger: Ledger, number: int, *, sure: bool
) -> None:
    """Say one audience again. `sure`: the books of it are good as far as they go."""
    sure = sure and acknowledged.members_of(home.store, platform.name, name) == dict.fromkeys(members, True)
    ledger.planned += len(members)
    try:
        receipt = platform.refresh(name, _parts(members, platform.batch_size("membership")), sure=sure)
    except ListGone:
        acknowledged.forget_list(home.store, platform.name, name)  # the next run makes it anew
        raise
    finally:
        ledger.defer_rest()
    ad_members.replace_audience(home.store, platform.name, name, receipt, number)
    ledger.acknowledged += len(receipt.added)
    ledger.rejected += len(receipt.rejected)
    ledger.defer_rest()


def _parts(members: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (members[start : start + size] for start in range(0, len(members), size))


def retire(home: Home, platform: AdDestination, audiences: Mapping[str, Audience], report: Report) -> None:
    """Delete audiences that no group has wanted for `policy.ads.grace`; until then they keep whom they hold."""
    kept = Remembered(home.store, platform.name)
    unwanted, labels = kept.all(UNWANTED), kept.all(LABEL)
    held = acknowledged.sizes(home.store, platform.name).keys() | kept.all(REFRESHED).keys()
    for name in sorted(unwanted.keys() & audiences.keys()):
        kept.put(UNWANTED, name, "")
    for name in sorted(held & audiences.keys()):
        if labels.get(name) != audiences[name].label:
            kept.put(LABEL, name, audiences[name].label)
    for name in sorted(held - audiences.keys()):
        if name not in unwanted:
            kept.put(UNWANTED, name, report.as_of.isoformat())
        elif report.as_of - datetime.fromisoformat(unwanted[name]) >= home.audiences.policy.ads.grace:
            platform.drop(name)
            acknowledged.forget_list(home.store, platform.name, name)
            for kind in (UNWANTED, REFRESHED, STANDING, LABEL):
                kept.put(kind, name, "")
            label = labels.get(name, name)
            report.notes.append(f"{platform.name}: the audience {label} is deleted: no group has wanted it for a while")
    ad_members.forget_unused(home.store, platform.name)
