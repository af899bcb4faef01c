"""Whoever was told of a person: asked to forget, each in its own way, and what it answered."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Protocol

import sqlalchemy as sa

from connector.decide.trait.profile import NAMES
from connector.erase.subject import CONTACT, EMAIL, contacts_of
from connector.errors import EndPass, LamplighterError, ListGone, RetryLater
from connector.home import Home
from connector.ports import CRM, AdDestination
from connector.push.deliver import Ledger, deliver, settle
from connector.push.plan import Scope, deliveries, difference
from connector.store import acknowledged, ad_members, forgetting, runs
from connector.store.erasures import DEFERRED, DONE, Erasure, Identifier, Recipient
from connector.store.tables import refusal

KINDS = ("membership", "properties")
IS_KEPT = "the contact itself is yours: delete it in {} if it is to go there too"


class Circuits(Protocol):
    """The circuit breakers of whoever asks: who is left alone now, and who failed."""

    def left_alone(self, system: str) -> bool:
        """Whether a system is not to be asked now."""
        ...

    def trying(self, system: str) -> AbstractContextManager[None]:
        """Calls within the block have so much patience as the system deserves."""
        ...

    def failed(self, system: str, error: RetryLater) -> None:
        """It did not answer as it should."""
        ...


class Closed:
    """Everybody is asked: somebody has just said that they want it."""

    def left_alone(self, system: str) -> bool:
        return False

    def trying(self, system: str) -> AbstractContextManager[None]:
        return nullcontext()

    def failed(self, system: str, error: RetryLater) -> None:
        """Not counted: no run is at work."""


CLOSED = Closed()


def told_of(home: Home, subject: Sequence[Identifier]) -> dict[str, Recipient]:
    """Everybody to ask about a person: ad platforms first, then CRMs that have a contact of theirs.

    A platform that our books speak of, but that is not connected any more, is named too: it cannot be reached.
    """
    asked = {ad.name: Recipient(members=_match_keys(home, ad, subject)) for ad in home.ads}
    crms = {crm.name: contacts_of(subject, crm.name) for crm in home.crms}
    lost = {name: _known_as(home, name, subject) for name in _in_the_books(home) - asked.keys() - crms.keys()}
    told = {name: Recipient(members=members) for name, members in {**lost, **crms}.items() if members}
    return {**asked, **told}


def _match_keys(home: Home, ad: AdDestination, subject: Sequence[Identifier]) -> list[str]:
    """What the platform may know the person by: all identifiers as they are now, and whatever it was told before."""
    keys = (ad.match(kind, value) for kind, value in subject if kind in (EMAIL, "phone"))
    return sorted(
        {*(key for key in keys if key is not None), *ad_members.of_persons(home.store, ad.name, _called(subject))}
    )


def _called(subject: Sequence[Identifier]) -> list[str]:
    """Ids by which the person may have been known here."""
    return [value if kind == CONTACT else f"{kind}:{value}" for kind, value in subject]


def _known_as(home: Home, name: str, subject: Sequence[Identifier]) -> list[str]:
    return [*contacts_of(subject, name), *ad_members.of_persons(home.store, name, _called(subject))]


def _in_the_books(home: Home) -> set[str]:
    return {destination for destination, _ in forgetting.known_members(home.store)}


def ask(home: Home, name: str, waiting: Sequence[Erasure], circuits: Circuits = CLOSED) -> list[Erasure]:
    """Ask one recipient about everybody who waits for it; the requests with its answers.

    Raises:
        EndPass: the pass is to end here; nobody knows what the recipient has done.
    """
    members = sorted({member for each in waiting for member in each.recipients[name].members})
    answers = _answers(home, name, members, circuits)
    return [_answered(each, name, answers) for each in waiting]


def _answers(home: Home, name: str, members: Sequence[str], circuits: Circuits) -> Mapping[str, str] | str:
    """member -> "" or why not yet; or one sentence for all."""
    try:
        with circuits.trying(name):
            return _asked(home, name, members)
    except EndPass:
        raise
    except RetryLater as error:
        circuits.failed(name, error)
        return error.message
    except LamplighterError as error:
        return error.message


def _asked(home: Home, name: str, members: Sequence[str]) -> Mapping[str, str] | str:
    for ad in home.ads:
        if ad.name == name:
            return ad.erase(members) if members else {}
    for crm in home.crms:
        if crm.name == name:
            return _cleared(home, crm, members)
    return (
        f"{name} is not connected any more, so nobody can tell it; connect it again, then: lamplighter erase --resume"
    )


def _cleared(home: Home, crm: CRM, members: Sequence[str]) -> Mapping[str, str]:
    """Take contacts out of our lists and clear our properties, through the outbox as any other change."""
    settle(crm, home.store, _run(home))
    while isinstance(stopped := _delivered(home, crm, members), ListGone):
        acknowledged.forget_list(home.store, crm.name, stopped.audience)
    if stopped:
        raise stopped
    return _refused(home, crm.name, members)


def _run(home: Home) -> int:
    """An erasure is no run: what it sends is entered under the last one."""
    last = runs.latest(home.store)
    return int(last[0].number) if last else 0


def _delivered(home: Home, crm: CRM, members: Sequence[str]) -> RetryLater | None:
    plan = difference(crm.name, _nothing_wanted(home, crm, members))
    first, rest = deliveries(plan, {}, {kind: crm.batch_size(kind) for kind in KINDS})
    return deliver(crm, home.store, _run(home), [*first, *rest], Ledger(), lambda destination, done, total: None)


def _nothing_wanted(home: Home, crm: CRM, members: Sequence[str]) -> Scope:
    """What stands at the CRM on those of these contacts that it still has."""
    alive = crm.alive(members) if members else frozenset()
    lists = acknowledged.members(home.store, crm.name, alive)
    return Scope(
        wanted=frozenset(),
        acknowledged={(audience, member): certain for audience, member, certain in lists},
        wanted_properties={},
        acknowledged_properties=acknowledged.profiles(home.store, crm.name, alive),
        refused={},
        names=NAMES,
    )


def _refused(home: Home, destination: str, members: Sequence[str]) -> dict[str, str]:
    query = sa.select(refusal.c.member, refusal.c.reason).where(refusal.c.destination == destination)
    found: dict[str, list[str]] = defaultdict(list)
    for row in home.store.rows(query.where(refusal.c.member.in_(members))):
        found[row.member].append(row.reason)
    return {member: "; ".join(sorted(set(found.get(member, ())))) for member in members}


def _answered(request: Erasure, name: str, answers: Mapping[str, str] | str) -> Erasure:
    """A request after an answer; what the recipient knows the person by is kept only while it still has to act."""
    asked = request.recipients[name]
    if isinstance(answers, str):
        found = replace(asked, state=DEFERRED, words=without(answers, request.subject))
    elif left := [member for member in asked.members if answers.get(member)]:
        words = "; ".join(sorted({answers[member] for member in left}))
        found = Recipient(state=DEFERRED, words=without(words, request.subject), members=left)
    else:
        found = Recipient(state=DONE, words=_thanks(name, asked))
    return replace(request, recipients={**request.recipients, name: found})


def _thanks(name: str, asked: Recipient) -> str:
    if not asked.members:
        return "had nothing of theirs to be known by"
    if any(member.startswith(("email:", "phone:")) for member in asked.members):
        return "taken out of every audience"
    return f"taken out of our lists, our properties cleared; {IS_KEPT.format(name)}"


def without(words: str, subject: Iterable[Identifier]) -> str:
    """Somebody else's words with nothing in them that names the person."""
    for _, value in sorted(subject, key=lambda one: -len(one[1])):
        words = words.replace(value, "…") if len(value) > 3 else words
    return words
