"""The checkbox properties that hold our audiences: made once, their options kept up to date, nobody else's touched."""

from collections.abc import Mapping, Sequence

from connector.crms import BROUGHT_BACK, Remembered
from connector.crms._hubspot.api import Api, Body
from connector.crms._hubspot.fields import Fields
from connector.crms._hubspot.floor import Floor
from connector.crms._hubspot.lists import DONE
from connector.crms._hubspot.writes import CONTACTS

DUE = "due"
"""Remembered of an option that was deleted and is to be offered again."""
KIND = {"type": "enumeration", "fieldType": "checkbox"}


class Options:
    """Makes properties and their options."""

    def __init__(self, api: Api, fields: Fields, remembered: Remembered, floor: Floor) -> None:
        self._api = api
        self._fields = fields
        self._remembered = remembered
        self._floor = floor

    def offered(self, name: str, value: str) -> bool:
        """Whether property `name` has an option `value` now."""
        self._floor.add("look at options", 1)
        there = self._api.property(CONTACTS, name)
        return there is not None and value in _by_value(there)

    def offer(self, name: str, purpose: str, wanted: Mapping[str, tuple[str, str]]) -> dict[str, str]:
        """Let property `name` have these options.

        Args:
            wanted: audience -> value and label of its option.

        Returns:
            audience -> why it has none.
        """
        self._floor.add("look at options", 1)
        there = self._api.property(CONTACTS, name)
        if there is not None and any(there.get(key) != kind for key, kind in KIND.items()):
            why = f"the property {name} is not of our kind; rename or delete it in HubSpot, then: lamplighter retry"
            return dict.fromkeys(wanted, why)
        known = _by_value(there or {})
        refused = {
            audience: "its option was deleted in HubSpot a second time, so it stays deleted; remove it from "
            f"audiences.yaml, or bring it back: lamplighter retry --list {audience}"
            for audience, (value, _) in wanted.items()
            if value not in known and self._remembered.get(BROUGHT_BACK, audience) == DONE
        }
        if kept := [each for audience, each in wanted.items() if audience not in refused]:
            self._set(name, purpose, there, kept)
        for audience in wanted.keys() - refused.keys():
            if self._remembered.get(BROUGHT_BACK, audience) == DUE:
                self._remembered.put(BROUGHT_BACK, audience, DONE)
        return refused

    def _set(self, name: str, purpose: str, there: Body | None, wanted: Sequence[tuple[str, str]]) -> None:
        before = sorted((there or {}).get("options") or [], key=lambda each: each.get("displayOrder") or 0)
        labels = {each["value"]: each["label"] for each in before} | dict(wanted)
        options = [{"label": labels[value], "value": value, "displayOrder": at} for at, value in enumerate(labels)]
        if there is None:
            self._make(name, purpose, options)
        elif labels != {each["value"]: each["label"] for each in before}:
            self._floor.add(f"change property {name}", 1)
            hidden = {each["value"]: each.get("hidden", False) for each in before}
            shown = [{**each, "hidden": hidden.get(str(each["value"]), False)} for each in options]
            self._api.change_property(CONTACTS, name, {"options": shown})

    def _make(self, name: str, purpose: str, options: Sequence[Body]) -> None:
        self._fields.make_group()
        self._floor.add(f"make property {name}", 1)
        definition = {
            "groupName": self._fields.group,
            "name": name,
            "label": f"Lamplighter audiences: {purpose}",
            "description": "Kept by Lamplighter; filter your active lists on it",
            "options": [{**each, "hidden": False} for each in options],
            **KIND,
        }
        self._api.create_properties(CONTACTS, [definition])


def _by_value(there: Body) -> dict[str, Body]:
    return {each["value"]: each for each in there.get("options") or []}
