"""Who is in our lists: changed by the hundred, and every change accounted for."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connector.crms._hubspot.answers import Refused, said_nothing
from connector.crms._hubspot.api import Api
from connector.crms._hubspot.divide import Divided
from connector.crms._hubspot.floor import Floor
from connector.crms._hubspot.lists import Lists
from connector.crms._hubspot.source import following, parts
from connector.crms._hubspot.writes import GONE
from connector.errors import RetryLater
from connector.model import Delivery, Receipt

LOOKED_UP = 100
"""Contacts to a read of their memberships."""
PAGE = 250
"""Members to a page (HubSpot, lists API reference)."""
LEFT_OUT = "HubSpot's answer left this contact out, and the change did not happen"

Change = tuple[str, bool]
"""A contact's id, and whether it is to be in the list."""


class Memberships:
    """Changes and reads who is in a list."""

    def __init__(self, api: Api, lists: Lists, chunk: int, floor: Floor) -> None:
        self.chunk = chunk
        self._api = api
        self._lists = lists
        self._floor = floor

    def deliver(self, delivery: Delivery) -> Receipt:
        """Put people in and take people out. See `connector.ports.Destination.deliver`."""
        list_id, book = self._lists.id(delivery.audience), Book()
        self._floor.add(f"change list {delivery.audience}", delivery.size, per_call=self.chunk)
        try:
            self._change(list_id, wanted_changes(delivery), book)
        except Refused as refused:
            if refused.status == 404:
                raise self._lists.gone(delivery.audience) from None
            self._lists.look(delivery.audience)
            raise
        if book.rejected and len(book.rejected) == delivery.size:
            self._lists.look(delivery.audience)  # may be none of ours any more
        self._settle(list_id, book)
        if book.lost and len(book.lost) == delivery.size:
            raise RetryLater(f"HubSpot made no change to list {delivery.audience}", hint="lamplighter run")
        return book.receipt()

    def read_back(self, delivery: Delivery) -> Receipt:
        """Which of the wishes hold. See `connector.ports.Destination.read_back`."""
        book = Book()
        book.open = wanted_changes(delivery)
        self._settle(self._lists.id(delivery.audience), book)
        return book.receipt()

    def members(self, audience: str) -> Iterator[Sequence[str]]:
        """Who is in a list. See `connector.ports.Destination.members`."""
        found = self._lists.look(audience)
        page = self._page(audience, str(found["listId"]), None)
        if found.get("size") and not page.get("results"):
            raise said_nothing("a reading of list members")
        while True:
            ids = [str(each["recordId"]) for each in page.get("results") or []]
            self._floor.add(f"read list {audience}", len(ids), per_call=PAGE)
            yield ids
            if not (after := following(page)):
                return
            page = self._page(audience, str(found["listId"]), after)

    def _page(self, audience: str, list_id: str, after: str | None) -> Mapping[str, Any]:
        try:
            return self._api.members(list_id, after, PAGE)
        except Refused as refused:
            if refused.status == 404:
                raise self._lists.gone(audience) from None
            raise

    def _change(self, list_id: str, changes: Sequence[Change], book: "Book") -> None:
        def send(some: Sequence[Change]) -> None:
            add, remove = [one for one, wanted in some if wanted], [one for one, wanted in some if not wanted]
            book.note(some, self._api.change_members(list_id, add, remove))

        divided = Divided(send, frozenset({400, 413}))
        for part in parts(changes, self.chunk):
            divided.send(part)
        if divided.hopeless:
            raise divided.hopeless
        book.rejected.update({contact: words for (contact, _), words in divided.refused})

    def _settle(self, list_id: str, book: "Book") -> None:
        """Look up what the answers left open: HubSpot says nothing of those who are where they should be already."""
        inside = self._members(list_id, [contact for contact, _ in book.open])
        for contact, wanted in book.open:
            if (contact in inside) == wanted:
                book.holds(contact, wanted)
            else:
                book.lost.append(contact)

    def _members(self, list_id: str, contacts: Sequence[str]) -> set[str]:
        """Those of `contacts` that are in the list. Raises RetryLater for an answer that leaves one out."""
        inside: set[str] = set()
        for part in parts(contacts, LOOKED_UP):
            found = self._api.lists_of(part)
            if not found.keys() >= set(part):
                raise RetryLater("HubSpot did not say who is in a list", hint="lamplighter run")
            inside.update(contact for contact, list_ids in found.items() if list_id in list_ids)
        return inside


class Book:
    """The account of one delivery. Every change ends in one of `added`, `removed`, `rejected` and `lost`."""

    def __init__(self) -> None:
        self.added: list[str] = []
        self.removed: list[str] = []
        self.rejected: dict[str, str] = {}
        self.lost: list[str] = []
        self.open: list[Change] = []

    def note(self, changes: Sequence[Change], answer: Mapping[str, Any]) -> None:
        """Enter what an answer says."""
        changed = {True: _ids(answer, "Added"), False: _ids(answer, "Removed")}
        missing = _ids(answer, "Missing")
        for contact, wanted in changes:
            if contact in changed[wanted] or (contact in missing and not wanted):
                self.holds(contact, wanted)
            elif contact in missing:
                self.rejected[contact] = GONE
            else:
                self.open.append((contact, wanted))

    def holds(self, contact: str, wanted: bool) -> None:
        """The wish holds."""
        (self.added if wanted else self.removed).append(contact)

    def receipt(self) -> Receipt:
        """As the caller sees it."""
        lost = dict.fromkeys(self.lost, LEFT_OUT)
        return Receipt(added=self.added, removed=self.removed, rejected=self.rejected | lost)


def wanted_changes(delivery: Delivery) -> list[Change]:
    """A delivery, contact by contact. Where somebody stands on both sides, being in is the last word."""
    wishes = dict.fromkeys(delivery.remove, False) | dict.fromkeys(delivery.add, True)
    return list(wishes.items())


def _ids(answer: Mapping[str, Any], what: str) -> set[str]:
    """HubSpot spells it `recordsIdsAdded` in one version and `recordIdsAdded` in another."""
    return {str(one) for name in (f"recordsIds{what}", f"recordIds{what}") for one in answer.get(name) or []}
