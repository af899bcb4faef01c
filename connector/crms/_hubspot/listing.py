"""The first pull: every record of a type, page by page in the order of ids.

It notes the server's time before its first page; the first search begins there, so that nothing that changed while
the listing ran is missed. The cursor is the next record's id, good for as long as it takes.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from connector.crms._hubspot.answers import Answer
from connector.crms._hubspot.rows import Record, Stream, lowest
from connector.crms._hubspot.source import Source, following, said_nothing
from connector.errors import Failed
from connector.model import Batch, Cursor

T = TypeVar("T")

LISTED = 100
"""Records to a page (HubSpot, "using object APIs")."""
AHEAD = 10
"""Pages fetched before they are asked for."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page; `next` is the cursor of the one after it, `asked_at` the server's time when it was asked for."""

    records: Sequence[Record]
    next: str | None
    asked_at: datetime


def listing(source: Source, stream: Stream, cursor: Cursor) -> Iterator[Batch]:
    """Everything from `cursor` on. The last Batch's cursor hands over to the search."""
    start = cursor.get("t0")
    records: list[Record] = []
    for page in _fetched_ahead(_pages(source, stream, cursor.get("after"))):
        start = start or page.asked_at.isoformat()
        records.extend(page.records)
        if page.next is None:
            yield _batch(source, stream, records, {"phase": "search", "watermark": start})
        elif len(records) >= source.settings.batch_records:
            yield _batch(source, stream, records, {"phase": "list", "after": page.next, "t0": start})
            records = []


def _pages(source: Source, stream: Stream, after: str | None) -> Iterator[Page]:
    kind = source.kind(stream)
    while True:
        answer = _believed(source, stream, after)
        records, behind = answer.body["results"], following(answer.body)
        source.floor.add(f"list {kind}", len(records), per_call=LISTED)
        if behind is not None and behind == after:
            raise Failed(f"HubSpot's listing of {kind} stands still at {after}", hint="lamplighter run, later")
        yield Page(records=records, next=behind, asked_at=source.api.transport.server.earliest(answer.sent))
        if behind is None:
            return
        after = behind


def _believed(source: Source, stream: Stream, after: str | None) -> Answer:
    """One page. An empty one would end the listing, so it is asked for twice before it is believed."""
    for _ in range(2):
        parents = [stream.parent] if stream.parent else []
        answer = source.api.page(source.kind(stream), source.properties(stream), parents, after)
        if answer.body.get("results") is None:
            raise said_nothing(f"a listing of {source.kind(stream)}")
        if answer.body["results"]:
            break
    return answer


def _batch(source: Source, stream: Stream, records: Sequence[Record], cursor: Cursor) -> Batch:
    return source.batch(stream, records, _parents(source, stream, records), cursor)


def _parents(source: Source, stream: Stream, records: Sequence[Record]) -> dict[str, str | None]:
    """As the page shows them; where it shows only the first of many, asked for."""
    if not stream.parent:
        return {}
    shown = {record["id"]: (record.get("associations") or {}).get(stream.parent) or {} for record in records}
    found = {one: lowest([end["id"] for end in ends.get("results") or []]) for one, ends in shown.items()}
    return found | source.parents(stream, [one for one, ends in shown.items() if ends.get("paging")])


def _fetched_ahead(pages: Iterator[T]) -> Iterator[T]:
    """The same, with the next ones on their way in a thread of their own while the present one is used."""
    with ThreadPoolExecutor(1) as pool:
        ahead = deque(pool.submit(next, pages, None) for _ in range(AHEAD))
        try:
            while (page := ahead.popleft().result()) is not None:
                ahead.append(pool.submit(next, pages, None))
                yield page
        finally:
            for waiting in ahead:
                waiting.cancel()
