"""Who is in our user lists: added, taken out, all said again, and taken out of every list of the account."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC
from typing import Any

from connector.ads._google import payload
from connector.ads._google.answers import Refused
from connector.ads._google.lists import FOUND
from connector.ads._google.requests import Requests
from connector.ads._google.transport import Transport
from connector.ads._standing import Standing
from connector.errors import EndPass, LamplighterError, SetupError
from connector.model import Delivery, Receipt
from connector.ports import Remembered

log = logging.getLogger(__name__)

MOST_MEMBERS = 10_000
MOST_DESTINATIONS = 10
MOST_ROUNDS = 20
"""So often a batch is sent again without the rows that Google did not take, until something else must be wrong."""
UNREADABLE = "no SHA-256 is in this match key"
INGEST, REMOVE, REMOVE_ALL = (f"/v1/audienceMembers:{word}" for word in ("ingest", "remove", "removeAll"))


REFRESH = "google_refresh"
"""Under what a refresh is remembered until it is ended: when it began, by Google's clock."""


class Members:
    """Changes who is in."""

    def __init__(self, transport: Transport, standing: Standing, requests: Requests, remembered: Remembered) -> None:
        self._transport = transport
        self._standing = standing
        self._requests = requests
        self._remembered = remembered

    def deliver(self, delivery: Delivery) -> Receipt:
        """See `connector.ports.AdDestination.deliver`: one call to add, one to take out."""
        audience, of = delivery.audience, delivery.id
        target = self._standing.id(audience)
        refused = self._add(audience, target, delivery.add, of) if delivery.add else {}
        refused |= self._remove(audience, target, delivery.remove, of) if delivery.remove else {}
        added = [one for one in delivery.add if one not in refused]
        removed = [one for one in delivery.remove if one not in refused]
        return Receipt(added=added, removed=removed, rejected=refused)

    def refresh(self, audience: str, members: Iterable[Sequence[str]], *, sure: bool) -> Receipt:
        """See `connector.ports.AdDestination.refresh`: everybody is said again, a call a part. Those who were last
        said before this began are taken out by one call more, once Google has worked through the others (`finish`):
        who stays is not out even where Google accepts a part and then fails at it. That call is spared where there
        are none: our books are sure of it, and we made the list ourselves."""
        target = self._standing.id(audience)
        alone = sure and self._remembered.get(FOUND, audience) != target
        began = (self._transport.clock.now() if alone else self._transport.moment()).astimezone(UTC)
        of = _refresh(audience, began.isoformat().replace("+00:00", "Z"))
        added: list[str] = []
        rejected: dict[str, str] = {}
        for part in members:
            refused = self._add(audience, target, part, of)
            added += [one for one in part if one not in refused]
            rejected |= refused
        if not alone:
            self._remembered.put(REFRESH, audience, of.rpartition("@")[2])
        self.finish()
        return Receipt(added=added, rejected=rejected)

    def give_up(self, of: str) -> None:
        """Leave a refresh as it is: Google could not work through some part of it."""
        audience, _, began = of.removeprefix("refresh:").partition("@")
        if began and self._remembered.get(REFRESH, audience) == began:
            self._remembered.put(REFRESH, audience, "")

    def finish(self) -> None:
        """End refreshes whose parts Google has all worked through. What cannot be done now is done next time."""
        for audience, began in self._remembered.all(REFRESH).items():
            if self._requests.pending(_refresh(audience, began)):
                continue
            try:
                self._clear(audience, began)
            except EndPass:
                raise
            except LamplighterError as error:
                log.warning("%s still holds those whom a refresh left out: %s", audience, error.message)
            else:
                self._remembered.put(REFRESH, audience, "")

    def _add(self, audience: str, target: str, members: Sequence[str], of: str) -> dict[str, str]:
        if not self._transport.settings.terms_accepted:
            raise SetupError(
                "Google takes no people before its Customer Match terms are accepted",
                hint="accept them in Google Ads (Tools, Audience manager), and set ads.google.terms_accepted: true",
            )
        return self._sent("add members", INGEST, audience, [target], members, of)

    def _remove(self, audience: str, target: str, members: Sequence[str], of: str) -> dict[str, str]:
        return self._sent("take members out", REMOVE, audience, [target], members, of)

    def _clear(self, audience: str, before: str) -> None:
        """Take out who was last said before a moment; a list that is gone holds nobody."""
        target = self._standing.all().get(audience)
        if target is None:
            return
        body = {"destinations": payload.destinations(self._transport.settings, [target]), "removeAsOfTime": before}
        try:
            request_id = self._transport.accepted("take out who was not said again", REMOVE_ALL, body)
        except Refused as refused:
            if not refused.gone:
                raise
            self._standing.gone(audience)
        else:
            self._requests.accepted(request_id, _refresh(audience, before))
            self._remembered.put(FOUND, audience, "")

    def _sent(
        self, operation: str, path: str, audience: str, targets: Sequence[str], members: Sequence[str], of: str
    ) -> dict[str, str]:
        """Send members; returns those that were refused with the reason. Google takes all rows of a request or none,
        so those that it names are left out and the others sent again."""
        rejected = {one: UNREADABLE for one in members if not payload.usable(one)}
        left = [one for one in members if one not in rejected]
        for number in range(MOST_ROUNDS):
            if not left:
                break
            try:
                body = self._body(path, targets, left)
                self._requests.accepted(self._transport.accepted(operation, path, body), of)
                break
            except Refused as refused:
                if refused.gone and audience:
                    raise self._standing.gone(audience) from None
                if not refused.rows or number == MOST_ROUNDS - 1:
                    raise
                rejected |= {left[at]: why for at, why in refused.rows.items()}
                left = [one for one in left if one not in rejected]
        return rejected

    def _body(self, path: str, targets: Sequence[str], members: Sequence[str]) -> dict[str, Any]:
        rows = payload.rows(members)
        body = {"destinations": payload.destinations(self._transport.settings, targets), "encoding": payload.ENCODING}
        if path == INGEST:
            return {**body, "audienceMembers": payload.granted(rows), "termsOfService": payload.TERMS}
        return {**body, "audienceMembers": rows}

    def erase(self, targets: Sequence[str], members: Sequence[str]) -> Mapping[str, str]:
        """Take people out of these lists of the account, ours or not.

        Returns:
            match key -> "" where Google has accepted it for all lists, else its words.
        """
        said = dict.fromkeys(members, "")
        for some in _parts(targets, MOST_DESTINATIONS):
            for part in _parts(members, MOST_MEMBERS):
                said |= {one: why for lists in self._places(some, part) for one, why in lists.items()}
        return said

    def _places(self, targets: Sequence[str], members: Sequence[str]) -> Iterator[Mapping[str, str]]:
        """Who could not be taken out: of all lists at once, or where Google refuses that, of one after the other."""
        try:
            yield self._sent("erase people", REMOVE, "", targets, members, "erase")
        except Refused as refused:
            if len(targets) > 1:
                for one in targets:
                    yield from self._places([one], members)
            elif not refused.gone:
                yield dict.fromkeys(members, f"user list {targets[0]}: {refused.message}")


def _refresh(audience: str, began: str) -> str:
    """How the batches of one refresh are called: a later one of the same audience is another."""
    return f"refresh:{audience}@{began}"


def _parts(texts: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (texts[at : at + size] for at in range(0, len(texts), size))
