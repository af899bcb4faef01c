"""What queries of changes cannot see: records that are gone for good, children that a merge moved, changes missed.

All ids of a stream are listed with the little that is compared; what differs is read again, and what is held and not
listed was deleted for good: the recycle bin, which is listed too, has let go of it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from connector.crms._salesforce import bulk_query
from connector.crms._salesforce.look import Lookout
from connector.crms._salesforce.members import forget
from connector.crms._salesforce.pull import GAP, SWEEP, Puller
from connector.crms._salesforce.roles import with_roles
from connector.crms._salesforce.rows import stamp
from connector.crms._salesforce.select import INDIVIDUAL_STAMP
from connector.crms._salesforce.streams import STAMP, Record, Stream, first, id_of, key, true
from connector.errors import GuardStop, SetupError
from connector.model import Batch, Cursor
from connector.ports import SILENCE, Held
from connector.schema import SEEN, TIME, table_of

EVERY = timedelta(days=7)
"""How often a look at every record is worth its calls; the recycle bin keeps fifteen days."""
STEP = timedelta(microseconds=1)
"""A row of a sweep is newer than the one it replaces by no more than this: the next change still wins."""
REREAD = 2_000
CONTACT = "contact"

LISTED = pa.schema([("key", pa.string()), ("stamp", TIME), ("in_bin", pa.bool_()), ("owner", pa.string())])


class Sweeper:
    """Holds what Salesforce has against what we hold."""

    def __init__(self, lookout: Lookout, puller: Puller) -> None:
        self._look = lookout
        self._api = lookout.api
        self._puller = puller

    def sweeps(self) -> dict[str, timedelta]:
        """Name -> how often; at once where a gap was noticed."""
        overdue = bool(self._api.transport.remembered.get(SWEEP, GAP))
        return {GAP: timedelta() if overdue else EVERY}

    def sweep(self, name: str, cursor: Cursor | None, held: Held, *, approved: bool) -> Iterator[Batch]:
        """Stream by stream, from the cursor on. See `connector.ports.CRM.sweep`."""
        if name != GAP:
            raise SetupError(f"Salesforce has no sweep {name!r}", hint=f"there is {GAP}")
        stand = cursor or {}
        done = list(stand.get("done", []))
        for each in [one for one in self._look.streams if one not in done]:
            last = stand.get("last", "") if stand.get("stream") == each else ""
            yield from self._stream(self._look.streams[each], held, done, last, approved=approved)
            done.append(each)
        if cursor is None:  # one that was broken off began before the gap was known
            self._api.transport.remembered.put(SWEEP, GAP, "")

    def _stream(self, stream: Stream, held: Held, done: Sequence[str], last: str, *, approved: bool) -> Iterator[Batch]:
        """One stream: what differs, a few thousand at a time and in the order of keys, then what is gone.

        Args:
            done: streams before it. last: what differs up to this key was read already.
        """
        listed = self._listed(stream)
        ours = self._ours(stream, held)
        both = listed.join(ours, keys="key", join_type="left outer")
        wanted = sorted(one for one in both.filter(_differs(both))["key"].to_pylist() if one > last)
        gone = _gone(ours, listed, stream)
        self._guard(stream, gone, ours, approved=approved)
        versions = dict(zip(ours["key"].to_pylist(), ours["version"].to_pylist(), strict=True)) if wanted else {}
        for at in range(0, len(wanted), REREAD):
            part = wanted[at : at + REREAD]
            batch = self._puller.by_ids(stream.name, [id_of(one) for one in part])
            yield _newer(batch, versions, {"done": list(done), "stream": stream.name, "last": part[-1]})
        if stream.name == CONTACT:
            forget(self._api.transport.remembered, {id_of(one) for one in gone["key"].to_pylist()})
        cursor = {"done": [*done, stream.name]}
        yield _buried(stream, gone, listed.num_rows, len(wanted), cursor, self._api.transport.now())

    def _listed(self, stream: Stream) -> pa.Table:
        """Everything that Salesforce has of a stream, the recycle bin too."""
        selection = self._look.selection(stream.name)
        asked = ["Id", STAMP, "IsDeleted", INDIVIDUAL_STAMP, *stream.owners]
        paths = [path for path in dict.fromkeys(asked) if path in selection.paths]
        soql = f"SELECT {', '.join(paths)} FROM {selection.object}"  # noqa: S608  (names that describe told)
        parts = [_part(stream, with_roles(self._look, stream, records)) for records in self._records(soql)]
        return pa.concat_tables([LISTED.empty_table(), *parts])

    def _records(self, soql: str) -> Iterator[Sequence[Record]]:
        """All records of a query, by pages, or by a job where they are many."""
        for number, page in enumerate(self._api.pages(soql, all_rows=True)):
            if number == 0 and page.total > self._api.settings.bulk_above:
                yield from self._job(soql)
                return
            self._look.floor.add("list", 1)
            yield page.records

    def _job(self, soql: str) -> Iterator[Sequence[Record]]:
        job, locator, more = bulk_query.begin(self._api, soql, all_rows=True), None, True
        bulk_query.wait(self._api, job)
        self._look.floor.add("job", 2)
        while more:
            page = bulk_query.results(self._api, job, locator)
            self._look.floor.add("results", 1)
            yield page.records
            locator, more = page.next, page.next is not None

    def _ours(self, stream: Stream, held: Held) -> pa.Table:
        """What we hold of the stream: orders and opportunities share a table, and are told apart by their ids."""
        table = held(table_of(stream.name))
        start = key(self._look.visible.prefix(self._look.mapping.streams[stream.name].object))
        return table.filter(pc.starts_with(table["key"], start or "")).select(["key", *OURS])

    def _guard(self, stream: Stream, gone: pa.Table, ours: pa.Table, *, approved: bool) -> None:
        lost = pc.sum(pc.invert(gone["gone"])).as_py() or 0
        living = pc.sum(pc.invert(ours["gone"])).as_py() or 0
        if not approved and not SILENCE.allows(lost, living):
            raise GuardStop(
                f"Salesforce lists {lost:,} of our {living:,} {stream.name} records no more; nothing was deleted",
                hint="see in Salesforce whether they were deleted or are hidden from the integration user; if deleted: "
                "lamplighter run --sweep gone --approve-deletions",
            )


OURS = ("version", "gone", "bare", "points_to")


def _part(stream: Stream, records: Sequence[Record]) -> pa.Table:
    rows = [
        {
            "key": key(one["Id"]),
            "stamp": stamp(one),
            "in_bin": true(one, "IsDeleted"),
            "owner": key(first(one, stream.owners)),
        }
        for one in records
    ]
    return pa.Table.from_pylist(rows, schema=LISTED)


def _differs(both: pa.Table) -> pa.Array:
    """Unknown to us and alive; or known, and newer, deleted or restored, or of another owner."""
    known = pc.is_valid(both["version"])
    new = pc.and_(pc.invert(known), pc.invert(both["in_bin"]))
    merged = pc.and_(both["in_bin"], pc.is_valid(both["owner"]))
    newer = pc.greater(both["stamp"], both["version"])
    turned = pc.and_(pc.not_equal(both["in_bin"], both["gone"]), pc.invert(merged))
    nobody = pa.scalar("", pa.string())
    moved = pc.not_equal(pc.fill_null(both["owner"], nobody), pc.fill_null(both["points_to"], nobody))
    changed = pc.and_(pc.or_(pc.or_(newer, turned), moved), pc.invert(pc.and_(both["in_bin"], both["bare"])))
    return pc.or_(new, pc.and_(known, pc.fill_null(changed, False)))


def _gone(ours: pa.Table, listed: pa.Table, stream: Stream) -> pa.Table:
    """What we hold and nobody lists: as alive; or, of people, with more than that they were deleted."""
    missing = ours.join(listed.select(["key"]), keys="key", join_type="left anti")
    matters = pc.invert(missing["gone"])
    if stream.name == CONTACT:
        matters = pc.or_(matters, pc.and_(pc.invert(missing["bare"]), pc.is_null(missing["points_to"])))
    return missing.filter(matters)


def _newer(batch: Batch, versions: dict[str, datetime], cursor: Cursor) -> Batch:
    """The same with rows that are newer than those we hold, and a cursor behind them."""
    tables = {}
    for name, table in batch.tables.items():
        told = [
            max(version, versions[one] + STEP) if one in versions else version
            for one, version in zip(table["key"].to_pylist(), table["version"].to_pylist(), strict=True)
        ]
        at = table.schema.get_field_index("version")
        tables[name] = table.set_column(at, table.schema.field(at), pa.array(told, TIME))
    return replace(batch, tables=tables, cursor=cursor)


def _buried(stream: Stream, gone: pa.Table, listed: int, differing: int, cursor: Cursor, now: datetime) -> Batch:
    """The last batch of a stream: a tombstone for each that is gone; of people nothing else may stay."""
    keys, table = gone["key"].to_pylist(), table_of(stream.name)
    versions = gone["version"].to_pylist()
    who = [{"crm": "salesforce", "crm_id": id_of(one)} if stream.name == CONTACT else {} for one in keys]
    rows = [
        {"key": one, "version": max(version + STEP, now), "deleted_at": now, **own}
        for one, version, own in zip(keys, versions, who, strict=True)
    ]
    return Batch(
        tables={table: pa.Table.from_pylist(rows, schema=SEEN[table])} if rows else {},
        cursor=cursor,
        read=listed - differing + len(keys),
        kept=len(keys),
        skipped=listed - differing,
        erased={table: keys} if keys and stream.name == CONTACT else {},
    )
