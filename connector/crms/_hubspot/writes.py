"""Values onto contacts, by the hundred: neither one bad contact nor one blocked property holds up the rest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connector.crms._hubspot.answers import Refused, absent, unusable
from connector.crms._hubspot.api import Api, Body
from connector.crms._hubspot.divide import Divided
from connector.crms._hubspot.source import parts
from connector.errors import SetupError

CONTACTS = "contacts"
WRITTEN = 100
"""Records to a batch (HubSpot, object API reference)."""
GONE = "no such contact any more (merged or deleted)"
UNKNOWN = "PROPERTY_DOESNT_EXIST"
DIVIDING = frozenset({400, 409, 413})

Wishes = Mapping[str, Mapping[str, str]]
"""Contact -> HubSpot's property -> value; the empty text clears."""


@dataclass(kw_only=True)
class Written:
    """What became of wishes.

    Attributes:
        times: contact -> when our write modified it.
        rejected: contact -> why nothing of it was written.
        withheld: contact -> property -> why it was not written with the others.
        left_out: contacts of whom an answer said nothing, whatever another one said.
    """

    times: dict[str, datetime | None] = field(default_factory=dict)
    rejected: dict[str, str] = field(default_factory=dict)
    withheld: dict[str, dict[str, str]] = field(default_factory=dict)
    left_out: set[str] = field(default_factory=set)

    def withhold(self, contacts: Sequence[str], name: str, words: str) -> None:
        """Note a property that some contacts do not get."""
        for one in contacts:
            self.withheld.setdefault(one, {})[name] = words

    def close(self) -> None:
        """Contacts of which nothing was written are rejected, whatever the reason."""
        for one in [one for one in self.withheld if one not in self.times and one not in self.left_out]:
            words = "; ".join(f"{name}: {why}" for name, why in sorted(self.withheld.pop(one).items()))
            self.rejected.setdefault(one, words)


class Writes:
    """Writes properties of contacts.

    A refusal that names some of the properties is believed: they are written apart, the others at once. A property that
    no contact may have is not tried again while this object lives.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self._blocked: dict[str, str] = {}

    def write(self, wishes: Wishes) -> Written:
        """Write what can be written. Raises SetupError where HubSpot does not know a property, or takes no contact."""
        book = Written()
        for contacts in parts(list(wishes), WRITTEN):
            self._send(self._unblocked({one: wishes[one] for one in contacts}, book), book)
        book.close()
        return book

    def _unblocked(self, wishes: Wishes, book: Written) -> Wishes:
        for name, words in self._blocked.items():
            book.withhold([one for one, values in wishes.items() if name in values], name, words)
        return _without(wishes, self._blocked)

    def _send(self, wishes: Wishes, book: Written) -> None:
        if not wishes:
            return
        try:
            self._once(wishes, book)
        except Refused as refused:
            if refused.status not in DIVIDING:
                raise
            named = refused.named & {name for values in wishes.values() for name in values}
            if named:
                self._apart(wishes, sorted(named), refused, book)
            else:
                self._divide(wishes, refused, book)

    def _apart(self, wishes: Wishes, named: Sequence[str], refused: Refused, book: Written) -> None:
        """First everything but the properties that the refusal names, then each of these alone."""
        self._send(_without(wishes, named), book)
        for name in named:
            alone = {one: {name: values[name]} for one, values in wishes.items() if name in values}
            divided = self._divided(alone, book)
            divided.divide(list(alone), refused)
            for one, words in divided.refused:
                book.withhold([one], name, words)
            if divided.hopeless:
                self._blocked[name] = divided.hopeless.words

    def _divide(self, wishes: Wishes, refused: Refused, book: Written) -> None:
        divided = self._divided(wishes, book)
        divided.divide(list(wishes), refused)
        if divided.hopeless:
            raise divided.hopeless
        book.rejected.update(divided.refused)

    def _divided(self, wishes: Wishes, book: Written) -> Divided[str]:
        def send(some: Sequence[str]) -> None:
            self._once({one: wishes[one] for one in some}, book)

        return Divided(send, DIVIDING)

    def _once(self, wishes: Wishes, book: Written) -> None:
        answer = self._update([_input(one, values) for one, values in wishes.items()])
        times, gone = _times(answer), absent(answer)
        unknown = unusable(answer) | dict.fromkeys(gone, GONE)
        book.times.update({one: times[one] for one in wishes if one in times})
        book.rejected.update({one: unknown[one] for one in wishes if one in unknown and one not in times})
        book.left_out.update(one for one in wishes if one not in times and one not in unknown)

    def _update(self, rows: Sequence[Body]) -> Body:
        try:
            return self._api.update(CONTACTS, rows)
        except Refused as refused:
            if UNKNOWN not in refused.codes:
                raise
            message = f"HubSpot does not know a property of ours: {refused.words}"
            raise SetupError(message, hint="lamplighter check names it, lamplighter run creates it") from None


def _without(wishes: Wishes, names: Sequence[str] | Mapping[str, str]) -> Wishes:
    """The wishes less some properties, and less the contacts for whom nothing remains."""
    kept = {one: {n: value for n, value in values.items() if n not in names} for one, values in wishes.items()}
    return {one: values for one, values in kept.items() if values}


def _input(contact: str, properties: Mapping[str, str]) -> Body:
    return {"id": contact, "objectWriteTraceId": contact, "properties": dict(properties)}


def _times(answer: Body) -> dict[str, datetime | None]:
    """Contact as it was asked for (its trace: a merged one answers under another id) -> when it was modified."""
    results = answer.get("results") or []
    return {str(each.get("objectWriteTraceId") or each["id"]): modified(each) for each in results}


def modified(record: Mapping[str, Any]) -> datetime | None:
    """When a record was modified, where it tells."""
    text = record.get("updatedAt")
    return datetime.fromisoformat(text) if text else None
