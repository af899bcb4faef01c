"""The steps of forgetting, each durable and repeatable: hashes against the return, recipients, then our own places."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from connector import identifiers
from connector.erase import journal, recipients
from connector.erase.files import Traces, Unreached, beyond, blank
from connector.erase.recipients import CLOSED, Circuits
from connector.erase.restored import catch_up, mark_applied
from connector.erase.subject import found
from connector.erase.untouched import untouched
from connector.errors import SetupError
from connector.home import Home
from connector.store import erasures, forgetting
from connector.store.clock import now
from connector.store.erasures import DONE, Erasure, Identifier
from connector.warehouse.forgetting import forget, persons

WAREHOUSE, STORE, FILES = "warehouse", "store", "files"
PLACES = (WAREHOUSE, STORE, FILES)
"""Of ours, in the order in which they are done."""

Before = Callable[[str], None]
"""Told before each step; may raise to end there."""


def _nobody(step: str) -> None:
    """Told, and silent."""


@dataclass(frozen=True)
class Receipts:
    """What became of some requests.

    Attributes:
        sources: names of sources whose files are the admin's own: nothing is written there, and what they tell of
            erased persons is not read any more.
        backups: copies of the home as it was, which stay as they are; see `untouched`.
        refusal: why files of the home could not all be looked through, and which; the requests stay open.
    """

    requests: Sequence[Erasure]
    sources: Sequence[str] = ()
    backups: Sequence[str] = ()
    refusal: Unreached | None = None

    @property
    def finished(self) -> bool:
        return all(each.finished_at for each in self.requests)

    def as_json(self) -> dict[str, Any]:
        """The documented object; nothing in it names anybody."""
        unreached = self.refusal.paths if self.refusal else ()
        told = [_receipt(each) for each in self.requests]
        copies = {"files_of_yours": list(self.sources), "backups": list(self.backups)}
        return {"erasures": told, **copies, "not_reached": list(unreached)}


def _receipt(request: Erasure) -> dict[str, Any]:
    told = {name: {"state": each.state, "answer": each.words} for name, each in request.recipients.items()}
    return {
        "reference": request.reference,
        "digest": request.digest,
        "requested_at": request.requested_at,
        "finished_at": request.finished_at,
        "places": {place: DONE if place in request.places else erasures.OPEN for place in PLACES},
        "recipients": told,
    }


def erase(home: Home, emails: Sequence[str], before: Before = _nobody) -> Receipts:
    """Forget the persons behind some addresses, known or not.

    Whoever calls it keeps other processes from this home meanwhile. What a kill leaves undone `go_on` finishes, and
    so it does with files that cannot be read, once they are mended: the receipts name them.

    Raises:
        SetupError: one of them is no address; then nothing was begun.
    """
    addresses = sorted({_address(email) for email in emails})
    catch_up(home)
    before("find")
    subjects = found(home, addresses)
    home.warehouse.release()
    salt = erasures.keep_salt(home.store, journal.salt(home.path))
    asked = [_begun(home, subjects[address], erasures.digest(salt, "email", address)) for address in addresses]
    before("note")
    _note(home, salt, asked)
    refusal = _went_on(home, before)
    return replace(receipts(home, [each.reference for each in asked]), refusal=refusal)


def _address(email: str) -> str:
    address = identifiers.email(email)
    if address is None:
        raise SetupError("this is not an e-mail address", hint="lamplighter erase EMAIL")
    return address


def _begun(home: Home, subject: Sequence[Identifier], digest: str) -> Erasure:
    return Erasure(
        reference=erasures.new_reference(),
        requested_at=now(),
        digest=digest,
        subject=subject,
        recipients=recipients.told_of(home, subject),
    )


def _note(home: Home, salt: str, asked: Sequence[Erasure]) -> None:
    """From here on nobody of them comes back, whatever happens. The file comes first: it outlives a restore."""
    digests = {each.reference: [erasures.digest(salt, *one) for one in each.subject] for each in asked}
    journal.append(home.path, salt, [journal.entry(each, digests[each.reference]) for each in asked])
    for request in asked:
        erasures.begin(home.store, request, digests[request.reference])


def receipts(home: Home, references: Sequence[str] = ()) -> Receipts:
    """The receipts of these requests, or of all that are unfinished."""
    requests = erasures.named(home.store, references) if references else _unfinished(home)
    return Receipts(requests, beyond(home), untouched(home))


def hold_to(home: Home, *, ask: bool = True, circuits: Circuits = CLOSED) -> Receipts | None:
    """Before anything else is done in a home: erase again what a restore brought back, and go on with what is open.

    A file that cannot be read brings nobody back, so that it is told in the receipts; every other trouble is raised.

    Args:
        ask: ask recipients too, not only our own places.
        circuits: of these whoever is not left alone.

    Returns:
        None where nothing is open; else what still is.
    """
    catch_up(home)
    if not _unfinished(home):
        return None
    refusal = _went_on(home, ask=ask, circuits=circuits)
    return replace(receipts(home), refusal=refusal)


def _went_on(
    home: Home, before: Before = _nobody, *, ask: bool = True, circuits: Circuits = CLOSED
) -> Unreached | None:
    """`go_on`, as far as files can be read; returns which cannot."""
    try:
        go_on(home, before, ask=ask, circuits=circuits)
    except Unreached as unreached:  # files are the last place
        return unreached
    return None


def go_on(home: Home, before: Before = _nobody, *, ask: bool = True, circuits: Circuits = CLOSED) -> None:
    """Finish what is unfinished, as far as recipients let us. Raises Unreached: a file cannot be read."""
    names = dict.fromkeys(name for each in _unfinished(home) for name in each.recipients)
    for name in names if ask else ():
        _ask(home, name, before, circuits)
    for place in PLACES:
        waiting = [each for each in _unfinished(home) if place not in each.places]
        if waiting:
            before(place)
            _do(home, place, waiting)
    _finish(home)


def _unfinished(home: Home) -> list[Erasure]:
    return erasures.all_of(home.store, unfinished=True)


def _ask(home: Home, name: str, before: Before, circuits: Circuits) -> None:
    """Ask one recipient; what our books say of its members goes once it has done it."""
    named = [each for each in _unfinished(home) if name in each.recipients]
    waiting = [each for each in named if each.recipients[name].state != DONE]
    if not waiting or circuits.left_alone(name):
        return
    before(name)
    for request, answered in zip(waiting, recipients.ask(home, name, waiting, circuits), strict=True):
        if answered.recipients[name].state == DONE:
            forgetting.forget_members(home.store, name, request.recipients[name].members)
        erasures.write(home.store, answered)


def _do(home: Home, place: str, waiting: Sequence[Erasure]) -> None:
    subject = sorted({one for each in waiting for one in each.subject})
    {WAREHOUSE: _out_of_warehouse, STORE: _out_of_store, FILES: blank}[place](home, subject)
    for each in waiting:
        erasures.write(home.store, replace(each, places=[*each.places, place]))


def _out_of_warehouse(home: Home, subject: Sequence[Identifier]) -> None:
    salt = erasures.keep_salt(home.store)
    digests = {erasures.digest(salt, *one) for one in subject}
    forget(home.warehouse, salt, digests, persons(home.warehouse, salt, digests))
    mark_applied(home)


def _out_of_store(home: Home, subject: Sequence[Identifier]) -> None:
    forgetting.forget_rejected(home.store, Traces.of(subject).names)


def _finish(home: Home) -> None:
    """Once our places are done the identifiers go too; what recipients still need is kept with them alone."""
    over = [each for each in _unfinished(home) if set(PLACES) <= set(each.places)]
    ended = [each for each in over if all(one.state == DONE for one in each.recipients.values())]
    for each in over:
        erasures.write(home.store, replace(each, subject=(), finished_at=now() if each in ended else None))
    if ended or any(each.subject for each in over):
        erasures.scrub(home.store)
