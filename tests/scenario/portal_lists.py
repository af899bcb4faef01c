"""What a marketer does by hand with the lists that we keep in HubSpot."""

from collections.abc import Sequence
from typing import Any

from life import Kept, Marketer

LISTS = "/crm/lists/2026-09"


class PortalMarketer(Marketer):
    """Works on HubSpot's lists."""

    def all_lists(self) -> Sequence[Kept]:
        """The lists of the portal."""
        lists = self.sandbox.portal.state()["lists"]
        return [Kept(name, one["id"], frozenset(one["members"])) for name, one in lists.items()]

    def call(self, one: Kept, name: str) -> None:
        """Give a list another name."""
        self._act("PUT", f"{LISTS}/{one.id}/update-list-name?listName={name.replace(' ', '%20')}")

    def throw_away(self, one: Kept) -> None:
        """Delete a list."""
        self._act("DELETE", f"{LISTS}/{one.id}")

    def change(self, one: Kept, add: Sequence[str], remove: Sequence[str]) -> None:
        """Put contacts in and take contacts out."""
        body = {"recordIdsToAdd": list(add), "recordIdsToRemove": list(remove)}
        self._act("PUT", f"{LISTS}/{one.id}/memberships/add-and-remove", body)

    def _act(self, method: str, path: str, body: Any = None) -> None:
        answer = self.sandbox.portal.act(method, path, body)
        assert answer.status < 300, (method, path, answer.content)
