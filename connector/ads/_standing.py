"""Which of our audiences stand at a platform, by what is remembered of them. Knows no platform."""

from collections.abc import Callable, Sequence

from connector.errors import ListGone
from connector.model import Ensured, ListSpec
from connector.ports import Remembered

AUDIENCE = "audience"
"""Under what the id of an audience is remembered."""
LOST, BROUGHT_BACK = "list_lost", "list_brought_back"
"""The same of one that somebody deleted, and that it was made again once already. Who forgets both lets it be made
anew, as with the lists of a CRM."""
DONE = "yes"


class NotMade(Exception):
    """Why an audience is not there, and what to do about it. Never leaves an adapter."""


class Standing:
    """The audiences of ours that are there.

    Args:
        platform: its name, in words for the admin.
    """

    def __init__(self, platform: str, remembered: Remembered) -> None:
        self._platform = platform
        self._remembered = remembered

    def ensured(self, lists: Sequence[ListSpec], make: Callable[[ListSpec], str]) -> Ensured:
        """See `connector.ports.AdDestination.ensure`.

        Args:
            make: finds or makes one that is not remembered; returns its id, or raises NotMade.
        """
        ids: dict[str, str] = {}
        refused: dict[str, str] = {}
        for each in lists:
            try:
                ids[each.name] = self._remembered.get(AUDIENCE, each.name) or self._stand(each, make)
            except NotMade as why:
                refused[each.name] = str(why)
        return Ensured(ids=ids, refused=refused)

    def _stand(self, wanted: ListSpec, make: Callable[[ListSpec], str]) -> str:
        lost = self._remembered.get(LOST, wanted.name)
        if lost and self._remembered.get(BROUGHT_BACK, wanted.name):
            raise NotMade(
                f"it was deleted at {self._platform} a second time, so it stays deleted; bring it back: "
                f"lamplighter retry --list {wanted.name}"
            )
        made = make(wanted)
        brought_back = {BROUGHT_BACK: DONE, LOST: ""} if lost else {}
        self._remembered.change(wanted.name, {AUDIENCE: made, **brought_back})
        return made

    def id(self, audience: str) -> str:
        """The id of an ensured audience. Raises ListGone for one that is not there."""
        if found := self._remembered.get(AUDIENCE, audience):
            return found
        raise ListGone(audience)

    def all(self) -> dict[str, str]:
        """Name -> id, of those that stand."""
        return dict(self._remembered.all(AUDIENCE))

    def gone(self, audience: str) -> ListGone:
        """Note that somebody deleted an audience: `ensured` makes it again, once."""
        self._remembered.change(audience, {LOST: self.id(audience), AUDIENCE: ""})
        return ListGone(audience)

    def forget(self, audience: str) -> None:
        """Note that an audience is not there any more because we wanted it so."""
        self._remembered.change(audience, dict.fromkeys((AUDIENCE, LOST, BROUGHT_BACK), ""))
