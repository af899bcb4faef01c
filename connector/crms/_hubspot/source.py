"""What both ways of reading HubSpot share: which object and properties a stream is, its parents, its batches."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import pyarrow as pa

from connector.crms._hubspot.answers import told, unusable
from connector.crms._hubspot.api import Api, Body
from connector.crms._hubspot.floor import Floor
from connector.crms._hubspot.mail_statuses import MailStatuses
from connector.crms._hubspot.rows import made
from connector.crms._hubspot.settings import HubSpotSettings
from connector.crms._hubspot.streams import Parent, Record, Stream, Ties, chosen
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
        self.streams = chosen(settings.purchases)
        self._mapping = mapping
        self._statuses = MailStatuses(api, settings.subscription, floor)

    def kind(self, stream: Stream) -> str:
        """HubSpot's name of the object type."""
        return self._mapping.streams[stream.name].object

    def properties(self, stream: Stream) -> list[str]:
        """The properties to ask for."""
        return list(dict.fromkeys([*self._mapping.streams[stream.name].foreign_fields, *stream.further]))

    def demanded(self, stream: Stream) -> list[str]:
        """Of these, the ones that an account must have: not those that only another CRM's integration makes."""
        own = self._mapping.streams[stream.name].fields.get("same_as")
        return [name for name in self.properties(stream) if own is None or name not in own.sources]

    def batch(
        self,
        stream: Stream,
        records: Sequence[Record],
        parents: Mapping[str, Ties],
        cursor: Cursor,
        skipped: int = 0,
    ) -> Batch:
        """A Batch of `records`, and of `skipped` others that were read but not needed."""
        mapped = self._mapping.streams[stream.name]
        rows = made(stream, mapped, records, parents)
        return Batch(
            tables={mapped.table: self._completed(stream, rows.table)} if rows.table.num_rows else {},
            cursor=cursor,
            read=len(records) + skipped,
            kept=rows.kept,
            skipped=skipped,
            rejected=rows.rejected,
        )

    def asks_statuses(self, stream: Stream) -> bool:
        """Whether each hundred of its records takes one more call, for what no property tells."""
        return stream.name == "contact" and self.settings.subscription_status == "api"

    def _completed(self, stream: Stream, rows: pa.Table) -> pa.Table:
        return self._statuses.filled(rows) if self.asks_statuses(stream) else rows

    def parents(self, stream: Stream, ids: Sequence[str]) -> dict[str, Ties]:
        """Record id -> column -> key, as its associations say now, by reading them. Those without any are left out."""
        found: dict[str, dict[str, str]] = {}
        for parent in stream.parents:
            missing = [one for one in ids if parent.column not in found.get(one, {})]
            for one, ends in self._all_associated(stream, parent, missing).items():
                if told := parent.told(ends):
                    found.setdefault(one, {})[parent.column] = told
        return dict(found)

    def _all_associated(self, stream: Stream, parent: Parent, ids: Sequence[str]) -> dict[str, list[str]]:
        if ids:
            self.floor.add(f"associate {self.kind(stream)} {parent.object}", len(ids), per_call=ASSOCIATED)
        found, passed_over = self._told(stream, parent, ids)
        if passed_over:  # HubSpot names those that have none, too; who is passed over twice has none
            found |= self._told(stream, parent, passed_over)[0]
        return found

    def _told(self, stream: Stream, parent: Parent, ids: Sequence[str]) -> tuple[dict[str, list[str]], list[str]]:
        """What the associations of some records lead to, and the records that no answer spoke of."""
        found: dict[str, list[str]] = {}
        without: set[str] = set()
        waiting: list[dict[str, str]] = [{"id": one} for one in ids]
        while waiting:
            part, waiting = waiting[:ASSOCIATED], waiting[ASSOCIATED:]
            answer = self._associated(stream, parent, part)
            without.update(unusable(answer))
            for one, ends, after in _ends(answer):
                found.setdefault(one, []).extend(ends)
                if after:
                    waiting.append({"id": one, "after": after})
        return found, [one for one in ids if one not in found and one not in without]

    def _associated(self, stream: Stream, parent: Parent, part: Sequence[dict[str, str]]) -> Body:
        answer = self.api.associated(self.kind(stream), parent.object, part)
        told(answer, "a read of associations")
        return answer


def _ends(answer: Body) -> Iterator[tuple[str, list[str], Any]]:
    for each in answer.get("results") or []:
        yield each["from"]["id"], [str(end["toObjectId"]) for end in each["to"]], following(each)


def following(answer: Mapping[str, Any]) -> Any:
    """The cursor of the next page, or None."""
    return ((answer.get("paging") or {}).get("next") or {}).get("after")


def parts(items: Sequence[T], size: int) -> list[Sequence[T]]:
    """`items` cut into pieces of at most `size`."""
    return [items[at : at + size] for at in range(0, len(items), size)]
