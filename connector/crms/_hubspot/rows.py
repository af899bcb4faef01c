"""HubSpot records as rows of the warehouse."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from connector import transforms
from connector.mapping import StreamMap
from connector.model import Rejection

Record = Mapping[str, Any]

MERGED = "hs_merged_object_ids"
"""On the survivor of a merge: ids that were merged into it, by ";". (hs_calculated_merged_vids misses chains.)"""
PRODUCT = "hs_product_id"


@dataclass(frozen=True, kw_only=True)
class Stream:
    """One of our streams, as HubSpot has it.

    Attributes:
        parent: object type whose associated id each record needs.
        parent_column: where its key goes.
        further: properties we need besides the mapped ones.
    """

    name: str
    parent: str = ""
    parent_column: str = ""
    further: tuple[str, ...] = ()


STREAMS = {
    stream.name: stream
    for stream in (
        Stream(name="product"),
        Stream(name="contact", further=(MERGED,)),
        Stream(name="order_header", parent="contacts", parent_column="contact_key"),
        Stream(name="order_line", parent="orders", parent_column="order_key", further=(PRODUCT,)),
    )
}

NEEDS = {"product": ("product_id",), "contact": (), "order_header": ("ordered_at",), "order_line": ("quantity",)}
"""What a mapping must fill for the stages after us."""


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Records made rows: `kept` of them are in `table`, the others in `rejected`."""

    table: pa.Table
    kept: int
    rejected: tuple[Rejection, ...]


def key(record_id: str) -> str:
    """Our key of a HubSpot record."""
    return f"hubspot:{record_id}"


def lowest(ids: Sequence[str]) -> str | None:
    """The one of several associated records that counts: the oldest, which has the lowest id."""
    return min(ids, key=int, default=None)


def made(stream: Stream, mapped: StreamMap, records: Sequence[Record], parents: Mapping[str, str | None]) -> Rows:
    """Rows of `records`; `parents` gives the associated record's id for those that have one."""
    versions, wrong = _versions(records)
    if wrong:
        return _without(stream, mapped, records, parents, wrong)
    properties = [record["properties"] for record in records]
    found = mapped.rows(properties, {"version": versions, **_fixed(stream, records, parents)})
    rejected = tuple(_rejection(stream, records[at], reason) for at, reason in found.rejected)
    table = found.table
    if stream.name == "contact":
        table = pa.concat_tables([table, _tombstones(mapped.schema, records, versions, found.rejected_at)])
    return Rows(table=table, kept=found.kept, rejected=rejected)


def _versions(records: Sequence[Record]) -> tuple[pa.Array, dict[int, str]]:
    column, wrong = transforms.apply(transforms.TRANSFORMS["time"], [each.get("updatedAt") for each in records], None)
    missing = {at: "is missing" for at, valid in enumerate(column.is_valid().to_pylist()) if not valid}
    return column, missing | wrong


def _without(
    stream: Stream,
    mapped: StreamMap,
    records: Sequence[Record],
    parents: Mapping[str, str | None],
    wrong: Mapping[int, str],
) -> Rows:
    rest = made(stream, mapped, [record for at, record in enumerate(records) if at not in wrong], parents)
    rejected = tuple(_rejection(stream, records[at], f"updatedAt: {reason}") for at, reason in wrong.items())
    return Rows(table=rest.table, kept=rest.kept, rejected=(*rejected, *rest.rejected))


def _fixed(stream: Stream, records: Sequence[Record], parents: Mapping[str, str | None]) -> dict[str, Any]:
    ids = [record["id"] for record in records]
    columns: dict[str, Any] = {"key": [key(one) for one in ids]}
    if stream.parent:
        columns[stream.parent_column] = [key(parent) if (parent := parents.get(one)) else None for one in ids]
    if stream.name == "contact":
        columns |= {"crm": "hubspot", "crm_id": ids}
    elif stream.name == "product":
        columns["source"] = "hubspot"
    elif stream.name == "order_line":
        products = [record["properties"].get(PRODUCT) for record in records]
        columns["product_key"] = [key(product) if product else None for product in products]
    return columns


def _tombstones(schema: pa.Schema, records: Sequence[Record], versions: pa.Array, left_out: frozenset[int]) -> pa.Table:
    """A row for each contact that a kept one swallowed, so that what points to it finds the survivor."""
    rows = [
        {
            "key": key(old),
            "version": versions[at].as_py(),
            "crm": "hubspot",
            "crm_id": old,
            "merged_into": key(record["id"]),
        }
        for at, record in enumerate(records)
        if at not in left_out and (merged := record["properties"].get(MERGED))
        for old in merged.split(";")
        if old and old != record["id"]
    ]
    return pa.Table.from_pylist(rows, schema=schema)


def _rejection(stream: Stream, record: Record, reason: str) -> Rejection:
    return Rejection(
        stream=stream.name, reference=key(record["id"]), reason=reason, row=dict(record.get("properties") or {})
    )
