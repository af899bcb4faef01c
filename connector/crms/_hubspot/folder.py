"""The one folder in HubSpot that our lists are made in: made once, followed when renamed or moved."""

from collections.abc import Iterator
from functools import cached_property

from connector.crms import Remembered
from connector.crms._hubspot.api import Api, Body
from connector.crms._hubspot.floor import Floor

FOLDER, OURS = "folder", "lists"
"""Under what we remember its id."""
TOP = "0"


class Folder:
    """A folder by id, then by name, else a new one.

    Args:
        name: what a new one is called; empty: lists are made at the top.
    """

    def __init__(self, api: Api, name: str, remembered: Remembered, floor: Floor) -> None:
        self._api = api
        self._name = name
        self._remembered = remembered
        self._floor = floor

    @cached_property
    def id(self) -> str | None:
        """The folder's id; None for the top. Takes one call where it is remembered, up to two where it is not."""
        if not self._name:
            return None
        self._floor.add("find folder", 1)
        known = self._remembered.get(FOLDER, OURS)
        if known and self._api.folder(known):
            return known
        found = self._named() or self._made()
        self._remembered.put(FOLDER, OURS, found)
        return found

    def _named(self) -> str | None:
        """A folder of our name anywhere: ours, if what we remembered was lost."""
        top = self._api.folder(TOP)
        return next((str(each["id"]) for each in _below(top or {}) if each["name"] == self._name), None)

    def _made(self) -> str:
        self._floor.add("make folder", 1)
        return str(self._api.create_folder(self._name)["id"])


def _below(folder: Body) -> Iterator[Body]:
    for each in folder.get("childNodes") or []:
        yield each
        yield from _below(each)
