"""What HubSpot must write into the webhooks journal for us: one subscription for each thing that happens to a type.

The journal belongs to the app, not to the account: its tokens are the app's own, and what it tells is filtered by us.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from connector.crms._hubspot.answers import Refused
from connector.crms._hubspot.api import Body
from connector.crms._hubspot.journal_events import CHANGED, TIED
from connector.crms._hubspot.source import Source
from connector.crms._hubspot.streams import Stream
from connector.crms._hubspot.tokens import Tokens
from connector.errors import LamplighterError
from connector.model import Finding

SCOPES = " ".join(
    f"developer.webhooks_journal.{each}" for each in ("read", "subscriptions.read", "subscriptions.write")
)
TYPE_IDS = {"contacts": "0-1", "deals": "0-3", "products": "0-7", "line_items": "0-8", "orders": "0-123"}
"""HubSpot's numbers of its own types; those of an account's own types stand in the mapping as they are."""
MERGEABLE = ("contact", "deal")


class Subscriptions:
    """The subscriptions of one app in one account."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._path = f"/webhooks-journal/subscriptions/{source.settings.version}"

    @cached_property
    def tokens(self) -> Tokens:
        """Tokens of the app. Raises SetupError for an install without OAuth."""
        return self._source.api.transport.app_tokens(SCOPES)

    @cached_property
    def portal(self) -> str:
        """The account's number."""
        granted = self._source.api.transport.tokens.granted
        return granted.hub_id if granted and granted.hub_id else str(self._source.api.account()["portalId"])

    @cached_property
    def types(self) -> Mapping[str, Stream]:
        """HubSpot's type id -> our stream."""
        kinds = {name: self._source.kind(stream) for name, stream in self._source.streams.items()}
        return {number: self._source.streams[name] for name, kind in kinds.items() if (number := type_id(kind))}

    def wanted(self) -> Iterator[Body]:
        """All that we want to hear of. What is left empty is not narrowed; HubSpot demands it all the same."""
        for number, stream in self.types.items():
            merges = ["MERGE"] if stream.name in MERGEABLE else []
            actions = [*CHANGED, "DELETE", "RESTORE", *merges]
            yield {**_about("OBJECT", number, actions), "objectIds": [], "properties": []}
            if ends := sorted({end for parent in stream.parents if (end := type_id(parent.object))}):
                yield {**_about("ASSOCIATION", number, TIED), "objectIds": [], "associatedObjectTypeIds": ends}
            if stream.name == "contact":
                yield _about("GDPR_PRIVACY_DELETION", number, ["GDPR_DELETE"])

    def missing(self) -> list[Body]:
        """Those that there are not, or that tell less than we want."""
        found = self._asked("GET").get("results") or []
        ours = [one for one in found if str(one.get("portalId", self.portal)) == self.portal]
        return [one for one in self.wanted() if not any(_covers(each, one) for each in ours)]

    def provision(self) -> None:
        """Make those that are missing."""
        self._source.floor.add("journal subscriptions", 1)
        for one in self.missing():
            self._source.floor.add("make journal subscription", 1)
            self._asked("POST", {**one, "portalId": int(self.portal)})

    def _asked(self, method: str, body: Body | None = None) -> Body:
        return self._source.api.transport.request(method, self._path, body=body, tokens=self.tokens).body

    def finding(self) -> Finding:
        """Whether HubSpot tells us all that we want to hear. Reads only."""
        title = "HubSpot webhooks journal"
        try:
            missing = self.missing()
        except Refused as refused:
            fix = "only apps that were connected by OAuth may use it: lamplighter connect hubspot --oauth, or set "
            return Finding(ok=False, title=title, detail=refused.message, fix=f"{fix}hubspot.journal: false")
        except LamplighterError as error:
            return Finding(ok=False, title=title, detail=error.message, fix=error.hint)
        if not missing:
            return Finding(ok=True, title=title, detail="all that is needed is written into it")
        names = ", ".join(f"{one['subscriptionType']} of {one['objectTypeId']}" for one in missing)
        fix = "lamplighter check --fix, or lamplighter run"
        return Finding(ok=False, title=title, detail=f"nobody subscribed to {names}", fix=fix)


def _about(what: str, number: str, actions: Sequence[str]) -> Body:
    return {"subscriptionType": what, "objectTypeId": number, "actions": list(actions)}


def type_id(kind: str) -> str:
    """HubSpot's number of a type; empty where only HubSpot knows it."""
    return TYPE_IDS.get(kind, kind if re.fullmatch(r"\d+-\d+", kind) else "")


def _covers(there: Mapping[str, Any], wanted: Body) -> bool:
    """Whether a subscription tells all that we want."""
    same = all(there.get(name) == wanted[name] for name in ("subscriptionType", "objectTypeId"))
    narrowed = there.get("properties") or there.get("objectIds")
    ends = there.get("associatedObjectTypeIds") or wanted.get("associatedObjectTypeIds", [])
    told = set(wanted["actions"]) <= set(there.get("actions") or [])
    return same and told and not narrowed and set(wanted.get("associatedObjectTypeIds", [])) <= set(ends)
