"""HubSpot records as rows of the warehouse."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from connector import transforms
from connector.crms._hubspot.streams import MERGED, PRODUCT, Record, Stream, Ties, deal_status, key
from connector.mapping import StreamMap
from connector.model import Rejection


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Records made rows: `kept` of them are in `table`, the others in `rejected`."""

    table: pa.Table
    kept: int
    rejected: tuple[Rejection, ...]


def made(stream: Stream, mapped: StreamMap, records: Sequence[Record], parents: Mapping[str, Ties]) -> Rows:
    """Rows of `records`; `parents` gives what the associations of some records fill in."""
    versions, wrong = _versions(records)
    if wrong:
        return _without(stream, mapped, records, parents, wrong)
    properties = [record["properties"] for record in records]
    found = mapped.rows(properties, {"version": versions, **_fixed(stream, mapped, records, parents)})
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
    parents: Mapping[str, Ties],
    wrong: Mapping[int, str],
) -> Rows:
    rest = made(stream, mapped, [record for at, record in enumerate(records) if at not in wrong], parents)
    rejected = tuple(_rejection(stream, records[at], f"updatedAt: {reason}") for at, reason in wrong.items())
    return Rows(table=rest.table, kept=rest.kept, rejected=(*rejected, *rest.rejected))


def _fixed(stream: Stream, mapped: StreamMap, records: Sequence[Record], parents: Mapping[str, Ties]) -> dict[str, Any]:
    """What does not come from the mapping: ids, associations, and what HubSpot spreads over several properties."""
    ids = [record["id"] for record in records]
    columns: dict[str, Any] = {"key": [stream.key(one) for one in ids]}
    for column in stream.columns:
        columns[column] = [parents.get(one, {}).get(column) for one in ids]
    if stream.name == "contact":
        columns |= {"crm": "hubspot", "crm_id": ids}
    elif stream.name == "product":
        columns["source"] = "hubspot"
    elif stream.name == "order_line":
        products = [record["properties"].get(PRODUCT) for record in records]
        columns["product_key"] = [key(product) if product else None for product in products]
    elif stream.name == "deal":
        columns |= _of_deals(mapped, records)
    return columns


def _of_deals(mapped: StreamMap, records: Sequence[Record]) -> dict[str, Any]:
    """State and number of deals, unless the mapping says them: a deal's name may be that of a person."""
    told = {
        "status": [deal_status(record["properties"]) for record in records],
        "order_id": [f"deal-{record['id']}" for record in records],
    }
    return {name: values for name, values in told.items() if name not in mapped.fields}


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
        stream=stream.name, reference=stream.key(record["id"]), reason=reason, row=dict(record.get("properties") or {})
    )
