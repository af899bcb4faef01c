"""Salesforce records as rows of the warehouse."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

from connector.crms._salesforce.select import INDIVIDUAL_STAMP
from connector.crms._salesforce.streams import (
    FORGET,
    INDIVIDUAL,
    MAIL_REFUSED,
    REFUSALS,
    STAMP,
    WINNER,
    Record,
    Stream,
    first,
    key,
    true,
    value,
)
from connector.mapping import StreamMap
from connector.model import Rejection

OPEN = timedelta(milliseconds=1)
"""Salesforce counts in whole seconds. A record that changed after the time that is surely covered may change again
within the same second, so its row is a moment older than Salesforce says: it is read again, and then wins."""
DAY = len("2026-11-21")
NO_PURCHASE = ("open", "cancelled")
BARE = frozenset({"key", "version", "crm", "crm_id", "deleted_at", "merged_into"})
"""What is told of a contact that was merged away or must be forgotten."""


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Records made rows. `forgotten` are keys of contacts of whom nothing may be kept."""

    table: pa.Table
    rejected: tuple[Rejection, ...]
    forgotten: tuple[str, ...] = ()


def made(
    stream: Stream, mapped: StreamMap, records: Sequence[Record], covered: datetime, unseen: Sequence[str] = ()
) -> Rows:
    """Rows of `records`, whose changes are surely known up to `covered`; `unseen` consent fields are not."""
    records = _timed(mapped, records)
    versions = [version(record, covered) for record in records]
    found = mapped.rows(records, {"version": versions, **_fixed(stream, mapped, records)})
    rejected = tuple(_rejection(stream, records[at], reason) for at, reason in found.rejected)
    kept = [record for at, record in enumerate(records) if at not in found.rejected_at]
    if stream.name == "order_header":
        return Rows(table=_with_returns(found.table, kept), rejected=rejected)
    if stream.name != "contact":
        return Rows(table=found.table, rejected=rejected)
    rows = [_person(row, record, unseen) for row, record in zip(found.table.to_pylist(), kept, strict=True)]
    forgotten = tuple(row["key"] for row, record in zip(rows, kept, strict=True) if true(record, FORGET))
    return Rows(table=pa.Table.from_pylist(rows, schema=mapped.schema), rejected=rejected, forgotten=forgotten)


def _timed(mapped: StreamMap, records: Sequence[Record]) -> Sequence[Record]:
    """Records with a time where Salesforce keeps a day and we a time: the day's first moment, UTC."""
    times = [each.sources for each in mapped.fields.values() if each.transform == "time"]
    paths = [path for sources in times for path in sources]
    return [{**record, **days} if (days := _days(record, paths)) else record for record in records]


def _days(record: Record, paths: Sequence[str]) -> dict[str, str]:
    told = {path: value(record, path) for path in paths}
    return {path: f"{one}T00:00:00Z" for path, one in told.items() if isinstance(one, str) and len(one) == DAY}


def stamp(record: Record) -> datetime:
    """When it last changed; a contact also changes with its individual."""
    told = (value(record, STAMP), value(record, INDIVIDUAL_STAMP))
    return max(datetime.fromisoformat(one) for one in told if one)


def version(record: Record, covered: datetime) -> datetime:
    """The version of its row."""
    changed = stamp(record)
    return changed if changed < covered else changed - OPEN


def _fixed(stream: Stream, mapped: StreamMap, records: Sequence[Record]) -> dict[str, Any]:
    """What does not come from the mapping: ids, parents, deletion, and what Salesforce spreads over several fields."""
    ids = [record["Id"] for record in records]
    columns: dict[str, Any] = {"key": [key(one) for one in ids]}
    columns["deleted_at"] = [stamp(record) if true(record, "IsDeleted") else None for record in records]
    if stream.points_to:
        columns[stream.points_to] = [key(first(record, stream.owners)) for record in records]
    return columns | _OF[stream.name](mapped, records, ids)


def _of_contacts(mapped: StreamMap, records: Sequence[Record], ids: Sequence[str]) -> dict[str, Any]:
    """A contact that was merged away is not deleted, but another one now."""
    gone = [
        stamp(record) if (true(record, "IsDeleted") and not value(record, WINNER)) or true(record, FORGET) else None
        for record in records
    ]
    return {"crm": "salesforce", "crm_id": ids, "deleted_at": gone}


def _of_products(mapped: StreamMap, records: Sequence[Record], ids: Sequence[str]) -> dict[str, Any]:
    return {"source": "salesforce"}


def _of_orders(mapped: StreamMap, records: Sequence[Record], ids: Sequence[str]) -> dict[str, Any]:
    return {"replaces": [key(value(record, "OpportunityId")) for record in records]}


def _with_returns(rows: pa.Table, records: Sequence[Record]) -> pa.Table:
    """Orders with the mapped state; a reduction order, or one whose sum is negative, tells of what came back."""
    states = [
        "returned" if state not in NO_PURCHASE and _takes_back(record) else state
        for state, record in zip(rows["status"].to_pylist(), records, strict=True)
    ]
    at = rows.schema.get_field_index("status")
    return rows.set_column(at, rows.schema.field(at), pa.array(states, pa.string()))


def _takes_back(record: Record) -> bool:
    return true(record, "IsReductionOrder") or float(value(record, "TotalAmount") or 0) < 0


def _of_lines(mapped: StreamMap, records: Sequence[Record], ids: Sequence[str]) -> dict[str, Any]:
    return {"product_key": [key(value(record, "Product2Id")) for record in records]}


def _of_opportunities(mapped: StreamMap, records: Sequence[Record], ids: Sequence[str]) -> dict[str, Any]:
    """State and number, unless the mapping says them: an opportunity's name may be that of a person."""
    told = {"status": [_state(record) for record in records], "order_id": [f"opportunity-{one}" for one in ids]}
    return {name: values for name, values in told.items() if name not in mapped.fields}


def _state(record: Record) -> str:
    if true(record, "IsWon"):
        return "fulfilled"
    return "cancelled" if true(record, "IsClosed") else "open"


_OF = {
    "product": _of_products,
    "contact": _of_contacts,
    "order_header": _of_orders,
    "order_line": _of_lines,
    "opportunity": _of_opportunities,
    "opportunity_line": _of_lines,
}


def _person(row: dict[str, Any], record: Record, unseen: Sequence[str]) -> dict[str, Any]:
    """A contact's row after its individual was heard, what forbids most first."""
    if row["merged_into"] or true(record, FORGET):
        return {name: told if name in BARE else None for name, told in row.items()}
    row = {**row, **_unknown(row, record, unseen)}
    refused = {column for path, columns in REFUSALS.items() if true(record, path) for column in columns}
    refused |= {"email_opt_out"} if true(record, MAIL_REFUSED) else set()
    return {**row, **{column: column != "ads_consent" for column in refused}}


def _unknown(row: Mapping[str, Any], record: Record, unseen: Sequence[str]) -> dict[str, None]:
    """Columns that nobody knows: an individual may have refused what we may not see. What is refused stays refused."""
    about_individual = any(path == INDIVIDUAL or path.startswith("Individual.") for path in unseen)
    if not about_individual or (INDIVIDUAL not in unseen and not value(record, INDIVIDUAL)):
        return {}
    return {
        column: None for column, refusal in (("email_opt_out", True), ("ads_consent", False)) if row[column] != refusal
    }


def _rejection(stream: Stream, record: Record, reason: str) -> Rejection:
    row = {name: told for name, told in record.items() if name != "attributes"}
    return Rejection(stream=stream.name, reference=key(record["Id"]) or "", reason=reason, row=row)
