"""Batches that Google has only accepted: asked about until it says what became of them.

Source: Data Manager API, "Diagnostics"; google/ads/datamanager/v1/request_status_per_destination.proto.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from connector.ads._google.answers import Refused
from connector.ads._google.transport import Transport
from connector.errors import EndPass, RetryLater
from connector.ports import Remembered

REQUEST = "google_request"
"""Under what a request is remembered until its outcome is known."""
MATCH_RATE = "google_match_rate"
"""The same of the share of an audience's members that Google knew, in its own words, by the id of the user list."""
MOST_ASKED = 9
"""After so many vain questions, more than ten days, it is called lost."""
AT_WORK, FAILED = "PROCESSING", frozenset({"FAILED", "PARTIAL_SUCCESS"})


class Requests:
    """What was accepted and not yet confirmed."""

    def __init__(self, transport: Transport, remembered: Remembered) -> None:
        self._transport = transport
        self._remembered = remembered

    def accepted(self, request_id: str, of: str) -> None:
        """Remember a request. `of`: what it is part of: the id of a delivery, a refresh, an erasure; what stands after
        an `@` is not told."""
        self._keep(request_id, {"of": of, "at": self._transport.clock.now().isoformat(), "asked": 0})

    def _keep(self, request_id: str, told: Mapping[str, Any]) -> None:
        self._remembered.put(REQUEST, request_id, json.dumps(told, sort_keys=True))

    def pending(self, of: str) -> bool:
        """Whether Google has not yet said of some batch what became of it."""
        return any(json.loads(text)["of"] == of for text in self._remembered.all(REQUEST).values())

    def confirm(self, give_up: Callable[[str], None], note: Callable[[dict[str, str]], None]) -> dict[str, str]:
        """What has failed at least in part since the last time -> Google's words.

        Args:
            give_up: told what a batch was part of that failed as a whole, before it is forgotten.
            note: told what is returned, before it is forgotten.
        """
        failed: dict[str, dict[str, None]] = {}
        heard: list[str] = []
        try:
            for request_id, text in sorted(self._remembered.all(REQUEST).items()):
                told = json.loads(text)
                if self._due(told) and (words := self._outcome(request_id, told, give_up)):
                    failed.setdefault(told["of"].partition("@")[0], {}).update(dict.fromkeys(words))
                    heard.append(request_id)
        except EndPass:
            raise
        except RetryLater:
            if not failed:
                raise  # else: what is known is told now, the rest asked about next time
        found = {of: "; ".join(sorted(words)) for of, words in failed.items()}
        note(found)
        for request_id in heard:
            self._forget(request_id)
        return found

    def _due(self, told: Mapping[str, Any]) -> bool:
        wait = self._transport.settings.ask_after * int(2 ** told["asked"])
        return self._transport.clock.now() >= datetime.fromisoformat(told["at"]) + wait

    def _outcome(self, request_id: str, told: dict[str, Any], give_up: Callable[[str], None]) -> list[str]:
        """Google's words about a request that failed, as far as it did; none while it is at work. One that did not fail
        is forgotten."""
        try:
            statuses = self._statuses(request_id)
        except Refused as refused:
            if refused.status not in (400, 404):
                raise
            statuses = [{"requestStatus": "FAILED, as Google no longer knows the request"}]
        if any(one.get("requestStatus") == AT_WORK for one in statuses):
            if told["asked"] < MOST_ASKED:
                self._keep(request_id, {**told, "asked": told["asked"] + 1})
                return []
            statuses = [{"requestStatus": "FAILED, as Google does not say what became of it"}]
        words = [words for one in statuses for words in self._words(one)]
        if any(each.startswith("FAILED") for each in words):
            give_up(told["of"])
        if not words:
            self._forget(request_id)
        return words

    def _forget(self, request_id: str) -> None:
        self._remembered.put(REQUEST, request_id, "")

    def _statuses(self, request_id: str) -> list[Mapping[str, Any]]:
        target = f"/v1/requestStatus:retrieve?requestId={quote(request_id, safe='')}"
        answer = self._transport.call("ask what became of a batch", "GET", target, reads=True)
        return list(answer.get("requestStatusPerDestination") or ({"requestStatus": AT_WORK},))

    def _words(self, status: Mapping[str, Any]) -> Iterator[str]:
        self._note_match_rate(status)
        said = str(status.get("requestStatus"))
        if said.partition(",")[0] in FAILED:
            counts = (status.get("errorInfo") or {}).get("errorCounts") or ()
            reasons = ", ".join(f"{int(one['recordCount']):,} of {one['reason']}" for one in counts)
            yield f"{said}: {reasons}" if reasons else said

    def _note_match_rate(self, status: Mapping[str, Any]) -> None:
        ingested = (status.get("audienceMembersIngestionStatus") or {}).get("compositeDataIngestionStatus") or {}
        rate = str(ingested.get("uploadMatchRateRange") or "").removeprefix("MATCH_RATE_RANGE_")
        target = (status.get("destination") or {}).get("productDestinationId")
        if rate and target:
            self._remembered.put(MATCH_RATE, str(target), rate.replace("_", " ").lower() + " %")
