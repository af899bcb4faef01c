"""Our static lists in HubSpot: made once, followed when renamed, brought back once when deleted. Ids are the truth."""

import logging
from collections.abc import Iterator, Sequence

from connector.crms import BROUGHT_BACK, LOST, Remembered
from connector.crms._hubspot.answers import Refused
from connector.crms._hubspot.api import Api, Body
from connector.crms._hubspot.floor import Floor
from connector.crms._hubspot.folder import Folder
from connector.crms._hubspot.source import parts
from connector.errors import ListGone, RetryLater
from connector.mapping import Mapping as FieldMapping
from connector.model import Ensured, ListSpec

log = logging.getLogger(__name__)

LIST, WANTED = "list", "list_wanted"
"""What we remember of a list: its id, and the name under which we are about to create it."""
DONE = "yes"
"""Remembered of a list that was brought back."""
OURS = "MANUAL"
"""The processing type of lists whose members we say."""
ASKED = 100
"""Lists to a read by ids."""


class NotMade(Exception):
    """Why a list is not there, and what to do about it."""


class Lists:
    """Finds and makes lists of contacts.

    Args:
        most: of our lists at a time.
    """

    def __init__(self, api: Api, mapping: FieldMapping, remembered: Remembered, most: int, floor: Floor) -> None:
        self._api = api
        self._prefix = mapping.list_prefix
        self._remembered = remembered
        self._most = most
        self._floor = floor
        self._folder = Folder(api, mapping.list_folder, remembered, floor)

    def ensure(self, lists: Sequence[ListSpec]) -> Ensured:
        """See `connector.ports.Destination.ensure`. Costs no call for lists whose id we remember."""
        ids: dict[str, str] = {}
        refused: dict[str, str] = {}
        for each in lists:
            try:
                ids[each.name] = self._remembered.get(LIST, each.name) or self._stand(each)
            except NotMade as why:
                refused[each.name] = str(why)
        return Ensured(ids=ids, refused=refused)

    def id(self, name: str) -> str:
        """The id of an ensured list. Raises ListGone for one that is not there."""
        if list_id := self._remembered.get(LIST, name):
            return list_id
        raise ListGone(name)

    def look(self, name: str) -> Body:
        """An ensured list as it is now, its members not included. Raises ListGone where it is no list of ours now."""
        found = self._living(self.id(name))
        if found is None or found["processingType"] != OURS:
            raise self.gone(name)
        return found

    def gone(self, name: str) -> ListGone:
        """Note that a list was deleted or turned into something else: `ensure` brings it back, or says why not."""
        self._remembered.change(name, {LOST: self.id(name), LIST: ""})
        return ListGone(name)

    def _stand(self, wanted: ListSpec) -> str:
        lost = self._remembered.get(LOST, wanted.name)
        list_id = self._brought_back(wanted.name, lost) if lost else None
        return self._kept(wanted.name, list_id or self._made(wanted), deleted_before=bool(lost))

    def _kept(self, name: str, list_id: str, *, deleted_before: bool) -> str:
        brought_back = {BROUGHT_BACK: DONE, LOST: ""} if deleted_before else {}
        self._remembered.change(name, {LIST: list_id, WANTED: "", **brought_back})
        return list_id

    def _living(self, list_id: str) -> Body | None:
        self._floor.add("look at lists", 1)
        return self._api.list_with_id(list_id)

    def _brought_back(self, name: str, lost: str) -> str | None:
        """The id of a list that somebody deleted, once it stands again; None where a new one must be made."""
        found = self._living(lost)
        if found is None and self._remembered.get(BROUGHT_BACK, name) == DONE:
            raise NotMade(
                "it was deleted in HubSpot a second time, so it stays deleted; remove it from audiences.yaml, or bring "
                f"it back: lamplighter retry --list {name}"
            )
        if found is None:
            found = self._restored(lost)
        if found is not None and found["processingType"] != OURS:
            raise NotMade(
                f"somebody turned it into a list of type {found['processingType']}, so it is left alone; to have "
                f"one of ours beside it: lamplighter retry --list {name}"
            )
        return None if found is None else str(found["listId"])

    def _restored(self, lost: str) -> Body | None:
        """A deleted list as it was, its members too; None where HubSpot cannot do that any more."""
        self._floor.add("restore lists", 2)
        why_not = None
        try:
            self._api.restore_list(lost)
        except Refused as refused:
            if refused.status not in (400, 404, 409):
                raise
            why_not = refused
        found = self._api.list_with_id(lost)  # refused, too: the call may have been repeated, and its first answer lost
        if found is None and why_not is None:
            raise RetryLater("HubSpot did not restore a deleted list, and did not say why", hint="lamplighter run")
        return found

    def _made(self, wanted: ListSpec) -> str:
        self._make_room()
        self._floor.add(f"make list {wanted.name}", 2)
        return next(found for label in self._labels(wanted) if (found := self._called(wanted.name, label)))

    def _make_room(self) -> None:
        """Raises NotMade where there are as many lists of ours as there may be."""
        if len(self._remembered.all(LIST)) >= self._most:
            self._forget_deleted()
        if len(self._remembered.all(LIST)) >= self._most:
            raise NotMade(
                f"there are {self._most} lists of ours in HubSpot already, as many as hubspot.max_lists allows; raise "
                "it, or remove audiences from audiences.yaml and delete their lists in HubSpot, then: lamplighter retry"
            )

    def _forget_deleted(self) -> None:
        ours = self._remembered.all(LIST)
        found = [each for part in parts(list(ours.values()), ASKED) for each in self._api.lists_with_ids(part)]
        there = {str(each["listId"]) for each in found}
        for name in [name for name, list_id in ours.items() if list_id not in there]:
            if self._living(self.id(name)) is None:  # an answer that leaves a list out does not say that it is deleted
                self.gone(name)

    def _labels(self, wanted: ListSpec) -> Iterator[str]:
        label = self._prefix + wanted.label
        yield from (label, f"{label} (Lamplighter)", f"{label} (Lamplighter, {wanted.name})")
        raise NotMade(f"HubSpot has other lists called {label!r}; rename one of them, then: lamplighter retry")

    def _called(self, name: str, label: str) -> str | None:
        """The id of our list called `label`, created where it is not there; None where that name is another's.

        What is about to be created is written down first: if the run dies before it learns the id, the list is ours.
        """
        ours = self._remembered.get(WANTED, name) == label
        if found := self._api.list_named(label):
            if ours and found.get("processingType") == OURS:
                return str(found["listId"])
            log.warning("HubSpot has a list of that name which is not ours; ours gets another name: list=%s", name)
            return None
        self._remembered.put(WANTED, name, label)
        return self._created(label)

    def _created(self, label: str) -> str:
        folder = self._folder.id
        try:
            return str(self._api.create_list(label, folder)["listId"])
        except Refused as refused:
            if found := self._api.list_named(label):  # the call was repeated, and its first answer lost
                return str(found["listId"])
            if refused.status in (400, 409) and "limit" in refused.words.lower():
                raise NotMade(
                    f"the account has no room for another list ({refused.words}); delete lists in HubSpot that nobody "
                    "needs, or remove audiences from audiences.yaml, then: lamplighter retry"
                ) from None
            raise
