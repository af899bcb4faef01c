"""The pulls after the first: what changed, by search.

A search walks a closed window of modification times in the order of record ids, from the last id on: equal times,
more than 10,000 results, and records touched during the walk do no harm. Search shows changes late, so it only says
which records to read, the window ends `lag` before now, and it begins `overlap` before the watermark. A second pass
follows an hour behind, for rows that the index took longer to show.
"""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from connector.crms._hubspot.answers import said_nothing
from connector.crms._hubspot.reread import records_of
from connector.crms._hubspot.source import Source
from connector.crms._hubspot.streams import Record, Stream
from connector.errors import Failed
from connector.model import Batch, Cursor
from connector.ports import Known

SEARCHED = 200
"""Records to a search page (HubSpot, "search the CRM")."""
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

    def as_json(self) -> list[str]:
        """As it is kept, once a part of it is walked."""
        moments = (self.low, self.high, self.told or self.low)
        return [*(one.isoformat() for one in moments), str(self.last_id)]

    @property
    def cut_short(self) -> bool:
        """It ends well before it could have: our own clock is slow, or was when it had to be asked."""
        return self.told is not None and self.high + ASTRAY < self.told


@dataclass(kw_only=True)
class Gathered:
    """What a walk has collected for its next Batch."""

    records: list[Record] = field(default_factory=list)
    skipped: int = 0


@dataclass(frozen=True, kw_only=True)
class Stand:
    """Where a stream stands between two batches.

    Attributes:
        watermark: up to here searches have looked.
        second: up to here the second pass has looked.
        window, second_window: the walks under way, of the search and of the second pass.
    """

    watermark: datetime
    second: datetime
    window: Window | None = None
    second_window: Window | None = None

    @classmethod
    def of(cls, cursor: Cursor, delay: timedelta) -> "Stand":
        """From a cursor; one that knows of no second pass may have missed what was indexed late before it."""
        watermark = _time(cursor["watermark"])
        return cls(
            watermark=watermark,
            second=_time(cursor["second"]) if "second" in cursor else watermark - delay,
            window=_window(cursor.get("window")),
            second_window=_window(cursor.get("second_window")),
        )

    def searched(self, window: Window, *, ended: bool) -> "Stand":
        """After a part of the search, or its end."""
        if not ended:
            return replace(self, window=window)
        return replace(self, window=None, watermark=window.after(self.watermark))

    def searched_again(self, window: Window, *, ended: bool) -> "Stand":
        """After a part of the second pass, or its end."""
        if not ended:
            return replace(self, second_window=window)
        return replace(self, second_window=None, second=window.after(self.second))

    def cursor(self) -> Cursor:
        """As it is kept."""
        told = {"phase": "search", "watermark": self.watermark.isoformat(), "second": self.second.isoformat()}
        windows = {"window": self.window, "second_window": self.second_window}
        return {**told, **{name: window.as_json() for name, window in windows.items() if window}}


def changes(source: Source, stream: Stream, cursor: Cursor, known: Known) -> Iterator[Batch]:
    """What changed since the cursor's watermark, and is newer than what `known` tells.

    About once in `delayed_seconds` the time that lies so long back is walked again, for rows that were indexed late.
    """
    delay = timedelta(seconds=source.settings.delayed_seconds)
    walk, stand = Walk(source, stream, known), Stand.of(cursor, delay)
    window = yield from walk.through(stand.window or walk.window(stand.watermark), stand.searched)
    stand = stand.searched(window, ended=True)
    if window.cut_short:
        window = yield from walk.through(walk.window(stand.watermark), stand.searched)
        stand = stand.searched(window, ended=True)
    again = stand.second_window or walk.window_again(stand.second, delay)
    if delay and again:
        yield from walk.through(again, stand.searched_again, lag=delay, work="search again")


class Stood(Protocol):
    """Where a stream stands after a part of a walk, or its end."""

    def __call__(self, window: Window, *, ended: bool) -> Stand: ...


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
        return Window(low=low, high=max(low, self._latest() - self._lag))

    def window_again(self, second: datetime, delay: timedelta) -> Window | None:
        """The window of the second pass, once it is as long as its delay."""
        high = self._latest() - delay
        return Window(low=second, high=high) if high - second >= delay else None

    def _latest(self) -> datetime:
        return self._server.latest(self._source.api.transport.clock.monotonic())

    def through(
        self, window: Window, stood: Stood, *, lag: timedelta | None = None, work: str = "search"
    ) -> Generator[Batch, None, Window]:
        """Yield what changed within the window; return it, walked to its end.

        Args:
            stood: where the stream stands after a part of the walk.
            lag: how long before the server's now it ends.
            work: under which name its calls count for the floor.
        """
        gathered, more = Gathered(), True
        while more:
            window, more = self._step(window, gathered, self._lag if lag is None else lag, work)
            if more and len(gathered.records) >= self._source.settings.batch_records:
                yield self._batch(gathered, stood(window, ended=False).cursor())
                gathered = Gathered()
        yield self._batch(gathered, stood(window, ended=True).cursor())
        return window

    def _step(self, window: Window, gathered: Gathered, lag: timedelta, work: str) -> tuple[Window, bool]:
        """One page of the search and the records on it that we do not know yet; whether there is more."""
        answer = self._source.api.search(self._kind, _request(self._modified, window))
        hits, total = answer.body.get("results"), answer.body.get("total")
        if hits is None or total is None or (total and not hits):  # what is there and not shown would be passed over
            raise said_nothing(f"a search of {self._kind}")
        self._source.floor.add(f"{work} {self._kind}", len(hits), per_call=SEARCHED)
        records = records_of(self._source, self._stream, self._newer(hits))
        gathered.records.extend(records)
        gathered.skipped += len(hits) - len(records)
        told = window.told or self._server.earliest(answer.sent) - lag
        return replace(window, told=told, last_id=self._last(window, hits)), bool(hits) and total > len(hits)

    def _last(self, window: Window, hits: Sequence[Record]) -> int:
        last = max((int(hit["id"]) for hit in hits), default=window.last_id)
        if hits and last <= window.last_id:
            raise Failed(f"HubSpot's search of {self._kind} stands still at {last}", hint="lamplighter run, later")
        return last

    def _newer(self, hits: Sequence[Record]) -> list[str]:
        """Ids of the hits that are newer than what we hold, or wrote ourselves."""
        held = self._known([self._stream.key(hit["id"]) for hit in hits]) if hits else {}
        return [hit["id"] for hit in hits if not self._held(hit, held.get(self._stream.key(hit["id"])))]

    def _held(self, hit: Record, version: datetime | None) -> bool:
        stated = hit["properties"].get(self._modified) or hit.get("updatedAt")
        return version is not None and stated is not None and _time(stated) <= version

    def _batch(self, gathered: Gathered, cursor: Cursor) -> Batch:
        parents = self._source.parents(self._stream, [record["id"] for record in gathered.records])
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


def _window(told: Sequence[str] | None) -> Window | None:
    if told is None:
        return None
    low, high, server, last_id = told
    return Window(low=_time(low), high=_time(high), told=_time(server), last_id=int(last_id))


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
