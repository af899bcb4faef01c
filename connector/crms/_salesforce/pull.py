"""Pulling one stream: all of it at first, then what changed since the time that was surely covered.

Few records come by pages of a query, many by a job of Bulk API 2.0; either goes on where it was broken off. The time is
taken before the records are read, so that what changes meanwhile is read again.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from connector.crms._salesforce import bulk_query
from connector.crms._salesforce.answers import Refused
from connector.crms._salesforce.consents import with_consents
from connector.crms._salesforce.look import Lookout, News
from connector.crms._salesforce.members import forget
from connector.crms._salesforce.roles import with_roles
from connector.crms._salesforce.rows import made, version
from connector.crms._salesforce.select import Selection
from connector.crms._salesforce.streams import INDIVIDUAL, Record, id_of, key
from connector.model import Batch, Cursor
from connector.ports import Known
from connector.schema import table_of

LOST = frozenset({"INVALID_QUERY_LOCATOR", "NOT_FOUND", "INVALIDJOB"})
"""Salesforce keeps pages for two days and jobs for seven."""
SWEEP, GAP = "sweep", "gone"
"""Remembered: what no query tells of any more, the sweep must find."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What one pull of a stream reads.

    Attributes:
        since: changes from then on; None: everything.
        covered: up to here nothing is missing once it is read.
        total: records, as Salesforce counted them.
    """

    name: str
    selection: Selection
    digest: str
    since: datetime | None
    covered: datetime
    total: int = 0

    def at(self, **place: str | int) -> Cursor:
        """The cursor of a place in it."""
        times = {"since": self.since.isoformat() if self.since else None, "covered": self.covered.isoformat()}
        return {"mapping": self.digest, **times, "total": self.total, **place}

    def end(self) -> Cursor:
        """The cursor once it is read."""
        return {"mapping": self.digest, "since": self.covered.isoformat()}


class Puller:
    """Pulls streams of one org."""

    def __init__(self, lookout: Lookout) -> None:
        self._look = lookout
        self._api = lookout.api

    def pull(self, name: str, cursor: Cursor | None, known: Known) -> Iterator[Batch]:
        """See `connector.ports.EventSource.pull`."""
        stand = cursor or {}
        if "next" in stand or "job" in stand:
            reading = self._reading(name, stand, self._look.selection(name))
            if reading.digest == stand["mapping"]:
                try:
                    yield from self._from(reading, stand, known)
                    return
                except Refused as error:
                    if not error.codes & LOST:
                        raise
            stand = {**stand, "mapping": reading.digest} if reading.digest == stand["mapping"] else {}
        yield from self._anew(name, stand, known)

    def _reading(self, name: str, stand: Cursor, selection: Selection) -> Reading:
        return Reading(
            name=name,
            selection=selection,
            digest=self.digest(name, selection),
            since=moment(stand.get("since")),
            covered=datetime.fromisoformat(stand["covered"]),
            total=int(stand.get("total", 0)),
        )

    def digest(self, name: str, selection: Selection) -> str:
        """Changes when rows of a stream could come out otherwise: by the mapping, or by what we may see."""
        said = f"{self._look.mapping.digest(name)} {selection.paths}"
        return hashlib.sha256(said.encode()).hexdigest()[:12]

    def _anew(self, name: str, stand: Cursor, known: Known) -> Iterator[Batch]:
        since = moment(stand.get("since"))
        news = self._look.news(name, since)
        if since is not None and self.digest(name, news.selection) != stand["mapping"]:
            news, since = replace(self._look.news(name, None), gap=True), None  # it tells of no deletion
        if news.gap:
            self._api.transport.remembered.put(SWEEP, GAP, "overdue")
        reading = Reading(
            name=name,
            selection=news.selection,
            digest=self.digest(name, news.selection),
            since=since,
            covered=news.covered,
            total=news.page.total,
        )
        if news.parties:
            yield self._of_parties(reading, news.parties, stand)
        if news.page.total > self._api.settings.bulk_above:
            yield from self._job(reading, known)
        else:
            yield from self._first(reading, news, known)

    def _of_parties(self, reading: Reading, parties: Sequence[str], stand: Cursor) -> Batch:
        """The contacts of some individuals, whatever we hold of them; the cursor stays where it is."""
        everything = replace(reading, since=None)
        records = list(self._look.by_ids(reading.selection.soql(None), INDIVIDUAL, parties))
        return self.batch(everything, records, stand, lambda keys: {})

    def _first(self, reading: Reading, news: News, known: Known) -> Iterator[Batch]:
        """The page that came with the news, then the others."""
        read = len(news.page.records)
        following = reading.at(next=news.page.next, read=read) if news.page.next else reading.end()
        yield self.batch(reading, news.page.records, following, known)
        if news.page.next:
            yield from self._pages(reading, news.page.next, read, known)

    def _from(self, reading: Reading, stand: Cursor, known: Known) -> Iterator[Batch]:
        if "job" in stand:
            return self._results(reading, stand["job"], stand.get("locator"), int(stand.get("read", 0)), known)
        return self._pages(reading, stand["next"], int(stand["read"]), known)

    def _pages(self, reading: Reading, start: str, read: int, known: Known) -> Iterator[Batch]:
        for page in self._look.pages("", all_rows=False, start=start):
            self._look.floor.add("page", 1)
            read += len(page.records)
            following = reading.at(next=page.next, read=read) if page.next else reading.end()
            yield self.batch(reading, page.records, following, known)

    def _job(self, reading: Reading, known: Known) -> Iterator[Batch]:
        soql, everything = reading.selection.soql(reading.since), reading.since is None
        job = bulk_query.begin(self._api, soql, all_rows=not everything)
        self._look.floor.add("job", 1)
        yield Batch(tables={}, cursor=reading.at(job=job), read=0, kept=0)
        yield from self._results(reading, job, None, 0, known)

    def _results(self, reading: Reading, job: str, locator: str | None, read: int, known: Known) -> Iterator[Batch]:
        if locator is None:
            bulk_query.wait(self._api, job)
            self._look.floor.add("wait", 1)
        while True:
            page = bulk_query.results(self._api, job, locator)
            self._look.floor.add("results", 1)
            read, locator = read + len(page.records), page.next
            following = reading.at(job=job, locator=locator, read=read) if locator else reading.end()
            yield self.batch(reading, page.records, following, known)
            if locator is None:
                return

    def batch(self, reading: Reading, records: Sequence[Record], cursor: Cursor, known: Known) -> Batch:
        """A batch of the records that are newer than what we hold."""
        news = self._newer(records, reading.covered, known) if reading.since else records
        stream, mapped = self._look.streams[reading.name], self._look.mapping.streams[reading.name]
        whole = with_consents(self._look, stream, with_roles(self._look, stream, news))
        rows = made(stream, mapped, whole, reading.covered, reading.selection.unseen)
        table = table_of(reading.name)
        forget(self._api.transport.remembered, {id_of(one) for one in rows.forgotten})
        return Batch(
            tables={table: rows.table} if rows.table.num_rows else {},
            cursor=cursor,
            read=len(records),
            kept=len(news) - len(rows.rejected),
            skipped=len(records) - len(news),
            rejected=rows.rejected,
            erased={table: rows.forgotten} if rows.forgotten else {},
        )

    def _newer(self, records: Sequence[Record], covered: datetime, known: Known) -> list[Record]:
        keys = [str(key(record["Id"])) for record in records]
        held: Mapping[str, datetime] = known(keys) if keys else {}
        return [
            record
            for one, record in zip(keys, records, strict=True)
            if one not in held or version(record, covered) > held[one]
        ]

    def by_ids(self, name: str, ids: Sequence[str]) -> Batch:
        """A batch of some records, whatever we hold of them, the deleted too. While a long transaction runs, what it
        may still change must not pass for settled: so it is asked, before they are read, up to when changes are."""
        selection = self._look.selection(name)
        covered = self._look.covered(selection.object)
        reading = Reading(name=name, selection=selection, digest="", since=None, covered=covered)
        records = list(self._look.by_ids(selection.soql(None), "Id", ids))
        return self.batch(reading, records, {}, lambda keys: {})


def moment(told: str | None) -> datetime | None:
    """A time of a cursor."""
    return datetime.fromisoformat(told) if told else None
