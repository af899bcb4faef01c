"""Our audiences at Google are user lists: found by the code that we gave them, made once, opened again when closed."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from connector.ads._google.answers import Refused
from connector.ads._google.transport import SYSTEM, Transport
from connector.ads._standing import NotMade, Standing
from connector.errors import ListGone, RetryLater
from connector.model import Ensured, ListSpec
from connector.ports import Remembered

log = logging.getLogger(__name__)

UserList = Mapping[str, Any]

OURS = "lamplighter:"
"""An integration code that begins so names one of our audiences."""
PREFIX = "Lamplighter: "
LONGEST_DAYS = 540
"""A membership lasts no longer (Google Ads developer blog, 2025-02)."""
LONGEST_NAME = 255
PAGE = 1_000
"""The largest page (ListUserListsRequest)."""
CONTACT_ID = "CONTACT_ID"
AGAIN = "lamplighter run, later"
FOUND = "google_found"
"""Under what a list is remembered that stood already: who is in it from before is not in our books."""


class Lists:
    """Finds, makes and deletes user lists."""

    def __init__(self, transport: Transport, standing: Standing, remembered: Remembered) -> None:
        self._transport = transport
        self._standing = standing
        self._remembered = remembered
        self._parent = f"/v1/accountTypes/GOOGLE_ADS/accounts/{transport.settings.account}/userLists"

    def ensure(self, lists: Sequence[ListSpec]) -> Ensured:
        """See `connector.ports.AdDestination.ensure`. All lists are looked through once, if any must be found."""
        there: dict[str, UserList] = {}

        def make(wanted: ListSpec) -> str:
            if not there:
                there.update({str(one.get("integrationCode") or one["id"]): one for one in self.all()})
            found = there.get(OURS + wanted.name)
            return self._taken_over(wanted, found) if found else self._made(wanted)

        return self._standing.ensured(lists, make)

    def all(self) -> Iterator[UserList]:
        """Every user list of the account. Raises RetryLater where an answer holds rows that are none."""
        token = ""
        while True:
            query = urlencode({"pageSize": PAGE, **({"pageToken": token} if token else {})})
            page = self._transport.call("list user lists", "GET", f"{self._parent}?{query}", reads=True)
            rows = page.get("userLists") or ()
            if not isinstance(rows, Sequence) or not all(isinstance(row, Mapping) and row.get("id") for row in rows):
                raise RetryLater("Google answered with user lists that name nothing", hint=AGAIN)
            yield from rows
            token = str(page.get("nextPageToken") or "")
            if not token:
                return

    def _taken_over(self, wanted: ListSpec, found: UserList) -> str:
        """The id of a list of ours that our books do not know, or no more."""
        self._remembered.put(FOUND, wanted.name, str(found["id"]))
        return self._open(found)

    def _open(self, found: UserList) -> str:
        """The id of a list that is there; one that Google closed is opened again."""
        id = str(found["id"])
        if found.get("membershipStatus") == "CLOSED":
            target = f"{self._parent}/{id}?updateMask=membershipStatus"
            self._transport.call("open a user list", "PATCH", target, {"membershipStatus": "OPEN"})
            log.info("Google had closed the user list %s, which no campaign used; it is open again", id)
        return id

    def _made(self, wanted: ListSpec) -> str:
        most = self._transport.settings.max_lists
        if len(self._standing.all()) >= most:
            raise NotMade(f"there are {most:,} user lists of ours already; raise ads.google.max_lists, or keep fewer")
        try:
            made = self._transport.call("make a user list", "POST", self._parent, _resource(wanted))
        except Refused as refused:
            return self._after_refusal(wanted, refused)
        if not made.get("id"):
            raise RetryLater("Google made a user list and did not say which; the next run looks for it", hint=AGAIN)
        return str(made["id"])

    def _after_refusal(self, wanted: ListSpec, refused: Refused) -> str:
        """It may stand nevertheless: the call may have been repeated, and its first answer lost."""
        if refused.status != 400:
            raise refused
        for one in self.all():
            if one.get("integrationCode") == OURS + wanted.name:
                return self._taken_over(wanted, one)
        raise NotMade(f"{refused.message}; {refused.hint}") from None

    def look(self) -> None:
        """See what became of our lists: one that was deleted is noted, one that Google closed is opened again."""
        there = {str(one["id"]): one for one in self.all()}
        for audience, id in self._standing.all().items():
            if id not in there:
                self._standing.gone(audience)
                continue
            try:
                self._open(there[id])
            except Refused as refused:
                log.warning("%s keeps %s closed, so it is made anew: %s", SYSTEM, audience, refused.message)
                self._standing.gone(audience)

    def drop(self, audience: str) -> None:
        """Delete a list of ours. One that is gone already is no error."""
        try:
            self._transport.call("delete a user list", "DELETE", f"{self._parent}/{self._standing.id(audience)}")
        except ListGone:
            pass
        except Refused as refused:
            if not refused.gone:
                raise
        self._standing.forget(audience)
        self._remembered.put(FOUND, audience, "")


def takes_people(found: UserList) -> bool:
    """Whether people may be put into a list, or taken out, by e-mail address or phone number."""
    keys = (found.get("ingestedUserListInfo") or {}).get("uploadKeyTypes") or ()
    return CONTACT_ID in keys and not found.get("readOnly") and found.get("accessReason", "OWNED") == "OWNED"


def _resource(wanted: ListSpec) -> dict[str, Any]:
    return {
        "displayName": (PREFIX + wanted.label)[:LONGEST_NAME],
        "description": "Kept by Lamplighter: people who bought, for exclusion from ads.",
        "integrationCode": OURS + wanted.name,
        "membershipDuration": f"{LONGEST_DAYS * 86_400}s",
        "ingestedUserListInfo": {"uploadKeyTypes": [CONTACT_ID]},
    }
