"""Our properties on HubSpot's contacts: defined once, then written by the hundred."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from connector.crms._hubspot.answers import Refused, unusable
from connector.crms._hubspot.api import Api, Body
from connector.crms._hubspot.divide import Divided
from connector.crms._hubspot.floor import Floor
from connector.crms._hubspot.memberships import GONE, LEFT_OUT
from connector.crms._hubspot.source import parts
from connector.errors import RetryLater, SetupError
from connector.mapping import Mapping as FieldMapping
from connector.mapping import Property
from connector.model import Delivery, Receipt

CONTACTS = "contacts"
WRITTEN = 100
"""Records to a batch (HubSpot, object API reference)."""
UNKNOWN = "PROPERTY_DOESNT_EXIST"

Wishes = Mapping[str, Mapping[str, str]]
"""Contact -> HubSpot's property -> value; the empty text clears."""


class Fields:
    """The properties that the mapping gives us to write."""

    def __init__(self, api: Api, mapping: FieldMapping, floor: Floor) -> None:
        self._api = api
        self._mapping = mapping
        self._floor = floor

    def provision(self) -> None:
        """Create the group and the properties that are not there. Somebody else creating them meanwhile is fine."""
        self._floor.add("read properties", 1)
        there = self._api.properties(CONTACTS)
        missing = self.missing(there)
        if missing and not any(each.get("groupName") == self._mapping.group for each in there):
            self._create_group()
        if missing:
            self._create(missing)

    def missing(self, there: Sequence[Body]) -> list[Property]:
        """Those of our properties that are not among the definitions `there`."""
        names = {each["name"] for each in there}
        return [each for each in self._mapping.properties.values() if each.foreign not in names]

    def _create_group(self) -> None:
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
        wishes = self._wishes(delivery)
        self._floor.add("write properties", len(wishes), per_call=WRITTEN)
        written, rejected = self._write(wishes)
        open_ones = [one for one in wishes if one not in written and one not in rejected]
        held = self._held(wishes, open_ones)
        if open_ones and len(open_ones) == len(wishes) and not held:
            raise RetryLater(f"HubSpot wrote none of {len(wishes)} contacts", hint="lamplighter run")
        left_out = {one: LEFT_OUT for one in open_ones if one not in held}
        return Receipt(written=written | held, rejected=rejected | left_out)

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

    def _write(self, wishes: Wishes) -> tuple[dict[str, datetime | None], dict[str, str]]:
        """What HubSpot says it wrote, and what it says it will not."""
        written: dict[str, datetime | None] = {}
        rejected: dict[str, str] = {}

        def send(contacts: Sequence[str]) -> None:
            answer = self._update([_input(one, wishes[one]) for one in contacts])
            times, unknown = _written(answer), unusable(answer)
            written.update({one: times[one] for one in contacts if one in times})
            rejected.update({one: GONE for one in contacts if one in unknown and one not in times})

        divided = Divided(send, frozenset({400, 409, 413}))
        for part in parts(list(wishes), WRITTEN):
            divided.send(part)
        return written, rejected | dict(divided.refused)

    def _update(self, rows: Sequence[Body]) -> Body:
        try:
            return self._api.update(CONTACTS, rows)
        except Refused as refused:
            if UNKNOWN not in refused.codes:
                raise
            message = f"HubSpot does not know a property of ours: {refused.words}"
            raise SetupError(message, hint="lamplighter check names it, lamplighter run creates it") from None

    def _held(self, wishes: Wishes, contacts: Sequence[str]) -> dict[str, datetime | None]:
        """Those of `contacts` whose properties stand as wished, with their modification times."""
        names = sorted({name for one in contacts for name in wishes[one]})
        found: dict[str, datetime | None] = {}
        for part in parts(contacts, WRITTEN):
            for record in self._api.read(CONTACTS, part, names).get("results") or []:
                if _stands(record["properties"], wishes.get(record["id"])):
                    found[record["id"]] = _modified(record)
        return found


def _input(contact: str, properties: Mapping[str, str]) -> Body:
    return {"id": contact, "objectWriteTraceId": contact, "properties": dict(properties)}


def _stands(properties: Mapping[str, Any], wished: Mapping[str, str] | None) -> bool:
    return wished is not None and all((properties.get(name) or "") == value for name, value in wished.items())


def _written(answer: Body) -> dict[str, datetime | None]:
    """Contact as it was asked for (its trace: a merged one answers under another id) -> when it was modified."""
    results = answer.get("results") or []
    return {str(each.get("objectWriteTraceId") or each["id"]): _modified(each) for each in results}


def _modified(record: Mapping[str, Any]) -> datetime | None:
    text = record.get("updatedAt")
    return datetime.fromisoformat(text) if text else None
