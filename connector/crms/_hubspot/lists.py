"""Our static lists in HubSpot: made once, followed when renamed, made again when deleted. Ids are the truth."""

import logging
from collections.abc import Iterator, Sequence

from connector.crms import Remembered
from connector.crms._hubspot.answers import Refused
from connector.crms._hubspot.api import Api
from connector.crms._hubspot.floor import Floor
from connector.errors import Failed, ListGone
from connector.mapping import Mapping as FieldMapping
from connector.model import ListSpec

log = logging.getLogger(__name__)

LIST, WANTED = "list", "list_wanted"
"""What we remember of a list: its id, and the name under which we are about to create it."""


class Lists:
    """Finds and makes lists of contacts."""

    def __init__(self, api: Api, mapping: FieldMapping, remembered: Remembered, floor: Floor) -> None:
        self._api = api
        self._mapping = mapping
        self._remembered = remembered
        self._floor = floor

    def ensure(self, lists: Sequence[ListSpec]) -> dict[str, str]:
        """Name -> id. Costs no call for lists whose id we remember."""
        return {each.name: self._remembered.get(LIST, each.name) or self._make(each) for each in lists}

    def id(self, name: str) -> str:
        """The id of an ensured list. Raises ListGone for one that is not there."""
        if list_id := self._remembered.get(LIST, name):
            return list_id
        raise ListGone(name)

    def gone(self, name: str) -> ListGone:
        """Forget a list that somebody deleted: the next `ensure` makes another, with another id."""
        self._remembered.put(LIST, name, "")
        return ListGone(name)

    def _make(self, wanted: ListSpec) -> str:
        self._floor.add(f"make list {wanted.name}", 2)
        list_id = next(found for label in self._labels(wanted) if (found := self._made(wanted.name, label)))
        self._remembered.put(LIST, wanted.name, list_id)
        self._remembered.put(WANTED, wanted.name, "")
        return list_id

    def _labels(self, wanted: ListSpec) -> Iterator[str]:
        label = self._mapping.list_prefix + wanted.label
        yield from (label, f"{label} (Lamplighter)", f"{label} (Lamplighter, {wanted.name})")
        raise Failed(f"every name for list {wanted.name} is taken in HubSpot", hint="rename or delete one of them")

    def _made(self, name: str, label: str) -> str | None:
        """The id of our list called `label`, created where it is not there; None where that name is another's.

        What is about to be created is written down first: if the run dies before it learns the id, the list is ours.
        """
        ours = self._remembered.get(WANTED, name) == label
        if found := self._api.list_named(label):
            if ours and found.get("processingType") == "MANUAL":
                return str(found["listId"])
            log.warning("HubSpot has a list of that name which is not ours; ours gets another name: list=%s", name)
            return None
        self._remembered.put(WANTED, name, label)
        return self._created(label)

    def _created(self, label: str) -> str:
        try:
            return str(self._api.create_list(label, self._mapping.list_folder)["listId"])
        except Refused:
            found = self._api.list_named(label)  # the call was repeated, and its first answer lost
            if found is None:
                raise
            return str(found["listId"])
