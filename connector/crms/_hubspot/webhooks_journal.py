"""The webhooks journal: HubSpot's own log of what happened to records, for apps that were connected by OAuth.

It says which records to look at; what became of them, HubSpot is asked. So it does not matter in which order events
come, whether they come twice, or which of their fields are there. HubSpot keeps it for three days.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from connector.crms import Remembered
from connector.crms._hubspot.answers import Refused, said_nothing
from connector.crms._hubspot.api import Body
from connector.crms._hubspot.journal_events import Mention, mentions, together
from connector.crms._hubspot.source import Source
from connector.crms._hubspot.subscriptions import Subscriptions
from connector.crms._hubspot.touched import Touched, what_became
from connector.errors import Failed
from connector.model import Batch, Cursor
from connector.ports import Known

STREAM = "journal"
KEPT = timedelta(days=3)
"""HubSpot, webhooks journal guide."""
MARGIN = timedelta(hours=1)
GAP = "journal gap"
"""Under what we remember which sweeps must still make up for a gap: name -> since when."""
MAKES_UP = ("gone", "moved")
"""Sweeps that find what a journal with a gap did not tell."""


class Journal:
    """Reads one account's journal from an offset on."""

    def __init__(self, source: Source, subscriptions: Subscriptions, remembered: Remembered) -> None:
        self._source = source
        self._subscriptions = subscriptions
        self._remembered = remembered
        self._known: dict[str, Known] = {}

    def tell(self, stream: str, known: Known) -> None:
        """What is held of another stream: record ids are of a type, and the journal is about all of them."""
        self._known[stream] = known

    def pull(self, cursor: Cursor | None) -> Iterator[Batch]:
        """What happened since the cursor, a file a Batch. See `connector.ports.EventSource.pull`.

        After more than three days without a look, what is left does not tell everything: the sweeps are then due
        (`overdue`), and the journal goes on from its newest file.
        """
        now = self._source.api.transport.server.now()
        if cursor is not None and now - _time(cursor["read_at"]) > KEPT - MARGIN:
            yield self._after_gap(now)
            return
        offset, whole_until = (cursor or {}).get("offset"), _time(cursor["read_at"]) if cursor else now
        while (file := self._next(offset)) is not None:
            offset = self._further(file, offset)
            yield self._batch(self._events(file), _cursor(offset, whole_until))  # files behind it are as old as that
        yield Batch(tables={}, cursor=_cursor(offset, now), read=0, kept=0)

    def _next(self, offset: str | None) -> Body | None:
        """Where the file after an offset is; None where there is none yet.

        An offset is forgotten with its file, three days after it was written. Whoever has looked since has missed
        nothing: all that is newer is still there.
        """
        if offset is None:
            return self._asked("earliest")
        try:
            return self._asked(f"offset/{offset}/next")
        except Refused as refused:
            if refused.status != 404:
                raise
            return self._asked("earliest")

    def _asked(self, where: str) -> Body | None:
        transport, version = self._source.api.transport, self._source.settings.version
        self._source.floor.add("journal", 1)
        answer = transport.request(
            "GET",
            f"/webhooks-journal/journal-local/{version}/{where}",
            query_params=[("installPortalId", self._subscriptions.portal)],
            tokens=self._subscriptions.tokens,
        )
        return None if answer.status == 204 else answer.body

    def _further(self, file: Body, offset: str | None) -> str:
        further = str(file.get("currentOffset") or "")
        if not further or not file.get("url"):
            raise said_nothing("a question for the webhooks journal")
        if further == offset:
            raise Failed(f"HubSpot's webhooks journal stands still at {offset}", hint="lamplighter run, later")
        return further

    def _events(self, file: Body) -> Sequence[Mapping[str, Any]]:
        self._source.floor.add("journal", 1)
        try:
            events = self._source.api.transport.fetch(str(file["url"])).body.get("journalEvents")
        except Refused:  # the link ends after minutes
            events = None
        if not isinstance(events, list):
            raise said_nothing("a question for a file of the webhooks journal")
        return events

    def _batch(self, events: Sequence[Mapping[str, Any]], cursor: Cursor) -> Batch:
        found: list[Mention] = []
        read = 0
        for event in events:
            about = mentions(event, self._subscriptions.types, self._subscriptions.portal)
            read += max(1, len(about))
            found.extend(about)
        became = [self._became(name, about) for name, about in together(found).items()]
        return _joined(became, read, cursor)

    def _became(self, name: str, about: Sequence[Mention]) -> Touched:
        if name not in self._known:
            raise Failed("the webhooks journal is read after the streams that it is about", hint="lamplighter run")
        return what_became(self._source, self._source.streams[name], about, self._known[name])

    def _after_gap(self, now: datetime) -> Batch:
        newest = self._asked("latest")
        offset = self._further(newest, None) if newest is not None else None
        for sweep in MAKES_UP:
            self._remembered.put(GAP, sweep, now.isoformat())
        return Batch(tables={}, cursor=_cursor(offset, now), read=0, kept=0)

    def overdue(self, sweep: str) -> bool:
        """Whether a sweep must make up for a gap."""
        return bool(self._remembered.get(GAP, sweep))

    def made_up(self, sweep: str) -> None:
        """A sweep was made, whole and since then."""
        if self.overdue(sweep):
            self._remembered.put(GAP, sweep, "")


def _joined(became: Sequence[Touched], read: int, cursor: Cursor) -> Batch:
    """One Batch of several streams' rows. What is neither kept nor rejected was known, told before, or not for us."""
    kept = sum(each.kept for each in became)
    rejected = [one for each in became for one in each.rejected]
    erased = [key for each in became for key in each.erased]
    return Batch(
        tables=_concatenated([pair for each in became for pair in each.tables]),
        cursor=cursor,
        read=read,
        kept=kept,
        skipped=read - kept - len(rejected),
        rejected=rejected,
        erased={"contact": erased} if erased else {},
    )


def _concatenated(tables: Sequence[tuple[str, pa.Table]]) -> dict[str, pa.Table]:
    """Orders and deals share a table; so do rows and tombstones."""
    return {name: pa.concat_tables([rows for one, rows in tables if one == name]) for name, _ in tables}


def _cursor(offset: str | None, now: datetime) -> dict[str, Any]:
    return {"offset": offset, "read_at": now.astimezone(UTC).isoformat()}


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
