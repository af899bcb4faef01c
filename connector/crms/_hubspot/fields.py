"""Our properties on HubSpot's contacts: defined once, then written by the hundred."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from connector.crms._hubspot.answers import Refused
from connector.crms._hubspot.api import Api, Body
from connector.crms._hubspot.floor import Floor
from connector.crms._hubspot.memberships import LEFT_OUT
from connector.crms._hubspot.source import parts
from connector.crms._hubspot.writes import CONTACTS, WRITTEN, Wishes, Writes, Written, modified
from connector.errors import RetryLater
from connector.mapping import Mapping as FieldMapping
from connector.mapping import Property
from connector.model import Delivery, Receipt


class Fields:
    """The properties that the mapping gives us to write."""

    def __init__(self, api: Api, mapping: FieldMapping, floor: Floor) -> None:
        self._api = api
        self._mapping = mapping
        self._floor = floor
        self._writes = Writes(api)

    def provision(self) -> None:
        """Create the group and the properties that are not there. Somebody else creating them meanwhile is fine."""
        self._floor.add("read properties", 1)
        there = self._api.properties(CONTACTS)
        missing = self.missing(there)
        if missing and not any(each.get("groupName") == self._mapping.group for each in there):
            self.make_group()
        if missing:
            self._create(missing)

    def missing(self, there: Sequence[Body]) -> list[Property]:
        """Those of our properties that are not among the definitions `there`."""
        names = {each["name"] for each in there}
        return [each for each in self._mapping.properties.values() if each.foreign not in names]

    @property
    def group(self) -> str:
        """The name of the group of our properties."""
        return self._mapping.group

    def make_group(self) -> None:
        """Create the group of our properties. That it exists already is fine."""
        self._floor.add("create group", 1)
        try:
            self._api.create_group(CONTACTS, self._mapping.group, self._mapping.group_label)
        except Refused as refused:
            if refused.status not in (400, 409):  # it is there, but empty
                raise

    def _create(self, missing: Sequence[Property]) -> None:
        self._floor.add("create properties", 1)
        try:
            self._api.create_properties(CONTACTS, [self._definition(each) for each in missing])
        except Refused as refused:
            if refused.status not in (400, 409) or self.missing(self._api.properties(CONTACTS)):
                raise

    def _definition(self, each: Property) -> Body:
        return {
            "groupName": self._mapping.group,
            "name": each.foreign,
            "label": each.label,
            "description": each.description,
            "type": each.type,
            "fieldType": each.field_type,
        }

    def deliver(self, delivery: Delivery) -> Receipt:
        """Write properties. See `connector.ports.Destination.deliver`."""
        every = self._wishes(delivery)
        wishes = {one: values for one, values in every.items() if values}
        self._floor.add("write properties", len(wishes), per_call=WRITTEN)
        book = self._writes.write(wishes)
        book.times.update({one: None for one in every if one not in wishes})  # nothing of theirs is ours to write
        lost = self._lost(wishes, book)
        if lost and len(lost) == len(wishes):
            raise RetryLater(f"HubSpot wrote none of {len(wishes)} contacts", hint="lamplighter run")
        return Receipt(
            written={one: at for one, at in book.times.items() if one not in lost},
            rejected=book.rejected | dict.fromkeys(lost, LEFT_OUT),
            withheld={one: self._ours(of) for one, of in book.withheld.items() if one not in lost},
        )

    def _lost(self, wishes: Wishes, book: Written) -> list[str]:
        """Contacts that an answer left out and on whom the wishes do not stand; the others of them count as written."""
        left_out = {one: wishes[one] for one in wishes if one in book.left_out}
        wished = {
            one: {name: value for name, value in values.items() if name not in book.withheld.get(one, {})}
            for one, values in left_out.items()
        }
        book.times.update(held := self._held(wished, list(wished)))
        return [one for one in left_out if one not in held]

    def _ours(self, by_foreign: Mapping[str, str]) -> dict[str, str]:
        """The same by our own names."""
        names = {each.foreign: name for name, each in self._mapping.properties.items()}
        return {names[foreign]: words for foreign, words in by_foreign.items()}

    def read_back(self, delivery: Delivery) -> Receipt:
        """Which of the wishes hold. See `connector.ports.Destination.read_back`."""
        held = self._held(self._wishes(delivery), list(delivery.values))
        return Receipt(written=held, rejected={one: LEFT_OUT for one in delivery.values if one not in held})

    def _wishes(self, delivery: Delivery) -> Wishes:
        """Properties that the mapping no longer names are left alone."""
        ours = self._mapping.properties
        return {
            one: {ours[name].foreign: value or "" for name, value in values.items() if name in ours}
            for one, values in delivery.values.items()
        }

    def _held(self, wishes: Wishes, contacts: Sequence[str]) -> dict[str, datetime | None]:
        """Those of `contacts` whose properties stand as wished, with their modification times."""
        names = sorted({name for one in contacts for name in wishes[one]})
        found: dict[str, datetime | None] = {}
        for part in parts(contacts, WRITTEN):
            for record in self._api.read(CONTACTS, part, names).get("results") or []:
                if _stands(record["properties"], wishes.get(record["id"])):
                    found[record["id"]] = modified(record)
        return found


def _stands(properties: Mapping[str, Any], wished: Mapping[str, str] | None) -> bool:
    return wished is not None and all((properties.get(name) or "") == value for name, value in wished.items())
