"""What became of records that the webhooks journal mentions: read again, or asked for among the deleted and merged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyarrow as pa

from connector.crms._hubspot.holding import Entry
from connector.crms._hubspot.inquiry import Found, grave, inquire
from connector.crms._hubspot.journal_events import CHANGED, Mention
from connector.crms._hubspot.reread import records_of
from connector.crms._hubspot.source import Source
from connector.crms._hubspot.streams import MERGED, Record, Stream
from connector.crms._hubspot.tombstones import newer, tombstones
from connector.model import Rejection
from connector.ports import Known
from connector.schema import table_of

SLACK = timedelta(seconds=1)
"""How much later than its record an event may be dated: they come from different clocks."""

Held = Mapping[str, datetime]
"""Record id -> the version that we hold."""


@dataclass(frozen=True, kw_only=True)
class Touched:
    """What became of some records of a stream; the words are those of `connector.model.Batch`."""

    tables: tuple[tuple[str, pa.Table], ...] = ()
    kept: int = 0
    rejected: Sequence[Rejection] = ()
    erased: Sequence[str] = ()


def what_became(source: Source, stream: Stream, about: Sequence[Mention], known: Known) -> Touched:
    """Rows of the records that were mentioned, each newer than what is held of it."""
    keys = {one.id: stream.key(one.id) for one in about}
    versions = known(list(keys.values()))
    held = {one: versions[key] for one, key in keys.items() if key in versions}
    wanted = list(dict.fromkeys(one.id for one in about if not _is_old(one, held)))
    if not wanted:
        return Touched()
    records = records_of(source, stream, wanted)
    lacking = [one for one in wanted if one in held and one not in _accounted_for(records)]
    return _rows(source, stream, records, known, _buried(source, stream, {one: held[one] for one in lacking}))


def _is_old(mention: Mention, held: Held) -> bool:
    """A change that we hold already, or the end of what we never had."""
    version = held.get(mention.id)
    if mention.action in CHANGED:
        return version is not None and mention.at is not None and mention.at <= version + SLACK
    return version is None and mention.action in ("DELETE", "GDPR_DELETE")


def _accounted_for(records: Sequence[Record]) -> set[str]:
    """Ids under which these records are known, those of contacts merged into them included."""
    merged = (record["properties"].get(MERGED) or "" for record in records)
    return {record["id"] for record in records} | {one for text in merged for one in text.split(";")}


def _buried(source: Source, stream: Stream, held: Held) -> Touched:
    """Rows of those that are gone."""
    entries = {one: _entry(one, version) for one, version in held.items()}
    if not entries:
        return Touched()
    found = inquire(source, stream, entries)
    graves = [each for one, entry in entries.items() if (each := grave(stream, entry, one, found))]
    tables = ((table_of(stream.name), tombstones(stream, graves)),) if graves else ()
    return Touched(tables=tables, kept=len(graves), erased=_erased(stream, found))


def _entry(one: str, version: datetime) -> Entry:
    """What it belonged to, the warehouse fills in."""
    return Entry(id=int(one), version=version, gone=False, bare=False, points_to=None, replaces=None)


def _erased(stream: Stream, found: Found) -> list[str]:
    """People who are nowhere any more."""
    return [stream.key(one) for one in found.nowhere] if stream.name == "contact" else []


def _rows(source: Source, stream: Stream, records: Sequence[Record], known: Known, buried: Touched) -> Touched:
    parents = source.parents(stream, [record["id"] for record in records])
    made = source.batch(stream, records, parents, {})
    keys = [key for rows in made.tables.values() for key in rows["key"].to_pylist()]
    lifted = newer(made, known(keys)) if keys else made
    return Touched(
        tables=(*lifted.tables.items(), *buried.tables),
        kept=made.kept + buried.kept,
        rejected=made.rejected,
        erased=buried.erased,
    )
