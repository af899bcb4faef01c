"""A whole audience anew by /usersreplace: the old one stays until the last batch, so nobody who stays is ever out."""

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from connector.ads._identifiers import key_of_hex, readable
from connector.ads._meta.answers import FINISHED, NOT_BEGUN, TIMED_OUT, Refused
from connector.ads._meta.api import Api, Body
from connector.ads._meta.audiences import FREED, Audiences
from connector.ads._meta.members import Members
from connector.ads._meta.rows import MOST, payload, rejected
from connector.ads._meta.session import Session, digest
from connector.errors import LamplighterError, RetryLater
from connector.limits import Again
from connector.model import Delivery, Receipt
from connector.ports import Remembered

SESSION, TOLD, WORKED = "meta_session", "meta_told", "meta_replaced"
"""What we remember of an audience: the session that is open, what of it was told by `confirm`, and that its last one is
to be asked about."""
BROKEN = "it was broken off; unless it is said again within 80 minutes, only those are in who were said until then"
OVER = frozenset({FINISHED, NOT_BEGUN, TIMED_OUT})
FLAGGED_BEFORE = "Meta had flagged it, and took nobody out until now"
WHAT = "replace an audience"


@dataclass(kw_only=True)
class Replacement:
    """One refresh as it goes.

    Attributes:
        stale: batches that Meta may have of an attempt before, and that were not sent again yet.
        open: Meta has answered in this session.
        unsure: it may have got what it did not answer, here or in an attempt before.
    """

    audience: str
    id: str
    session: Session
    stale: set[str]
    unsure: bool
    open: bool = False
    added: list[str] = field(default_factory=list)
    rejected: dict[str, str] = field(default_factory=dict)


class Refresh:
    """Replaces audiences, and goes on with a session that a run before left open."""

    def __init__(self, api: Api, audiences: Audiences, members: Members, remembered: Remembered) -> None:
        self._api = api
        self._audiences = audiences
        self._members = members
        self._remembered = remembered

    def refresh(self, audience: str, members: Iterable[Sequence[str]]) -> Receipt:
        """See `connector.ports.AdDestination.refresh`."""
        work = self._begun(audience)
        for batch, last in _marked(_batches(members, work.rejected)):
            self._send(work, batch, last)
        if not work.open:
            return self._emptied(work)
        self._remembered.put(SESSION, audience, "")
        self._remembered.put(WORKED, audience, work.id)
        if not work.stale:
            return Receipt(added=work.added, rejected=work.rejected)
        if iter(members) is not members:
            return self.refresh(audience, members)
        raise RetryLater(
            f"the audience {audience} holds all that are wanted, and some of an attempt before; they leave next",
            hint="lamplighter run, later",
        )

    def _begun(self, audience: str) -> Replacement:
        """With the session that was left open, else with a new one."""
        id, now = self._audiences.id(audience), self._api.clock.now()
        left = Session.parsed(self._remembered.get(SESSION, audience), now)
        session = left or Session.new(now)
        return Replacement(audience=audience, id=id, session=session, stale=set(session.sent), unsure=bool(left))

    def _emptied(self, work: Replacement) -> Receipt:
        """Nobody is wanted: Meta takes no empty batch, so a key that names nobody stands in, and leaves again."""
        nobody = key_of_hex("email", secrets.token_hex(32))
        self.refresh(work.audience, [[nobody]])
        with suppress(LamplighterError):  # it names nobody: no harm where it stays
            self._members.deliver(_leaving(work.audience, nobody))
        return Receipt(rejected=work.rejected)

    def _send(self, work: Replacement, batch: Sequence[str], last: bool) -> None:
        work.stale.discard(digest(batch))
        body = self._api.repeated(WHAT, lambda: self._once(work, batch, last))
        bad = {} if body is None else rejected(batch, body, WHAT)
        work.open, work.unsure = True, False
        work.rejected |= bad
        work.added += [one for one in batch if one not in bad]

    def _once(self, work: Replacement, batch: Sequence[str], last: bool) -> Body | None:
        """One attempt. None: an attempt before, whose answer was lost, has ended the session with just this."""
        self._note(work, batch)
        try:
            return self._posted(work, batch, last)
        except Again:
            work.unsure = True
            raise
        except Refused as refused:
            if refused.subcode == FINISHED and last and work.unsure and not work.stale:
                return None
            self._begin_anew(work, refused)
        return self._once(work, batch, last)

    def _note(self, work: Replacement, batch: Sequence[str]) -> None:
        """Remember what Meta may have got, before it gets it."""
        work.session = work.session.sending(digest(batch))
        self._remembered.put(SESSION, work.audience, work.session.text())

    def _posted(self, work: Replacement, batch: Sequence[str], last: bool) -> Body:
        """Batch 1 begins a session, and is sent once; others may be sent again, under any other number."""
        number = 2 if work.open or work.unsure else 1
        session = {"session_id": work.session.id, "batch_seq": number, "last_batch_flag": last}
        told = {"payload": payload(batch, limited=self._api.settings.limited_data_use), "session": session}
        return self._api.once("POST", f"{work.id}/usersreplace", WHAT, told)

    def _begin_anew(self, work: Replacement, refused: Refused) -> None:
        """Take a new session, where Meta has none open of this one, and raise what else a refusal means."""
        if refused.subcode not in OVER:
            raise self._audiences.told(work.audience, refused) from None
        self._remembered.put(SESSION, work.audience, "")
        if not work.unsure or work.open:
            raise RetryLater(f"Meta ended the replacement of {work.audience} early", hint="lamplighter run, later")
        work.session, work.unsure = Session.new(self._api.clock.now()), False
        work.stale.clear()

    def forget(self, audience: str) -> None:
        """Let go of what is remembered of an audience that is to be no more."""
        for kind in (SESSION, TOLD, WORKED):
            self._remembered.put(kind, audience, "")

    def confirm(self, note: Callable[[Mapping[str, str]], None]) -> Mapping[str, str]:
        """Replacements that were broken off, or failed when Meta worked through them. See
        `connector.ports.AdDestination.confirm`."""
        broken, freed, worked = self._broken(), list(self._remembered.all(FREED)), self._worked()
        told = dict.fromkeys(broken, BROKEN) | dict.fromkeys(freed, FLAGGED_BEFORE)
        told |= {audience: words for audience, words in worked.items() if words == "replace_error"}
        found = {f"refresh:{audience}": words for audience, words in told.items()}
        note(found)
        for audience, text in broken.items():
            self._remembered.put(TOLD, audience, text)
        for kind, names in ((FREED, freed), (WORKED, worked)):
            for audience in names:
                self._remembered.put(kind, audience, "")
        return found

    def _broken(self) -> dict[str, str]:
        """Audience -> its open session, of those that were not told yet."""
        open, told = self._remembered.all(SESSION), self._remembered.all(TOLD)
        return {audience: text for audience, text in open.items() if told.get(audience) != text}

    def _worked(self) -> dict[str, str]:
        """Audience -> Meta's words, of those that it has worked through."""
        said = {audience: self._words(id) for audience, id in self._remembered.all(WORKED).items()}
        return {audience: words for audience, words in said.items() if words != "replace_in_progress"}

    def _words(self, id: str) -> str:
        try:
            body = self._api.call("GET", id, "look at an audience", {"fields": "operation_status"})
        except Refused:
            return ""
        status: Any = body.get("operation_status")
        return str(status.get("description") or "") if isinstance(status, dict) else ""


def _leaving(audience: str, member: str) -> Delivery:
    return Delivery(id="", destination="", kind="membership", audience=audience, remove=[member])


def _batches(members: Iterable[Sequence[str]], bad: dict[str, str]) -> Iterator[list[str]]:
    """The people in batches that Meta takes; what is no match key is put into `bad`."""
    for part in members:
        good, unreadable = readable(part)
        bad |= unreadable
        yield from (good[at : at + MOST] for at in range(0, len(good), MOST))


def _marked(batches: Iterator[list[str]]) -> Iterator[tuple[list[str], bool]]:
    """Each batch, and whether it is the last."""
    held = next(batches, None)
    while held is not None:
        following = next(batches, None)
        yield held, following is None
        held = following
