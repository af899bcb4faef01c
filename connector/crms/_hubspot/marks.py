"""Audiences as marks on contacts instead of static lists: one checkbox property a purpose, one option an audience.

The admin's own active lists filter on these. Behind the same calls as Lists and Memberships.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence

from connector.crms import BROUGHT_BACK, Remembered
from connector.crms._hubspot.answers import absent, said_nothing, told
from connector.crms._hubspot.api import Api
from connector.crms._hubspot.floor import Floor
from connector.crms._hubspot.memberships import Book, Change, wanted_changes
from connector.crms._hubspot.options import DUE, Options
from connector.crms._hubspot.source import parts
from connector.crms._hubspot.streams import MERGED
from connector.crms._hubspot.writes import CONTACTS, GONE, WRITTEN, Writes, Written
from connector.errors import ListGone, RetryLater, SetupError
from connector.model import Delivery, Ensured, ListSpec, Receipt

MARK = "mark"
"""Under what we remember where an audience's mark is: property, "=" and the label that its option has."""
FOUND = 200
"""Contacts to a page of a search (HubSpot, search guide)."""

There = Mapping[str, Sequence[str] | None]
"""Contact -> its options now, None where there is no such contact."""


class Marks:
    """Makes options, and sets and reads them on contacts."""

    chunk = WRITTEN

    def __init__(self, api: Api, options: Options, remembered: Remembered, floor: Floor) -> None:
        self._api = api
        self._options = options
        self._remembered = remembered
        self._floor = floor

    def ensure(self, lists: Sequence[ListSpec]) -> Ensured:
        """See `connector.ports.Destination.ensure`. Costs no call for options that we made under this label."""
        refused: dict[str, str] = {}
        for purpose in sorted({each.purpose for each in lists}):
            name = property_of(purpose)
            new = [each for each in lists if each.purpose == purpose and not self._made(each)]
            if new:
                refused |= self._options.offer(
                    name, purpose, {each.name: (option(each.name), each.label) for each in new}
                )
            for each in new:
                if each.name not in refused:
                    self._remembered.put(MARK, each.name, f"{name}={each.label}")
        ids = {each.name: f"{property_of(each.purpose)}={option(each.name)}" for each in lists}
        return Ensured(ids={name: ids[name] for name in ids if name not in refused}, refused=refused)

    def _made(self, wanted: ListSpec) -> bool:
        return self._remembered.get(MARK, wanted.name) == f"{property_of(wanted.purpose)}={wanted.label}"

    def _property(self, audience: str) -> str:
        """The property that holds an ensured audience. Raises ListGone for one that is not there."""
        if made := self._remembered.get(MARK, audience):
            return made.partition("=")[0]
        raise ListGone(audience)

    def _gone(self, audience: str) -> ListGone:
        due = {} if self._remembered.get(BROUGHT_BACK, audience) else {BROUGHT_BACK: DUE}
        self._remembered.change(audience, {MARK: "", **due})
        return ListGone(audience)

    def _look(self, audience: str) -> None:
        """Raises ListGone where somebody deleted the option, or the whole property."""
        if not self._options.offered(self._property(audience), option(audience)):
            raise self._gone(audience)

    def deliver(self, delivery: Delivery) -> Receipt:
        """Set and take marks. See `connector.ports.Destination.deliver`."""
        book = Book()
        for changes in parts(wanted_changes(delivery), WRITTEN):
            self._change(delivery.audience, changes, book)
        if book.lost and len(book.lost) == delivery.size:
            raise RetryLater(f"HubSpot made no change to {delivery.audience}", hint="lamplighter run")
        return book.receipt()

    def _change(self, audience: str, changes: Sequence[Change], book: Book) -> None:
        """Read what is there, change our option in it, write it back; the other options stay as they are."""
        name, mark, wanted = self._property(audience), option(audience), dict(changes)
        there = self._read(name, list(wanted))
        self._sort(there, mark, wanted, book)
        wishes = {one: {name: _with(there[one] or (), mark, wanted[one])} for one, _ in book.open if one in there}
        book.lost += [one for one, _ in book.open if one not in there]
        book.open.clear()
        written = self._written(audience, wishes)
        for one in wishes:
            if one in written.left_out:
                book.open.append((one, wanted[one]))
            elif one in written.times or (written.rejected.get(one) == GONE and not wanted[one]):
                book.holds(one, wanted[one])
            else:
                book.rejected[one] = written.rejected[one]
        if book.open:
            self._sort(self._read(name, [one for one, _ in book.open]), mark, wanted, book)
            book.lost += [one for one, _ in book.open]
            book.open.clear()

    def _written(self, audience: str, wishes: Mapping[str, Mapping[str, str]]) -> Written:
        self._floor.add("write marks", len(wishes), per_call=WRITTEN)
        try:
            written = Writes(self._api).write(wishes)
        except SetupError:
            self._look(audience)
            raise
        if written.rejected and not written.times:
            self._look(audience)
        return written

    def _sort(self, there: There, mark: str, wanted: Mapping[str, bool], book: Book) -> None:
        """Enter those for whom the wish holds, and those who are gone; the others are open."""
        asked = [one for one, _ in book.open] or list(wanted)
        book.open.clear()
        for one in asked:
            options = there.get(one)
            if options is None and one in there and wanted[one]:
                book.rejected[one] = GONE
            elif one in there and (options is None or (mark in options) == wanted[one]):
                book.holds(one, wanted[one])
            else:
                book.open.append((one, wanted[one]))

    def read_back(self, delivery: Delivery) -> Receipt:
        """Which of the wishes hold. See `connector.ports.Destination.read_back`."""
        book, wanted = Book(), dict(wanted_changes(delivery))
        there = self._read(self._property(delivery.audience), list(wanted))
        self._sort(there, option(delivery.audience), wanted, book)
        book.lost += [one for one, _ in book.open]
        return book.receipt()

    def _read(self, name: str, contacts: Sequence[str]) -> There:
        """Contact -> its options, None for one that is merged or deleted. Who is left out: HubSpot did not say."""
        self._floor.add("read marks", len(contacts), per_call=WRITTEN)
        found: dict[str, list[str] | None] = {}
        for part in parts(contacts, WRITTEN):
            answer = self._api.read(CONTACTS, part, [name, MERGED])
            told(answer, "a reading of contacts")
            found |= dict.fromkeys(absent(answer))
            for each in answer.get("results") or []:
                found |= dict.fromkeys((each["properties"].get(MERGED) or "").split(";"))  # read by an old id
                found[str(each["id"])] = _options(each["properties"].get(name))
        return {one: found[one] for one in contacts if one in found}

    def members(self, audience: str) -> Iterator[Sequence[str]]:
        """Who has the mark, as HubSpot's search sees it. See `connector.ports.Destination.members`."""
        self._look(audience)
        name, mark, last = self._property(audience), option(audience), "0"
        while last:
            hits = self._found(name, mark, last)
            self._floor.add(f"search marks of {audience}", len(hits), per_call=FOUND)
            yield [one for one, held in hits if mark in held]
            last = hits[-1][0] if len(hits) == FOUND else ""

    def _found(self, name: str, mark: str, last: str) -> list[tuple[str, list[str]]]:
        filters = [
            {"propertyName": name, "operator": "CONTAINS_TOKEN", "value": mark},
            {"propertyName": "hs_object_id", "operator": "GT", "value": last},
        ]
        answer = self._api.search(
            CONTACTS,
            {
                "filterGroups": [{"filters": filters}],
                "properties": [name],
                "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
                "limit": FOUND,
            },
        ).body
        hits = answer.get("results") or []
        if "total" not in answer or (answer["total"] and not hits):
            raise said_nothing("a search for marks")
        return [(str(each["id"]), _options(each["properties"].get(name))) for each in hits]


def property_of(purpose: str) -> str:
    """HubSpot's name of the property that holds the audiences of a purpose."""
    return f"lamplighter_audiences_{purpose}"


def option(audience: str) -> str:
    """The option of an audience: letters, digits and underscores, which HubSpot's search takes as one word."""
    plain = re.sub(r"\W", "_", audience)
    return plain if plain == audience else f"{plain}_{hashlib.sha256(audience.encode()).hexdigest()[:6]}"


def _options(value: str | None) -> list[str]:
    return [one for one in (value or "").split(";") if one]


def _with(options: Sequence[str], mark: str, wanted: bool) -> str:
    others = [one for one in options if one != mark]
    return ";".join([*others, mark] if wanted else others)
