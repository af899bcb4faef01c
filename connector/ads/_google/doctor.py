"""What an admin should know before Google is told of anybody: each finding with its fix. Changes nothing."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC
from typing import Any

from connector.ads._google import payload
from connector.ads._google.answers import CHECK
from connector.ads._google.lists import Lists
from connector.ads._google.members import INGEST
from connector.ads._google.requests import MATCH_RATE
from connector.ads._google.sales import INGEST as INGEST_EVENTS
from connector.ads._google.transport import Transport
from connector.ads._identifiers import key
from connector.ads._standing import Standing
from connector.errors import LamplighterError
from connector.model import Finding
from connector.ports import Remembered

NEAR = 0.9
"""Share of the lists that we may keep, from which on an admin should know."""
NOBODY = key("email", "nobody@lamplighter.invalid")
"""Whom Google is asked to imagine where it checks a request without carrying it out."""
TERMS = (
    "accept Google's Customer Match terms in Google Ads (Tools, Audience manager), and set ads.google.terms_accepted"
)


class Doctor:
    """Looks at access, terms, lists and sales."""

    def __init__(self, transport: Transport, lists: Lists, standing: Standing, remembered: Remembered) -> None:
        self._transport = transport
        self._lists = lists
        self._standing = standing
        self._remembered = remembered

    def findings(self) -> Iterator[Finding]:
        """One line for each thing looked at; an account that cannot be reached ends it."""
        try:
            there = {str(one["id"]): one for one in self._lists.all()}
        except LamplighterError as error:
            yield _trouble("Google Ads account", error)
            return
        detail = f"reached by {self._transport.tokens.kind}; it holds {len(there):,} user lists"
        yield Finding(ok=True, title="Google Ads account", detail=detail)
        yield self._number()
        yield from self._state(there)
        yield self._terms(there)
        yield self._sales()

    def _number(self) -> Finding:
        ours, most = len(self._standing.all()), self._transport.settings.max_lists
        detail = f"{ours:,} of at most {most:,} are ours"
        fix = "" if ours < most * NEAR else "raise ads.google.max_lists in lamplighter.yaml, or keep fewer audiences"
        return Finding(ok=not fix, title="Google user lists", detail=detail, fix=fix)

    def _state(self, there: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
        rates = self._remembered.all(MATCH_RATE)
        for audience, id in sorted(self._standing.all().items()):
            title = f"Google user list {audience}"
            if id not in there:
                yield Finding(ok=False, title=title, detail="somebody deleted it", fix="lamplighter run makes it again")
            elif there[id].get("membershipStatus") == "CLOSED":
                detail = "Google closed it: no campaign has used it for long"
                fix = "exclude it in a campaign; lamplighter run opens it again"
                yield Finding(ok=False, title=title, detail=detail, fix=fix)
            else:
                yield Finding(ok=True, title=title, detail=_told(there[id], rates.get(id, "")))

    def _terms(self, there: Mapping[str, Any]) -> Finding:
        title = "Google Customer Match"
        if not self._transport.settings.terms_accepted:
            return Finding(ok=False, title=title, detail="its terms are not accepted", fix=TERMS)
        ours = [id for id in self._standing.all().values() if id in there]
        if not ours:
            return Finding(ok=True, title=title, detail="its terms are accepted, as lamplighter.yaml says")
        body = {"audienceMembers": payload.granted(payload.rows([NOBODY])), "termsOfService": payload.TERMS}
        return self._imagined(title, INGEST, ours[:1], body, "Google would take people")

    def _sales(self) -> Finding:
        title, action = "Google sales", self._transport.settings.conversion_action
        if not action:
            detail = "none are told; ads.google.conversion_action would name where they count"
            return Finding(ok=True, title=title, detail=detail)
        at = self._transport.clock.now().astimezone(UTC).isoformat().replace("+00:00", "Z")
        event = {"eventTimestamp": at, "consent": payload.GRANTED, "transactionId": "lamplighter-check"}
        data = {"userData": {"userIdentifiers": [payload.identifier(NOBODY)]}}
        return self._imagined(title, INGEST_EVENTS, [action], {"events": [{**event, **data}]}, "Google would take them")

    def _imagined(
        self, title: str, target: str, places: Sequence[str], body: Mapping[str, Any], detail: str
    ) -> Finding:
        """What Google says to a request that it is asked to check and not to carry out."""
        where = {"destinations": payload.destinations(self._transport.settings, places), "encoding": payload.ENCODING}
        try:
            asked = {**where, **body, "validateOnly": True}
            self._transport.call("check a request", "POST", target, asked, reads=True)
        except LamplighterError as error:
            return _trouble(title, error)
        return Finding(ok=True, title=title, detail=detail)


def _told(found: Mapping[str, Any], rate: str) -> str:
    size = (found.get("sizeInfo") or {}).get("displayNetworkMembersCount") or 0
    matched = f"; of the last upload Google knew {rate}" if rate else ""
    return f"open, about {int(size):,} people on the Display Network{matched}"


def _trouble(title: str, error: LamplighterError) -> Finding:
    return Finding(ok=False, title=title, detail=error.message, fix=error.hint or CHECK)
