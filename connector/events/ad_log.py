"""An ad log: a CSV or TSV file of impressions and clicks, read through a mapping file."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from connector import transforms
from connector.events.files import Place
from connector.events.mapped import MappedFile, Shape, filled
from connector.field_map import Record, StreamMap
from connector.identifiers import NORMALISERS
from connector.mapping import load_mapping
from connector.ports import EventSource

KINDS = ("impression", "click", "view", "cart", "wish", "checkout")
NEEDS = ("key", "occurred_at", "kind", "identifier_type", "identifier", "product_id")


def source(name: str, path: Path, mapping: str, home: Path | None) -> EventSource:
    """An ad log read by `mappings/MAPPING.yaml` (`ad_log` where none is named)."""
    needs = {"interaction": NEEDS}
    return MappedFile(name, path, load_mapping(mapping or "ad_log", home, needs), AD_LOG)


def _of_no_use(rules: StreamMap, records: Sequence[Record]) -> frozenset[int]:
    """Records of a kind that the mapping translates to nothing."""
    kind = rules.fields["kind"]
    if None not in kind.values.values():
        return frozenset()
    return frozenset(
        at
        for at, (record, found) in enumerate(zip(records, kind.read(records), strict=True))
        if found is None and not all(transforms.empty(record.get(each)) for each in kind.sources)
    )


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


AD_LOG = Shape(stream="interaction", grows=True, column=str, of_no_use=_of_no_use, finish=_finish)
