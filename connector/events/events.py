"""Events of any kind in CSV, TSV, NDJSON or Parquet, read through a mapping file."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from connector import transforms
from connector.events.files import Place
from connector.events.links import Links
from connector.events.mapped import Further, MappedFile, Shape, filled
from connector.events.values import identifiers
from connector.field_map import Record, StreamMap
from connector.identifiers import NORMALISERS
from connector.mapping import Mapping, load_mapping
from connector.ports import EventSource

KINDS = ("impression", "click", "view", "cart", "wish", "checkout")
NEEDS = ("key", "occurred_at", "kind", "identifier_type", "identifier")
LINK = "identity_link"
LINK_NEEDS = ("a_type", "a_value", "b_type", "b_value", "first_seen")


def source(name: str, path: Path, mapping: str, home: Path | None) -> EventSource:
    """Events read by `mappings/MAPPING.yaml` (`events` where none is named)."""
    return MappedFile(name, path, events_mapping(mapping or "events", home), EVENTS)


def events_mapping(name: str, home: Path | None, *needs: str) -> Mapping:
    """A mapping of events, and of identifiers that it ties.

    Args:
        needs: columns that it must fill besides those that every event has.

    Raises:
        SetupError: it is wrong, with file, line and field.
    """
    found = load_mapping(name, home, {"interaction": (*NEEDS, *needs)})
    for stream, rules in found.streams.items():
        for column in LINK_NEEDS if rules.table == LINK else ():
            if column not in rules.fields:
                raise found.text.error(("streams", stream, "fields"), f"column {column!r} is missing")
    return found


def translated_to_nothing(rules: StreamMap, records: Sequence[Record]) -> frozenset[int]:
    """Records whose kind, or whose identifier, is one that the mapping translates to nothing."""
    return frozenset(at for column in ("kind", "identifier") for at in _emptied(rules, column, records))


def _emptied(rules: StreamMap, column: str, records: Sequence[Record]) -> Iterator[int]:
    field = rules.fields[column]
    if None in field.values.values():
        for at, (record, found) in enumerate(zip(records, field.read(records), strict=True)):
            if found is None and not all(transforms.empty(record.get(each)) for each in field.sources):
                yield at


def _finish(rows: pa.Table, name: str, now: Place) -> tuple[pa.Table, Sequence[str]]:
    """Keys made the source's own, identifiers in one spelling; `version` is when a row was received, else occurred."""
    judged = list(_judged(rows))
    return (
        filled(
            rows,
            key=pc.binary_join_element_wise(name, rows["key"], ":"),
            version=pc.coalesce(rows["received_at"], rows["occurred_at"]),
            source=pa.repeat(pa.scalar(name), rows.num_rows),
            identifier=pa.array([identifier for identifier, _ in judged], pa.string()),
        ),
        [reason for _, reason in judged],
    )


def _judged(rows: pa.Table) -> Iterator[tuple[str | None, str]]:
    """For each row its identifier, normalised, and why the row is bad."""
    columns = (rows[column].to_pylist() for column in ("kind", "identifier_type", "identifier"))
    for kind, identifier_type, identifier in zip(*columns, strict=True):
        normal = NORMALISERS.get(identifier_type)
        found = normal(identifier) if normal else None
        if kind not in KINDS:
            yield found, f"kind: none of {', '.join(KINDS)}; translate it under `values` in the mapping"
        elif normal is None:
            yield (
                found,
                f"identifier_type: none of {', '.join(NORMALISERS)}; translate it under `values` in the mapping",
            )
        else:
            yield found, "" if found else "identifier: names nobody, or is not of its type"


def _ties(mapping: Mapping, records: Sequence[Record], name: str) -> Further:
    """Identity links, of every stream of the mapping that fills that table, where both ends are filled."""
    links, made_by = Links(name), set[int]()
    for rules in mapping.streams.values():
        for at, ends, seen in _pairs(rules, records) if rules.table == LINK else ():
            links.add(ends, seen)
            made_by.add(at)
    return Further(tables={LINK: links.table()} if made_by else {}, made_by=frozenset(made_by))


def _pairs(rules: StreamMap, records: Sequence[Record]) -> Iterator[tuple[int, dict[str, str], pa.TimestampScalar]]:
    mapped = rules.rows(records, {})
    left = (at for at in range(len(records)) if at not in mapped.rejected_at)
    columns = (mapped.table[column].to_pylist() for column in LINK_NEEDS)
    for at, a_type, a_value, b_type, b_value, seen in zip(left, *columns, strict=True):
        ends = identifiers({a_type: a_value, b_type: b_value})
        if len(ends) > 1 and seen is not None:
            yield at, ends, seen


EVENTS = Shape(stream="interaction", grows=True, of_no_use=translated_to_nothing, finish=_finish, further=_ties)
