"""Our fields on Salesforce's contacts: there by what the admin deployed, written row by row and each row told apart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connector.crms._salesforce.api import PAGE, Api
from connector.crms._salesforce.collections_out import Change, Row
from connector.crms._salesforce.records import CONTACT, parts, usable
from connector.crms._salesforce.sending import Sending
from connector.crms._salesforce.stamps import PARENT, Stamps, modified
from connector.crms._salesforce.streams import STAMP
from connector.crms._salesforce.verdicts import GONE, NO_ID, Verdict
from connector.crms._salesforce.visible import Visible
from connector.crms._salesforce.within import said_nothing
from connector.errors import RetryLater, SetupError
from connector.mapping import Mapping as FieldMapping
from connector.model import Delivery, Receipt

UPDATE = Change(method="PATCH", name=CONTACT)
NOT_HELD = "Salesforce does not hold this wish"
UNKNOWN, FORBIDDEN = "INVALID_FIELD", "INVALID_FIELD_FOR_INSERT_UPDATE"
TEXTS = frozenset({"string", "textarea", "url", "email", "phone", "picklist", "combobox"})
DEPLOY = "deploy install/salesforce and assign the permission set Lamplighter Connector, then lamplighter check"

Wishes = Mapping[str, Row]
"""Contact -> Salesforce's field -> text; None clears."""


@dataclass(kw_only=True)
class Written:
    """What became of wishes.

    Attributes:
        done: contacts of whom at least something was written, or nothing was asked.
        rejected: contact -> why nothing of it was written.
        withheld: contact -> field -> why it was not written with the others.
        open: what no answer accounted for.
    """

    done: set[str] = field(default_factory=set)
    rejected: dict[str, str] = field(default_factory=dict)
    withheld: dict[str, dict[str, str]] = field(default_factory=dict)
    open: dict[str, Row] = field(default_factory=dict)

    def withhold(self, contact: str, names: Mapping[str, str], rest: Row) -> None:
        """Note fields that a contact does not get. Where nothing is left to write, it is rejected."""
        reasons = self.withheld.setdefault(contact, {})
        reasons.update(names)
        if not rest:
            self.rejected[contact] = "; ".join(f"{name}: {why}" for name, why in sorted(reasons.items()))


class Fields:
    """The properties that the mapping gives us to write."""

    def __init__(self, api: Api, mapping: FieldMapping, visible: Visible, sending: Sending) -> None:
        self._api = api
        self._mapping = mapping
        self._visible = visible
        self._sending = sending
        self._forbidden: dict[str, str] = {}

    def provision(self) -> None:
        """See that our fields are there and that we may write them. Makes nothing: they come with install/salesforce.

        Raises:
            SetupError: naming those that are missing, or that the user may not edit.
        """
        if trouble := self.trouble():
            raise SetupError(f"Salesforce: {trouble}; nothing is written", hint=DEPLOY)

    def trouble(self) -> str:
        """What keeps us from writing our fields, in words; empty: nothing does."""
        there = {each.foreign: self._visible.field(CONTACT, each.foreign) for each in self._mapping.properties.values()}
        if missing := [name for name, told in there.items() if told is None or told["name"] != name]:
            return f"Contact has no field {', '.join(missing)}, or it is hidden from the integration user"
        if closed := [name for name, told in there.items() if not (told or {}).get("updateable")]:
            return f"the integration user may not edit {', '.join(closed)} of Contact"
        return ""

    def deliver(self, delivery: Delivery) -> Receipt:
        """Write properties. See `connector.ports.Destination.deliver`."""
        book, wishes = Written(), self._wishes(delivery)
        stamps = self._written(self._sendable(wishes, book), book)
        times: dict[str, datetime | None] = {one: stamps.get(one) for one in wishes if one in book.done}
        times.update(held := self._held(book.open))
        if book.open.keys() - held.keys():
            raise RetryLater("Salesforce did not write all contacts that it was sent", hint="lamplighter run")
        return Receipt(
            written=times,
            rejected=book.rejected,
            withheld={one: self._ours(of) for one, of in book.withheld.items() if one in times},
        )

    def _written(self, rows: Mapping[str, Row], book: Written) -> Mapping[str, datetime]:
        """Send rows until there is nothing left to send; the times at which they were modified."""
        if not rows:
            return {}
        stamps, left = Stamps(self._visible.seen(CONTACT, ("Id", STAMP, PARENT))), dict(rows)
        while left:
            left = self._sorted(left, self._sending.send(UPDATE, left, stamps), book)
        return stamps.times

    def _sendable(self, wishes: Wishes, book: Written) -> dict[str, Row]:
        """The wishes less what cannot be written: who is no contact, and fields that we may not edit."""
        known = set(usable(wishes))
        book.rejected.update(dict.fromkeys((one for one in wishes if one not in known), NO_ID))
        book.done.update(one for one in known if not wishes[one])
        left = {one: self._permitted(one, wishes[one], book) for one in wishes if one in known}
        return {one: row for one, row in left.items() if row}

    def _permitted(self, contact: str, row: Row, book: Written) -> Row:
        barred = {name: self._forbidden[name] for name in row if name in self._forbidden}
        rest = {name: value for name, value in row.items() if name not in barred}
        if barred:
            book.withhold(contact, barred, rest)
        return rest

    def _sorted(self, rows: Mapping[str, Row], told: Mapping[str, Verdict], book: Written) -> dict[str, Row]:
        """Enter the verdicts; what is worth sending again, with less in it."""
        again: dict[str, Row] = {}
        for one, row in rows.items():
            verdict = told.get(one)
            if verdict is None or verdict.passing:
                book.open[one] = row
            elif verdict.done:
                book.done.add(one)
            elif rest := self._refused(one, row, verdict, book):
                again[one] = rest
        return again

    def _refused(self, contact: str, row: Row, verdict: Verdict, book: Written) -> Row:
        """Note a refusal; what can be written without the fields that it names."""
        if verdict.code == UNKNOWN:
            raise SetupError(f"Salesforce does not know a field of ours: {verdict.words}", hint=DEPLOY)
        named = {name: verdict.words for name in verdict.fields if name in row}
        if verdict.code == FORBIDDEN:
            self._forbidden.update(named)
        if not named:
            book.rejected[contact] = GONE if verdict.absent else verdict.words
            return {}
        rest = {name: value for name, value in row.items() if name not in named}
        book.withhold(contact, named, rest)
        return rest

    def _ours(self, by_foreign: Mapping[str, str]) -> dict[str, str]:
        """The same by our own names."""
        names = {each.foreign: name for name, each in self._mapping.properties.items()}
        return {names[foreign]: words for foreign, words in by_foreign.items()}

    def read_back(self, delivery: Delivery) -> Receipt:
        """Which of the wishes hold. See `connector.ports.Destination.read_back`."""
        self._sending.settle()
        held = self._held(self._wishes(delivery))
        return Receipt(written=held, rejected={one: NOT_HELD for one in delivery.values if one not in held})

    def _wishes(self, delivery: Delivery) -> dict[str, Row]:
        """Properties that the mapping no longer names are left alone."""
        ours = {name: each.foreign for name, each in self._mapping.properties.items()}
        longest = {foreign: self._longest(foreign) for foreign in ours.values()} if delivery.values else {}
        return {
            one: {ours[name]: fitting(value, longest[ours[name]]) for name, value in values.items() if name in ours}
            for one, values in delivery.values.items()
        }

    def _longest(self, foreign: str) -> int:
        """How many characters a field holds; 0: it is no text, or we do not see it."""
        told = self._visible.field(CONTACT, foreign) or {}
        return int(told.get("length") or 0) if told.get("type") in TEXTS else 0

    def _held(self, wishes: Wishes) -> dict[str, datetime | None]:
        """Those whose fields stand as wished, with their modification times."""
        names = sorted({name for row in wishes.values() for name in row})
        found: dict[str, datetime | None] = {}
        for part in parts(usable(wishes), PAGE):
            for one, record in zip(part, self._records(part, names), strict=True):
                if record and all(text(record.get(name)) == text(value) for name, value in wishes[one].items()):
                    found[one] = modified(record)
        return found

    def _records(self, part: Sequence[str], names: Sequence[str]) -> Sequence[Mapping[str, Any] | None]:
        records = self._api.retrieve(CONTACT, part, ["Id", STAMP, *names])
        if len(records) != len(part):
            raise said_nothing("a reading of contacts")
        return records


def fitting(value: str | None, longest: int) -> str | None:
    """As much of a value as a field holds, of several lines whole ones; None where there is none."""
    if not value or not longest or len(value) <= longest:
        return value or None
    cut = value[:longest]
    return cut if "\n" not in cut or value[longest] == "\n" else cut.rpartition("\n")[0]


def text(value: Any) -> str:
    """A value as Salesforce keeps it: without blanks around it, with plain ends of lines; empty for none."""
    return "" if value is None else str(value).strip().replace("\r\n", "\n")
