"""Our custom audiences at Meta: found by id, then by our key in their description, else made; never one of others."""

import hashlib
import logging
from collections.abc import Iterator, Sequence

from connector.ads._meta.answers import FLAGGED, NOT_THERE, TERMS, TERMS_FIX, Refused
from connector.ads._meta.api import SYSTEM, Api, Body
from connector.ads._standing import AUDIENCE, NotMade, Standing
from connector.errors import ListGone, RetryLater
from connector.limits import Again
from connector.model import Ensured, ListSpec, Purpose
from connector.ports import Remembered

log = logging.getLogger(__name__)

STOPPED, FREED = "audience_flagged", "audience_freed"
"""Under what the id of an audience is remembered that Meta has flagged, or has let go of since: nobody could leave it
in between."""
FLAGGED_STATUS = 471
"""Code of an `operation_status`: its name tells something that no audience may (Meta, since 2025-09-02)."""
FIELDS = "id,name,description,subtype,operation_status"
PREFIX = "Lamplighter: "
LONGEST = 50
"""Characters of a name that Ads Manager takes."""
CUSTOM = "CUSTOM"
FULL = 2654
"""Meta made no audience: there are as many as there may be."""
APPEAL = (
    "Meta has flagged it, as its name seems to tell of health or money; appeal in Meta's Audience Manager, or mark the "
    "products behind it as sensitive"
)


def mark(name: str) -> str:
    """Our key in an audience's description. A digest, so that it tells of no product."""
    return f"Kept by Lamplighter, key {hashlib.sha256(name.encode()).hexdigest()[:16]}"


class Audiences:
    """Finds, makes and deletes audiences."""

    def __init__(self, api: Api, remembered: Remembered) -> None:
        self._api = api
        self._remembered = remembered
        self._standing = Standing(SYSTEM, remembered)
        self._most = api.settings.max_lists
        self._listed: list[Body] | None = None

    def ensure(self, lists: Sequence[ListSpec]) -> Ensured:
        """See `connector.ports.AdDestination.ensure`."""
        self._listed = None
        return self._standing.ensured(lists, self._stand)

    def id(self, name: str) -> str:
        """The id of an ensured audience. Raises ListGone for one that is not there."""
        return self._standing.id(name)

    def remembered(self) -> int:
        """How many of ours stand."""
        return len(self._standing.all())

    def told(self, name: str, refused: Refused) -> Exception:
        """What a refusal about an audience means: it is gone, or flagged, which `ensure` then tells; else itself."""
        if refused.subcode == NOT_THERE:
            return self._standing.gone(name)
        if refused.subcode != FLAGGED:
            return refused
        self._remembered.put(STOPPED, name, self.id(name))
        self._remembered.put(AUDIENCE, name, "")
        return ListGone(name)

    def drop(self, name: str) -> None:
        """Delete an audience of ours, if it is there."""
        id = self._remembered.get(AUDIENCE, name) or self._remembered.get(STOPPED, name)
        try:
            if id:
                self._api.call("DELETE", id, "delete an audience")
        except Refused as refused:
            if refused.subcode != NOT_THERE:
                raise
        self._standing.forget(name)
        for kind in (STOPPED, FREED):
            self._remembered.put(kind, name, "")

    def all(self) -> Iterator[Body]:
        """Every audience of the account."""
        yield from self._api.pages(f"{self._api.settings.node}/customaudiences", "list audiences", FIELDS)

    def is_ours(self, audience: Body) -> bool:
        """Whether an audience of the account is one of ours."""
        ours = [id for kind in (AUDIENCE, STOPPED) for id in self._remembered.all(kind).values()]
        return str(audience.get("id")) in ours

    def _stand(self, wanted: ListSpec) -> str:
        if (stopped := self._remembered.get(STOPPED, wanted.name)) and self._still_flagged(stopped):
            raise NotMade(f"{APPEAL}; then lamplighter run")
        id = self._api.repeated("make an audience", lambda: self._found(wanted.name) or self._made(wanted))
        self._remembered.put(STOPPED, wanted.name, "")
        self._remembered.put(FREED, wanted.name, id if id == stopped else "")
        return id

    def _still_flagged(self, id: str) -> bool:
        try:
            return flagged(self._api.call("GET", id, "look at an audience", {"fields": FIELDS}))
        except Refused as refused:
            if refused.subcode == NOT_THERE:
                return False
            raise

    def _found(self, name: str) -> str | None:
        """The id of an audience with our key: one that was made, and whose id we never heard or have forgotten.

        Looked for before every attempt to make one, so that an attempt whose answer was lost makes no second.
        """
        if self._listed is None:
            self._listed = [one for one in self.all() if one.get("subtype") == CUSTOM]
        marked = [one for one in self._listed if one.get("description") == mark(name)]
        if not marked:
            return None
        if flagged(marked[0]):
            self._remembered.put(STOPPED, name, str(marked[0]["id"]))
            raise NotMade(f"{APPEAL}; then lamplighter run")
        return str(marked[0]["id"])

    def _made(self, wanted: ListSpec) -> str:
        if self.remembered() >= self._most:
            raise NotMade(
                f"there are {self._most} audiences of ours at Meta already, as many as ads.meta.max_lists allows; "
                "raise it, or have fewer groups"
            )
        try:
            body = self._created(wanted, restricted=wanted.purpose is Purpose.EXCLUDE)
        except Refused as refused:
            raise self._why_not(refused) from None
        except Again:
            self._listed = None
            raise
        if "id" not in body:
            self._listed = None
            raise Again("Meta answered the making of an audience with nothing")
        return str(body["id"])

    def _created(self, wanted: ListSpec, *, restricted: bool) -> Body:
        told = {
            "name": (PREFIX + wanted.label)[:LONGEST],
            "description": mark(wanted.name),
            "subtype": CUSTOM,
            "customer_file_source": "USER_PROVIDED_ONLY",
            **({"usage_restriction": "EXCLUSION_ONLY"} if restricted else {}),
        }
        try:
            return self._api.once("POST", f"{self._api.settings.node}/customaudiences", "make an audience", told)
        except Refused as refused:
            if not (restricted and "usage_restriction" in refused.words):
                raise
        log.warning("Meta does not take usage_restriction of this account; the audience is made without")
        return self._created(wanted, restricted=False)

    def _why_not(self, refused: Refused) -> Exception:
        if refused.subcode == TERMS:
            return NotMade(f"the Custom Audience Terms are not accepted; {TERMS_FIX.format('lamplighter run')}")
        if refused.code == FULL:
            return NotMade(
                f"the ad account has no room for another audience ({refused.words}); delete audiences in Meta's "
                "Audience Manager that nobody needs, then lamplighter run"
            )
        return refused


def flagged(audience: Body) -> bool:
    """Whether Meta has flagged an audience."""
    status = audience.get("operation_status") or {}
    return isinstance(status, dict) and status.get("code") == FLAGGED_STATUS


def not_told(what: str) -> RetryLater:
    """The error for a friendly answer that lacks what it must hold."""
    return RetryLater(f"Meta answered {what} with less than was sent; what is done is kept", hint="lamplighter run")
