"""Our streams as Salesforce has them: what is asked for besides the mapped fields. Which of them are read is chosen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connector.crms._salesforce.settings import SalesforceSettings
from connector.mapping import Mapping as FieldMapping

Record = Mapping[str, Any]
"""As a query answers it: parents nested, or by path where it came as CSV."""

STAMP = "SystemModstamp"
"""Moves with every change, by people or by Salesforce itself; LastModifiedDate only with the former."""
WINNER = "MasterRecordId"
"""On the loser of a merge, which is deleted: the record it was merged into."""
INDIVIDUAL = "IndividualId"
FORGET = "Individual.ShouldForget"
REFUSALS = {
    "Individual.HasOptedOutProcessing": ("email_opt_out", "profiling_opt_out", "ads_consent"),
    "Individual.HasOptedOutProfiling": ("profiling_opt_out",),
    "Individual.HasOptedOutTracking": ("profiling_opt_out", "ads_consent"),
    "Individual.HasOptedOutSolicit": ("email_opt_out", "ads_consent"),
}
"""What a person refused -> the columns that must say so, from what forbids most to what forbids least."""
MAIL_REFUSED = "mail refused"
"""Marks the record of a contact whose individual opted out of e-mail in a consent of its own; no field is called so."""
CONSENT = frozenset({"email_opt_out", "ads_consent", "profiling_opt_out"})
"""Columns whose field may be invisible to us: unknown then, which keeps people out of lists."""
PERSON = "Account.PersonContactId"
"""The contact behind a person account."""


@dataclass(frozen=True, kw_only=True)
class Stream:
    """One of our streams, as Salesforce has it.

    Attributes:
        needed: paths of fields that its rows need besides the mapped ones.
        wanted: the same, of those that not every org has, or that we may not see.
        owners: paths of the record it belongs to; the first that is filled counts.
        points_to: the column with its key.
    """

    name: str
    needed: tuple[str, ...] = ()
    wanted: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    points_to: str = ""


_STREAMS = (
    Stream(name="product"),
    Stream(
        name="contact",
        needed=(WINNER,),
        wanted=(INDIVIDUAL, "Individual.SystemModstamp", FORGET, *REFUSALS),
        owners=(WINNER,),
        points_to="merged_into",
    ),
    Stream(
        name="order_header",
        wanted=("BillToContactId", "ShipToContactId", PERSON, "IsReductionOrder", "TotalAmount", "OpportunityId"),
        owners=("BillToContactId", "ShipToContactId", PERSON),
        points_to="contact_key",
    ),
    Stream(
        name="order_line",
        needed=("OrderId", "Product2Id"),
        wanted=("OriginalOrderItemId",),
        owners=("OrderId",),
        points_to="order_key",
    ),
    Stream(
        name="opportunity",
        needed=("IsWon", "IsClosed"),
        wanted=("ContactId", PERSON),
        owners=("ContactId", PERSON),
        points_to="contact_key",
    ),
    Stream(
        name="opportunity_line",
        needed=("OpportunityId", "Product2Id"),
        owners=("OpportunityId",),
        points_to="order_key",
    ),
)

_NEEDS: dict[str, tuple[str, ...]] = {
    "product": ("product_id",),
    "contact": (),
    "order_header": ("ordered_at",),
    "order_line": ("quantity",),
    "opportunity": ("ordered_at",),
    "opportunity_line": ("quantity",),
}

_SALES = {
    "orders": ("order_header", "order_line"),
    "opportunities": ("opportunity", "opportunity_line"),
    "both": ("order_header", "order_line", "opportunity", "opportunity_line"),
}


def chosen(purchases: str) -> dict[str, Stream]:
    """The streams to read where purchases are `orders`, `opportunities` or `both`, in the order of their pull."""
    names = ("product", "contact", *_SALES[purchases])
    return {one.name: one for one in _STREAMS if one.name in names}


def needs(purchases: str) -> dict[str, tuple[str, ...]]:
    """What a mapping must fill for the stages after us."""
    return {name: _NEEDS[name] for name in chosen(purchases)}


def key(record_id: Any) -> str | None:
    """Our key of a Salesforce record; None for none. Ids are unique in the org, whatever the object."""
    return f"salesforce:{record_id}" if record_id else None


def id_of(row_key: str) -> str:
    """The record's id in one of our keys."""
    return row_key.removeprefix("salesforce:")


def value(record: Record, path: str) -> Any:
    """What stands at a path of a record; None where it leads nowhere. Empty text of a CSV is nothing."""
    if path in record:
        return record[path] or None if isinstance(record[path], str) else record[path]
    found: Any = record
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def true(record: Record, path: str) -> bool:
    """Whether a box is ticked, in JSON or in CSV."""
    return value(record, path) in (True, "true")


def first(record: Record, paths: Sequence[str]) -> Any:
    """The first of several that is filled."""
    return next((found for path in paths if (found := value(record, path))), None)


def mapped(mapping: FieldMapping, settings: SalesforceSettings) -> FieldMapping:
    """The mapping as the settings want it read: only the streams that are used, and the chosen id of items."""
    used = mapping.only(chosen(settings.purchases))
    if not settings.item_key:
        return used
    for name in used.streams:
        if name == "product":
            used = used.with_source(name, "product_id", settings.item_key)
        elif "product_id" in used.streams[name].fields:
            used = used.with_source(name, "product_id", f"Product2.{settings.item_key}")
    return used
