"""The first pull: every record of a type, page by page in the order of ids.

It notes the server's time before its first page; the first search begins there, so that nothing that changed while
the listing ran is missed. The cursor is the next record's id, good for as long as it takes.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from connector import tracing
from connector.crms._hubspot.answers import Answer, said_nothing
from connector.crms._hubspot.source import Source, following
from connector.crms._hubspot.streams import Record, Stream, Ties
from connector.crms._hubspot.tombstones import not_older
from connector.errors import Failed
from connector.model import Batch, Cursor
from connector.ports import Known

T = TypeVar("T")

LISTED = 100
"""Records to a page (HubSpot, "using object APIs")."""
AHEAD = 10
"""Pages fetched before they are asked for."""

Ask = Callable[[str | None], Answer]
"""Fetches one page, given the cursor before it."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page; `next` is the cursor of the one after it, `asked_at` the server's time when it was asked for."""

    records: Sequence[Record]
    next: str | None
    asked_at: datetime


def listing(source: Source, stream: Stream, cursor: Cursor, known: Known) -> Iterator[Batch]:
    """Everything from `cursor` on. The last Batch's cursor hands over to the search.

    Where it was all listed before (`again`), rows beat what `known` tells of tombstones of ours.
    """
    start, again = cursor.get("t0"), cursor.get("again", False)
    records: list[Record] = []
    for page in fetched_ahead(pages(source, source.kind(stream), _asked(source, stream), cursor.get("after"))):
        start = start or page.asked_at.isoformat()
        records.extend(page.records)
        if page.next is None:
            stand = {"phase": "search", "watermark": start, "second": start}
        elif len(records) >= source.settings.batch_records:
            stand = {"phase": "list", "after": page.next, "t0": start, "again": again}
        else:
            continue
        batch = _batch(source, stream, records, stand)
        yield not_older(batch, known([stream.key(one["id"]) for one in records])) if again else batch
        records = []


def _asked(source: Source, stream: Stream) -> Ask:
    """A page with all that the stream's rows need."""
    kind, properties = source.kind(stream), source.properties(stream)
    parents = [parent.object for parent in stream.parents]
    return lambda after: source.api.page(kind, properties, parents, after)


def pages(
    source: Source, kind: str, ask: Ask, after: str | None, *, work: str = "list", doubt: bool = True
) -> Iterator[Page]:
    """A listing from `after` on, one call a page.

    Args:
        work: under which name its calls count for the floor.
        doubt: an empty page would end the listing, so it is asked for twice before it is believed.
    """
    while True:
        answer = _believed(kind, ask, after, times=2 if doubt else 1)
        records, behind = answer.body["results"], following(answer.body)
        source.floor.add(f"{work} {kind}", len(records), per_call=LISTED)
        if behind is not None and behind == after:
            raise Failed(f"HubSpot's listing of {kind} stands still at {after}", hint="lamplighter run, later")
        yield Page(records=records, next=behind, asked_at=source.api.transport.server.earliest(answer.sent))
        if behind is None:
            return
        after = behind


def _believed(kind: str, ask: Ask, after: str | None, *, times: int) -> Answer:
    """One page; an empty one is asked for so many times."""
    for _ in range(times):
        answer = ask(after)
        if answer.body.get("results") is None:
            raise said_nothing(f"a listing of {kind}")
        if answer.body["results"]:
            break
    return answer


def _batch(source: Source, stream: Stream, records: Sequence[Record], cursor: Cursor) -> Batch:
    return source.batch(stream, records, _parents(source, stream, records), cursor)


def _parents(source: Source, stream: Stream, records: Sequence[Record]) -> dict[str, Ties]:
    """As the page shows them; where it shows only the first of many, asked for."""
    if not stream.parents:
        return {}
    shown = {record["id"]: record.get("associations") or {} for record in records}
    cut = [one for one, ends in shown.items() if any((each or {}).get("paging") for each in ends.values())]
    return {one: _ties(stream, ends) for one, ends in shown.items()} | source.parents(stream, cut)


def _ties(stream: Stream, shown: Mapping[str, Any]) -> Ties:
    """Column -> key, by the associations that a page shows."""
    found: dict[str, str] = {}
    for parent in stream.parents:
        ends = (shown.get(parent.object) or {}).get("results") or []
        if told := parent.told([end["id"] for end in ends]):
            found.setdefault(parent.column, told)
    return found


def fetched_ahead(pages: Iterator[T]) -> Iterator[T]:
    """The same, with the next ones on their way in a thread of their own while the present one is used."""
    next_page = tracing.bound(lambda: next(pages, None))
    with ThreadPoolExecutor(1) as pool:
        ahead = deque(pool.submit(next_page) for _ in range(AHEAD))
        try:
            while (page := ahead.popleft().result()) is not None:
                ahead.append(pool.submit(next_page))
                yield page
        finally:
            for waiting in ahead:
                waiting.cancel()
