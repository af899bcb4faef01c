"""The sweep `moved`: whom orders and deals belong to, and what lines belong to, read again a thousand a call."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from connector.crms._hubspot.holding import Entry, Holding
from connector.crms._hubspot.reread import reread
from connector.crms._hubspot.source import ASSOCIATED, Source
from connector.crms._hubspot.streams import Parent, Stream, Ties
from connector.errors import GuardStop
from connector.model import Batch, Cursor
from connector.ports import SILENCE, Held

ENTRIES = 5 * ASSOCIATED
"""Records compared for one Batch."""


def moved(source: Source, stream: Stream, cursor: Cursor, held: Held, *, approved: bool) -> Iterator[Batch]:
    """Rows of records whose associations are others than those held; the associations with nobody are asked twice."""
    if not stream.parents:
        return
    holding, last = Holding(stream, held), int(cursor.get("last", 0))
    while entries := holding.alive_after(last, ENTRIES):
        last = entries[-1].id
        wanted = _differing(source, stream, entries, approved=approved)
        yield reread(source, stream, holding, wanted, len(entries), {"last": str(last)})
    yield Batch(tables={}, cursor={"done": True}, read=0, kept=0)


def belongings(source: Source, stream: Stream, ids: Sequence[str], held: Held, cursor: Cursor) -> Iterator[Batch]:
    """Rows of what belongs to some records and is held otherwise: a restored record brings its associations back."""
    kind = source.kind(stream)
    for child in source.streams.values():
        if all(parent.object != kind for parent in child.parents):
            continue
        down = Parent(object=source.kind(child), column="children", prefix=child.prefix, all=True)
        ties = source.parents(replace(stream, parents=(down,)), ids)
        keys = [key for each in ties.values() for key in each["children"].split(";")]
        holding = Holding(child, held)
        found = holding.named([one for key in keys if (one := child.id_of(key))])
        entries = [entry for entry in found.values() if not entry.gone]
        wanted = _differing(source, child, entries, approved=True)
        yield reread(source, child, holding, wanted, len(entries), cursor)


def _differing(source: Source, stream: Stream, entries: Sequence[Entry], *, approved: bool) -> list[str]:
    ties = source.parents(stream, [str(entry.id) for entry in entries])
    alone = [
        str(entry.id) for entry in entries if entry.points_to and stream.points_to not in ties.get(str(entry.id), {})
    ]
    ties |= source.parents(stream, alone)
    _guard(source.kind(stream), stream, alone, ties, entries, approved=approved)
    return [str(entry.id) for entry in entries if _told(stream, ties.get(str(entry.id), {})) != _held(entry)]


def _told(stream: Stream, ties: Ties) -> tuple[str | None, str | None]:
    others = [ties.get(column) for column in stream.columns if column != stream.points_to]
    return ties.get(stream.points_to), next(iter(others), None)


def _held(entry: Entry) -> tuple[str | None, str | None]:
    return entry.points_to, entry.replaces


def _guard(
    kind: str,
    stream: Stream,
    alone: Sequence[str],
    ties: Mapping[str, Ties],
    entries: Sequence[Entry],
    *,
    approved: bool,
) -> None:
    lost = sum(stream.points_to not in ties.get(one, {}) for one in alone)
    tied = sum(entry.points_to is not None for entry in entries)
    if not approved and not SILENCE.allows(lost, tied):
        raise GuardStop(
            f"HubSpot ties {lost:,} of {tied:,} {kind} to nobody any more; nothing was changed for it",
            hint="look at some of them in HubSpot; if it is so: lamplighter run --sweep moved --approve-deletions",
        )
