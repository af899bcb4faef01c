"""Asking for records by id that a listing lacks: are they there after all, merged away, in the bin, or nowhere?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connector.crms._hubspot.answers import absent, said_nothing, told
from connector.crms._hubspot.holding import Entry
from connector.crms._hubspot.reread import READ
from connector.crms._hubspot.source import Source, following, parts
from connector.crms._hubspot.streams import MERGED, Stream, key
from connector.crms._hubspot.tombstones import Grave, moment


@dataclass(kw_only=True)
class Found:
    """What HubSpot said, by the ids that were asked for. Those in none of these are there after all.

    Attributes:
        into: merged away -> id of the survivor.
        binned: archived -> since when.
        nowhere: neither among the living nor in the bin.
        at: HubSpot's time when it said so.
    """

    at: datetime
    into: dict[str, str] = field(default_factory=dict)
    binned: dict[str, datetime] = field(default_factory=dict)
    nowhere: list[str] = field(default_factory=list)


def inquire(source: Source, stream: Stream, entries: Mapping[str, Entry]) -> Found:
    """Ask for records, a hundred a call: those held as alive among the living first, the rest in the bin alone.

    Raises:
        RetryLater: an answer did not account for what was asked.
    """
    inquiry = _Inquiry(source, source.kind(stream))
    absent = inquiry.among_the_living([one for one, entry in entries.items() if not entry.gone])
    inquiry.in_the_bin([*absent, *(one for one, entry in entries.items() if entry.gone)])
    if stream.name == "contact":
        inquiry.merged_into_the_bin()
    return inquiry.found


class _Inquiry:
    def __init__(self, source: Source, kind: str) -> None:
        self._source = source
        self._kind = kind
        self.found = Found(at=source.api.transport.server.now())

    def among_the_living(self, ids: Sequence[str]) -> list[str]:
        """Notes merges; returns the ids that HubSpot says are not there."""
        missing: list[str] = []
        for part in parts(ids, READ):
            answer = self._asked(part)
            missing.extend(self._not_there(answer, part))
            open_ones = set(part) - set(missing) - self._there(answer, part)
            missing.extend(one for one in sorted(open_ones) if self._not_there_alone(one))
        return missing

    def in_the_bin(self, ids: Sequence[str]) -> None:
        """Notes which are, and which are nowhere."""
        for part in parts(ids, READ):
            answer = self._asked(part, archived=True)
            there, nowhere = self._there(answer, part), self._not_there(answer, part)
            for record in answer.get("results") or []:
                self.found.binned[record["id"]] = moment(record.get("archivedAt")) or self.found.at
            if set(part) - there - set(nowhere):  # an error of another kind: nobody is forgotten on half an answer
                raise said_nothing(f"a read of archived {self._kind}")
            self.found.nowhere.extend(nowhere)

    def merged_into_the_bin(self) -> None:
        """Those merged into what lies in the bin itself are there too, and may come back with it: it names them."""
        after, lost = None, set(self.found.nowhere)
        while lost:
            page = self._source.api.archived(self._kind, after, [MERGED]).body
            if page.get("results") is None:
                raise said_nothing(f"a listing of archived {self._kind}")
            self._source.floor.add(f"inquire {self._kind} merged", len(page["results"]), per_call=READ)
            for record in page["results"]:
                swallowed = lost & set((record["properties"].get(MERGED) or "").split(";"))
                self.found.binned |= dict.fromkeys(swallowed, moment(record.get("archivedAt")) or self.found.at)
            after = following(page)
            if after is None:
                break
        self.found.nowhere = [one for one in self.found.nowhere if one not in self.found.binned]

    def _asked(self, part: Sequence[str], *, archived: bool = False) -> dict[str, Any]:
        work = "archived" if archived else "living"
        self._source.floor.add(f"inquire {self._kind} {work}", len(part), per_call=READ)
        answer = self._source.api.read(self._kind, part, [MERGED], archived=archived)
        told(answer, f"a read of {self._kind}")
        return answer

    def _not_there(self, answer: Mapping[str, Any], part: Sequence[str]) -> list[str]:
        named = absent(answer)
        return [one for one in part if one in named]

    def _there(self, answer: Mapping[str, Any], part: Sequence[str]) -> set[str]:
        """Ids that the answer accounts for, under their own id or as merged into another; notes the merges."""
        there: set[str] = set()
        for record in answer.get("results") or []:
            swallowed = (record["properties"].get(MERGED) or "").split(";")
            there.update([record["id"]] if record["id"] in part else [])
            for old in set(swallowed) & set(part):
                self.found.into[old] = record["id"]
                there.add(old)
        return there

    def _not_there_alone(self, one: str) -> bool:
        """Of an id that the answer to many does not account for: asked for alone, whatever answers is its survivor."""
        answer = self._asked([one])
        for record in answer.get("results") or []:
            if record["id"] != one:
                self.found.into[one] = record["id"]
        return bool(self._not_there(answer, [one]))


def grave(stream: Stream, entry: Entry, one: str, found: Found) -> Grave | None:
    """The end of a record that was held as alive; None where it is there after all, or was known to be gone."""
    if entry.gone:
        return None
    if survivor := found.into.get(one):
        # of the tables only `contact` can point at a survivor; what else is merged away is gone
        merged = {"merged_into": key(survivor)} if stream.name == "contact" else {"deleted_at": found.at}
        return Grave(entry=entry, **merged)
    if one in found.binned or one in found.nowhere:
        return Grave(entry=entry, deleted_at=found.binned.get(one, found.at))
    return None
