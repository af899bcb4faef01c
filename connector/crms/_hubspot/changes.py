"""The pulls after the first: what changed, by search.

A search walks a closed window of modification times in the order of record ids, from the last id on: equal times,
more than 10,000 results, and records touched during the walk do no harm. Search shows changes late, so it only says
which records to read, the window ends `lag` before now, and it begins `overlap` before the watermark.
"""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from connector.crms._hubspot.answers import unusable
from connector.crms._hubspot.rows import Record, Stream, key
from connector.crms._hubspot.source import ASSOCIATED, Source, parts, said_nothing
from connector.errors import Failed
from connector.model import Batch, Cursor
from connector.ports import Known

SEARCHED, READ = 200, 100
"""Records to a search page and to a batch read (HubSpot, "search the CRM", object API reference)."""
ASTRAY = timedelta(seconds=5)
"""A clock of ours that is slow by more than this has cut the window short; another one follows at once."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """A span of modification times, half walked.

    Attributes:
        low, high: both belong to it.
        told: the server's time less the lag, when the walk began; None until the server told it.
        last_id: the walk stands behind this record.
    """

    low: datetime
    high: datetime
    told: datetime | None = None
    last_id: int = 0

    def after(self, watermark: datetime) -> datetime:
        """The watermark once the walk is over: up to here nothing is missing. Never an earlier one."""
        return max(watermark, min(self.high, self.told)) if self.told else watermark

    @property
    def cut_short(self) -> bool:
        """It ends well before it could have: our own clock is slow, or was when it had to be asked."""
        return self.told is not None and self.high + ASTRAY < self.told


@dataclass(kw_only=True)
class Gathered:
    """What a walk has collected for its next Batch."""

    records: list[Record] = field(default_factory=list)
    skipped: int = 0


def changes(source: Source, stream: Stream, cursor: Cursor, known: Known) -> Iterator[Batch]:
    """What changed since the cursor's watermark, and is newer than what `known` tells."""
    walk, watermark, left = Walk(source, stream, known), _time(cursor["watermark"]), _window_in(cursor)
    window = yield from walk.through(left or walk.window(watermark), watermark)
    if window.cut_short:
        watermark = window.after(watermark)
        yield from walk.through(walk.window(watermark), watermark)


class Walk:
    """Walks windows of one stream."""

    def __init__(self, source: Source, stream: Stream, known: Known) -> None:
        self._source = source
        self._stream = stream
        self._known = known
        self._kind = source.kind(stream)
        self._modified = modified_property(self._kind)
        self._server = source.api.transport.server
        self._lag = timedelta(seconds=source.settings.lag_seconds)

    def window(self, watermark: datetime) -> Window:
        """The window that follows `watermark`."""
        low = watermark - timedelta(seconds=self._source.settings.overlap_seconds)
        high = self._server.latest(self._source.api.transport.clock.monotonic()) - self._lag
        return Window(low=low, high=max(low, high))

    def through(self, window: Window, watermark: datetime) -> Generator[Batch, None, Window]:
        """Yield what changed within the window; return it, walked to its end."""
        gathered, more = Gathered(), True
        while more:
            window, more = self._step(window, gathered)
            if more and len(gathered.records) >= self._source.settings.batch_records:
                yield self._batch(gathered, _cursor(watermark, window))
                gathered = Gathered()
        yield self._batch(gathered, _cursor(window.after(watermark), None))
        return window

    def _step(self, window: Window, gathered: Gathered) -> tuple[Window, bool]:
        """One page of the search and the records on it that we do not know yet; whether there is more."""
        answer = self._source.api.search(self._kind, _request(self._modified, window))
        hits, total = answer.body.get("results"), answer.body.get("total")
        if hits is None or total is None:
            raise said_nothing(f"a search of {self._kind}")
        self._source.floor.add(f"search {self._kind}", len(hits), per_call=SEARCHED)
        records = self._read(self._newer(hits))
        gathered.records.extend(records)
        gathered.skipped += len(hits) - len(records)
        told = window.told or self._server.earliest(answer.sent) - self._lag
        return replace(window, told=told, last_id=self._last(window, hits)), bool(hits) and total > len(hits)

    def _last(self, window: Window, hits: Sequence[Record]) -> int:
        last = max((int(hit["id"]) for hit in hits), default=window.last_id)
        if hits and last <= window.last_id:
            raise Failed(f"HubSpot's search of {self._kind} stands still at {last}", hint="lamplighter run, later")
        return last

    def _newer(self, hits: Sequence[Record]) -> list[str]:
        """Ids of the hits that are newer than what we hold, or wrote ourselves."""
        held = self._known([key(hit["id"]) for hit in hits]) if hits else {}
        return [hit["id"] for hit in hits if not self._held(hit, held.get(key(hit["id"])))]

    def _held(self, hit: Record, version: datetime | None) -> bool:
        stated = hit["properties"].get(self._modified) or hit.get("updatedAt")
        return version is not None and stated is not None and _time(stated) <= version

    def _read(self, ids: Sequence[str]) -> list[Record]:
        """The records themselves. Those archived or merged away since the search are left out."""
        found: dict[str, Record] = {}
        for part in parts(ids, READ):
            self._source.floor.add(f"read {self._kind}", len(part), per_call=READ)
            answer = self._source.api.read(self._kind, part, self._source.properties(self._stream))
            if not answer.get("results") and not unusable(answer):
                raise said_nothing(f"a read of {self._kind}")
            found |= {record["id"]: record for record in answer.get("results") or []}
        return list(found.values())

    def _batch(self, gathered: Gathered, cursor: Cursor) -> Batch:
        ids = [record["id"] for record in gathered.records] if self._stream.parent else []
        if ids:
            self._source.floor.add(f"associate {self._kind}", len(ids), per_call=ASSOCIATED)
        parents = self._source.parents(self._stream, ids)
        return self._source.batch(self._stream, gathered.records, parents, cursor, gathered.skipped)


def modified_property(kind: str) -> str:
    """The time that moves with every change. Contacts have their own; the other name silently finds none of them."""
    return "lastmodifieddate" if kind in ("contacts", "contact", "0-1") else "hs_lastmodifieddate"


def _request(modified: str, window: Window) -> dict[str, Any]:
    within = {
        "propertyName": modified,
        "operator": "BETWEEN",
        "value": str(_milliseconds(window.low)),
        "highValue": str(_milliseconds(window.high)),
    }
    behind = {"propertyName": "hs_object_id", "operator": "GT", "value": str(window.last_id)}
    return {
        "filterGroups": [{"filters": [within, behind]}],
        "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
        "properties": [modified],
        "limit": SEARCHED,
    }


def _cursor(watermark: datetime, window: Window | None) -> dict[str, Any]:
    cursor: dict[str, Any] = {"phase": "search", "watermark": watermark.isoformat()}
    if window is not None:
        moments = (window.low, window.high, window.told or watermark)
        cursor["window"] = [moment.isoformat() for moment in moments]
        cursor["last_id"] = str(window.last_id)
    return cursor


def _window_in(cursor: Cursor) -> Window | None:
    if "window" not in cursor:
        return None
    low, high, told = map(_time, cursor["window"])
    return Window(low=low, high=high, told=told, last_id=int(cursor["last_id"]))


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
