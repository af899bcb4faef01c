"""What lists hold against what we were told: hand-work is respected, drift repaired, a deleted list brought back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connector.errors import ListGone
from connector.home import Home
from connector.model import Audience, Delivery, Purpose
from connector.pipeline.pushing.outgoing import audiences_of
from connector.pipeline.report import Report
from connector.ports import CRM
from connector.store import acknowledged, refused_lists, vetoes
from connector.store.remotes import Remembered

FILLED = "filled"
"""Under what we remember which remote list the acknowledged members of an audience are in."""
GONE = "gone"
"""Stands for the list of an audience that was deleted: if it ever comes back, nobody knows who is in it."""


@dataclass(frozen=True, kw_only=True)
class Drift:
    """How one list differs from its acknowledged members.

    Attributes:
        found: there, and not known or not certain until now.
        by_hand: of these, whom nobody but a person can have put in.
        removed: contacts that are alive and not there: a person took them out.
        lapsed: not there, and either gone as contacts or never certain.
        emptied: so many are `removed` that it is not taken for hand-work.
    """

    found: Sequence[str]
    by_hand: Sequence[str]
    removed: Sequence[str]
    lapsed: Sequence[str]
    emptied: bool


def read_back_lists(home: Home, crm: CRM, run: int, report: Report) -> None:
    """Read every list and correct our books by what is there. The push of this run then plans for everybody.

    - Whom a person took out by hand stays out, until `lamplighter retry --list`. Who is put in again, may be in.
    - Whom a person put in becomes acknowledged: the plan takes them out again where they are not wanted.
    - A list of which more than its guard allows, and more than half, is missing at once is filled again.

    Raises RetryLater where the CRM cannot be read now; lists that were read stay corrected.
    """
    audiences = audiences_of(home)
    for audience in (*audiences.values(), *_retired(home, crm, audiences)):
        try:
            there = {member for page in crm.members(audience.name) for member in page}
        except ListGone:
            if acknowledged.members_of(home.store, crm.name, audience.name):
                bring_back(home, crm, audience.name, audiences, run, report)
            if audience.name not in audiences:
                lose(home, crm, audience.name)
            continue
        drift = _drift(home, crm, audience, there)
        _correct(home, crm.name, audience.name, drift, run)
        report.notes.extend(_told(crm.name, audience.name, drift))


def _retired(home: Home, crm: CRM, audiences: Mapping[str, Audience]) -> list[Audience]:
    """What is no audience any more but had a list: a merge may have carried somebody back into it."""
    names = sorted(filled(home, crm).keys() - audiences.keys())
    return [Audience(name=name, label=name, purpose=Purpose.INSIGHT, rule={}) for name in names]


def bring_back(home: Home, crm: CRM, name: str, audiences: Mapping[str, Audience], run: int, report: Report) -> None:
    """A list is gone: let the CRM restore it or make another, and learn who is in it now. Nobody is vetoed by that."""
    store = home.store
    acknowledged.doubt_list(store, crm.name, name)
    if name not in audiences:  # retired meanwhile: nobody wants it back
        lose(home, crm, name)
        return
    ensured = crm.ensure([audiences[name].spec])
    if name in ensured.refused:
        lose(home, crm, name)
        refused_lists.keep(store, crm.name, ensured.refused, run)
        return
    another = ensured.ids[name] != filled(home, crm).get(name)
    how = "a new one is filled" if another else "it was restored"
    report.notes.append(
        f"{crm.name}: the list {name} was deleted; {how}. To retire it for good, remove {name} from audiences.yaml"
    )
    if another:
        acknowledged.forget_list(store, crm.name, name)
    else:
        believe(home, crm, name, run)


def believe(home: Home, crm: CRM, name: str, run: int) -> None:
    """Take what a list holds now as it is."""
    there = {member for page in crm.members(name) for member in page}
    lapsed = [member for member in acknowledged.members_of(home.store, crm.name, name) if member not in there]
    drift = Drift(found=sorted(there), by_hand=(), removed=(), lapsed=lapsed, emptied=False)
    _correct(home, crm.name, name, drift, run)


def filled(home: Home, crm: CRM) -> dict[str, str]:
    """audience -> the remote list that its acknowledged members are in."""
    return {name: remote for name, remote in Remembered(home.store, crm.name).all(FILLED).items() if remote != GONE}


def lose(home: Home, crm: CRM, name: str) -> None:
    """A list is gone and will not be brought back now."""
    acknowledged.forget_list(home.store, crm.name, name)
    Remembered(home.store, crm.name).put(FILLED, name, GONE)


def lost(home: Home, crm: CRM) -> set[str]:
    """Audiences whose list was gone when we last looked."""
    return Remembered(home.store, crm.name).all(FILLED).keys() - filled(home, crm).keys()


def take_over(home: Home, crm: CRM, ids: Mapping[str, str]) -> set[str]:
    """Note which remote list each audience is kept in; returns those whose list is another than before, or is back.

    Our books know nobody in such a list, whatever they said of the one before.
    """
    remembered = Remembered(home.store, crm.name)
    before = remembered.all(FILLED)
    moved = {name for name, remote in ids.items() if before.get(name, remote) != remote}
    for name in sorted(moved):
        acknowledged.forget_list(home.store, crm.name, name)
    for name, remote in ids.items():
        if before.get(name) != remote:
            remembered.put(FILLED, name, remote)
    return moved


def _drift(home: Home, crm: CRM, audience: Audience, there: set[str]) -> Drift:
    known = acknowledged.members_of(home.store, crm.name, audience.name)
    certain = [member for member, sure in known.items() if sure]
    missing = [member for member in certain if member not in there]
    alive = crm.alive(missing) if missing else frozenset()
    removed = _still_out(crm, audience.name, sorted(alive))
    many = not audience.guard.allows(len(removed), len(certain)) and len(removed) > len(certain) / 2
    return Drift(
        found=sorted(member for member in there if not known.get(member)),
        by_hand=sorted(there - known.keys()),
        removed=removed,
        lapsed=[member for member in known if member not in there and member not in alive],
        emptied=many,
    )


def _still_out(crm: CRM, audience: str, members: Sequence[str]) -> list[str]:
    """A second look, contact by contact, before somebody is kept out for good."""
    size, out = crm.batch_size("membership"), []
    for start in range(0, len(members), size):
        add = members[start : start + size]
        look = Delivery(id="", destination=crm.name, kind="membership", audience=audience, add=add)
        held = set(crm.read_back(look).added)
        out += [member for member in add if member not in held]
    return out


def _correct(home: Home, destination: str, audience: str, drift: Drift, run: int) -> None:
    """Books, vetoes and all, in one transaction."""
    hand = [] if drift.emptied else drift.removed
    doubted = drift.removed if drift.emptied else []
    with home.store.begin() as connection:
        found = [(audience, member) for member in drift.found]
        acknowledged.put_members(connection, destination, found, run, certain=True)
        acknowledged.put_members(connection, destination, [(audience, one) for one in doubted], run, certain=False)
        acknowledged.forget_members(connection, destination, audience, [*hand, *drift.lapsed])
        vetoes.keep(connection, destination, audience, hand, run)
        vetoes.drop(connection, destination, audience, drift.by_hand)


def _told(destination: str, audience: str, drift: Drift) -> list[str]:
    """Sentences for the admin about one list."""
    notes = []
    if drift.removed and drift.emptied:
        notes.append(
            f"{destination}: {len(drift.removed):,} members of {audience} are gone from it at once; that is not taken "
            "for hand-work, and they are put back"
        )
    elif drift.removed:
        notes.append(
            f"{destination}: {len(drift.removed):,} were taken out of {audience} by hand and stay out; "
            f"lamplighter retry --list {audience} lets them in again"
        )
    if drift.by_hand:
        notes.append(
            f"{destination}: {len(drift.by_hand):,} were put into {audience} by hand; those who do not belong there "
            "are taken out again"
        )
    return notes
