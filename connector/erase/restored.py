"""After a restore: the file of erasures knows more than the store and the warehouse do, and they learn it again."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from connector import identifiers
from connector.erase import journal, recipients
from connector.erase.subject import CONTACT, recovered
from connector.home import Home
from connector.store import erasures, forgetting
from connector.store.erasures import Erasure, Identifier, Recipient

APPLIED = ".erased"
"""File in the warehouse that names the erasures it has been through; a restored one lacks the newest."""


def catch_up(home: Home) -> None:
    """Open again the erasures of whoever is back. Costs a look at two small files where nobody is."""
    behind = _take_over(home)
    if not behind and _applied(home) == _references(home):
        return
    salt, digests = erasures.keep_salt(home.store), erasures.digests(home.store)
    back = {*recovered(home, salt, digests), *_in_the_store(home, salt, digests)}
    home.warehouse.release()
    for each in erasures.all_of(home.store):
        theirs = [one for one in back if digests.get(erasures.digest(salt, *one)) == each.reference]
        if theirs:
            erasures.write(home.store, _reopened(home, each, theirs))
    mark_applied(home)


def mark_applied(home: Home) -> None:
    """The warehouse has been through every erasure, or those that it has not are open."""
    (home.warehouse.root / APPLIED).write_text("\n".join(_references(home)), "utf-8")


def _references(home: Home) -> list[str]:
    return sorted(each.reference for each in erasures.all_of(home.store))


def _applied(home: Home) -> list[str]:
    path: Path = home.warehouse.root / APPLIED
    return path.read_text("utf-8").split() if path.exists() else []


def _take_over(home: Home) -> bool:
    """File and store learn of each other's erasures; true where the store was behind."""
    salt, entries = journal.salt(home.path), journal.entries(home.path)
    if salt is not None and erasures.known_salt(home.store) != salt:
        erasures.replace_salt(home.store, salt)
    known = {each.reference for each in erasures.all_of(home.store)}
    missing = [entry for entry in entries if entry.reference not in known]
    for entry in missing:
        lost = Erasure(reference=entry.reference, requested_at=entry.requested_at, digest=entry.digest)
        erasures.begin(home.store, lost, entry.digests)
    _write_down(home, {entry.reference for entry in entries})
    return bool(missing)


def _write_down(home: Home, known: set[str]) -> None:
    salt = erasures.known_salt(home.store)
    missing = [each for each in erasures.all_of(home.store) if each.reference not in known]
    if salt is None or not missing:
        return
    digests = erasures.digests(home.store).items()
    told = [journal.entry(each, [one for one, whose in digests if whose == each.reference]) for each in missing]
    journal.append(home.path, salt, told)


def _in_the_store(home: Home, salt: str, known: Collection[str]) -> Iterator[Identifier]:
    """Identifiers that only the store still holds: of members at CRMs, and in rejected rows."""
    for destination, member in forgetting.known_members(home.store):
        yield from _those_in(known, salt, [(CONTACT, f"{destination}:{member}")])
    for text in forgetting.rejected_texts(home.store):
        named = [(kind, spelled) for kind, form in identifiers.NORMALISERS.items() if (spelled := form(text))]
        yield from _those_in(known, salt, named)


def _those_in(known: Collection[str], salt: str, told: Sequence[Identifier]) -> Iterator[Identifier]:
    return (one for one in told if erasures.digest(salt, *one) in known)


def _reopened(home: Home, request: Erasure, subject: Sequence[Identifier]) -> Erasure:
    every = sorted({*request.subject, *subject})
    asked = {**request.recipients}
    for name, again in recipients.told_of(home, every).items():
        before = asked.get(name, Recipient())
        asked[name] = Recipient(members=sorted({*before.members, *again.members}))
    return replace(request, subject=every, places=(), finished_at=None, recipients=asked)
