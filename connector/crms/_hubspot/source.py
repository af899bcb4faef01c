"""What both ways of reading HubSpot share: which object and properties a stream is, its parents, its batches."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from connector.crms._hubspot.answers import unusable
from connector.crms._hubspot.api import Api
from connector.crms._hubspot.floor import Floor
from connector.crms._hubspot.rows import Record, Stream, lowest, made
from connector.crms._hubspot.settings import HubSpotSettings
from connector.errors import RetryLater
from connector.mapping import Mapping as FieldMapping
from connector.model import Batch, Cursor

T = TypeVar("T")

ASSOCIATED = 1_000
"""Records to an association read (HubSpot's changelog of 2025-02-10)."""


class Source:
    """One account and the mapping that says what to read from it."""

    def __init__(self, api: Api, mapping: FieldMapping, settings: HubSpotSettings, floor: Floor) -> None:
        self.api = api
        self.settings = settings
        self.floor = floor
        self._mapping = mapping

    def kind(self, stream: Stream) -> str:
        """HubSpot's name of the object type."""
        return self._mapping.streams[stream.name].object

    def properties(self, stream: Stream) -> list[str]:
        """The properties to ask for."""
        return list(dict.fromkeys([*self._mapping.streams[stream.name].foreign_fields, *stream.further]))

    def batch(
        self,
        stream: Stream,
        records: Sequence[Record],
        parents: Mapping[str, str | None],
        cursor: Cursor,
        skipped: int = 0,
    ) -> Batch:
        """A Batch of `records`, and of `skipped` others that were read but not needed."""
        mapped = self._mapping.streams[stream.name]
        rows = made(stream, mapped, records, parents)
        return Batch(
            tables={mapped.table: rows.table} if rows.table.num_rows else {},
            cursor=cursor,
            read=len(records) + skipped,
            kept=rows.kept,
            skipped=skipped,
            rejected=rows.rejected,
        )

    def parents(self, stream: Stream, ids: Sequence[str]) -> dict[str, str | None]:
        """Record id -> the id of the record it belongs to, by association reads. Those without one are left out."""
        found: dict[str, list[str]] = {}
        waiting: list[dict[str, str]] = [{"id": one} for one in ids]
        while waiting:
            part, waiting = waiting[:ASSOCIATED], waiting[ASSOCIATED:]
            for one, ends, after in self._associated(stream, part):
                found.setdefault(one, []).extend(ends)
                if after:
                    waiting.append({"id": one, "after": after})
        return {one: lowest(ends) for one, ends in found.items()}

    def _associated(self, stream: Stream, part: Sequence[dict[str, str]]) -> Iterator[tuple[str, list[str], Any]]:
        answer = self.api.associated(self.kind(stream), stream.parent, part)
        results = answer.get("results") or []
        if not results and not unusable(answer):
            raise said_nothing("a read of associations")
        for each in results:
            yield each["from"]["id"], [str(end["toObjectId"]) for end in each["to"]], following(each)


def said_nothing(what: str) -> RetryLater:
    """The error for a friendly answer that lacks what it must hold; what it might have told is not taken as read."""
    return RetryLater(f"HubSpot answered {what} with nothing; what is done is kept", hint="lamplighter run, later")


def following(answer: Mapping[str, Any]) -> Any:
    """The cursor of the next page, or None."""
    return ((answer.get("paging") or {}).get("next") or {}).get("after")


def parts(items: Sequence[T], size: int) -> list[Sequence[T]]:
    """`items` cut into pieces of at most `size`."""
    return [items[at : at + size] for at in range(0, len(items), size)]
