"""What Salesforce itself does to records of certain objects: names made of parts, statuses with codes, members.

A rule is given the row as it was (None: it is new) and the changes, puts in what follows from them, or fails.
"""

from collections.abc import Callable, Mapping
from typing import Any

from connector.sandbox.clock import iso
from connector.sandbox.salesforce_errors import failed
from connector.sandbox.salesforce_org import Session

Row = dict[str, Any]
Before = Mapping[str, Any] | None
Rule = Callable[[Session, Before, Row], None]


def _after(before: Before, changes: Row, name: str) -> Any:
    return changes[name] if name in changes else (before or {}).get(name)


def _person(session: Session, before: Before, changes: Row) -> None:
    """A name of two parts; a person contact stays with its account."""
    if before and before.get("IsPersonAccount") and "AccountId" in changes:
        message = "Account: bad field names on insert/update call: AccountId"
        raise failed("INVALID_FIELD_FOR_INSERT_UPDATE", message, "AccountId")
    if before is None or {"FirstName", "LastName"} & changes.keys():
        parts = (_after(before, changes, "FirstName"), _after(before, changes, "LastName"))
        changes["Name"] = " ".join(part for part in parts if part)


def _lead(session: Session, before: Before, changes: Row) -> None:
    _person(session, before, changes)
    if before is None:
        changes.setdefault("Status", "Open - Not Contacted")


def _member(session: Session, before: Before, changes: Row) -> None:
    if before is None:
        _new_member(session, changes)
    if "Status" in changes or before is None:
        _member_status(session, before, changes)


def _new_member(session: Session, changes: Row) -> None:
    contact, lead = changes.get("ContactId"), changes.get("LeadId")
    if not contact and not lead:
        raise failed("REQUIRED_FIELD_MISSING", "Required fields are missing: [LeadId or ContactId]", "ContactId")
    if contact:  # both given: only the contact is kept (source: object reference, CampaignMember, "Usage")
        changes["LeadId"] = None
    column, who = ("ContactId", contact) if contact else ("LeadId", lead)
    sql = f"SELECT Id FROM CampaignMember WHERE CampaignId = ? AND {column} = ? AND IsDeleted = 0"  # noqa: S608
    if session.org.state.row(sql, changes.get("CampaignId"), who):
        raise failed("DUPLICATE_VALUE", "Already a campaign member.")
    kind = "Contact" if contact else "Lead"
    name = session.org.state.value(f"SELECT Name FROM {kind} WHERE Id = ?", who)  # noqa: S608
    changes.update(LeadOrContactId=who, Type=kind, Name=name)


def _member_status(session: Session, before: Before, changes: Row) -> None:
    """A status that the campaign does not know becomes its default one; whether it is a response follows."""
    sql = "SELECT Label, HasResponded, IsDefault FROM CampaignMemberStatus WHERE CampaignId = ? AND IsDeleted = 0"
    known = session.org.state.rows(sql, _after(before, changes, "CampaignId"))
    wanted = (changes.get("Status") or "").lower()
    found = [row for row in known if row[0].lower() == wanted] or [row for row in known if row[2]] or known[:1]
    label, responded, _ = found[0] if found else (changes.get("Status") or "Sent", 0, 1)
    changes.update(Status=label, HasResponded=responded)
    if responded and not (before or {}).get("FirstRespondedDate"):
        changes["FirstRespondedDate"] = iso(session.org.now())[:10]


def _order(session: Session, before: Before, changes: Row) -> None:
    known = dict(session.org.state.rows("SELECT MasterLabel, StatusCode FROM OrderStatus"))
    if before is None:
        changes["OrderNumber"] = f"{session.org.state.next_id('OrderNumber'):08d}"
        changes["TotalAmount"] = 0.0
    if before is None or "Status" in changes:
        _order_status(session, before, changes, known)


def _order_status(session: Session, before: Before, changes: Row, known: Mapping[str, str]) -> None:
    code = known.get(changes.get("Status") or "Draft")
    if code is None:
        message = f"Status: bad value for restricted picklist field: {changes['Status']}"
        raise failed("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, "Status")
    if before is None and code != "Draft":
        raise failed(
            "FAILED_ACTIVATION", "Invalid Data.: Start with a draft status when you create an order.", "Status"
        )
    changes["StatusCode"] = code
    if before and code == "Activated" and before.get("StatusCode") != "Activated":
        _activation(session, before, changes)


def _activation(session: Session, before: Mapping[str, Any], changes: Row) -> None:
    items = session.org.state.value("SELECT count(*) FROM OrderItem WHERE OrderId = ? AND IsDeleted = 0", before["Id"])
    if not items:
        raise failed("FAILED_ACTIVATION", "An order must have at least one product.", "Status")
    changes.update(ActivatedDate=session.org.now(), ActivatedById=session.user.id)


def _order_item(session: Session, before: Before, changes: Row) -> None:
    if before is None:
        changes["OrderItemNumber"] = f"{session.org.state.next_id('OrderItemNumber'):010d}"
        _priced(session, changes, "OrderId", '"Order"')
        _reduction(session, changes)
    quantity, price = _after(before, changes, "Quantity"), _after(before, changes, "UnitPrice")
    changes["TotalPrice"] = round((quantity or 0) * (price or 0), 2)


def _reduction(session: Session, changes: Row) -> None:
    """A line of a reduction order takes back what its original line still has to give."""
    quantity = changes.get("Quantity") or 0
    state = session.org.state
    reduces = state.value('SELECT IsReductionOrder FROM "Order" WHERE Id = ?', changes.get("OrderId"))
    changes["AvailableQuantity"] = 0.0 if reduces else max(0.0, quantity)
    if not reduces:
        if quantity < 0 and not session.org.settings.negative_quantity:
            message = "Quantity must be greater than zero."
            raise failed("FIELD_INTEGRITY_EXCEPTION", message, "Quantity")
        return
    original = changes.get("OriginalOrderItemId")
    if not original:
        raise failed(
            "REQUIRED_FIELD_MISSING", "Required fields are missing: [OriginalOrderItemId]", "OriginalOrderItemId"
        )
    left = state.value("SELECT AvailableQuantity FROM OrderItem WHERE Id = ?", original) or 0
    if quantity >= 0 or left + quantity < 0:
        message = "The quantity of a reduction order product must be negative and within the available quantity."
        raise failed("FIELD_INTEGRITY_EXCEPTION", message, "Quantity")
    sql = "UPDATE OrderItem SET AvailableQuantity = ?, SystemModstamp = ? WHERE Id = ?"
    state.run(sql, left + quantity, session.org.now(), original)


def _priced(session: Session, changes: Row, parent: str, table: str) -> None:
    """Product, list price and currency of a line follow from its price book entry and its parent."""
    sql = "SELECT Product2Id, UnitPrice, ProductCode, Name FROM PricebookEntry WHERE Id = ?"
    entry = session.org.state.row(sql, changes.get("PricebookEntryId"))
    if entry:
        changes["Product2Id"], changes["ListPrice"] = entry[0], entry[1]
        if changes.get("UnitPrice") is None and changes.get("TotalPrice") is None:
            changes["UnitPrice"] = entry[1]
        changes["ProductCode"] = entry[2]
        if table == "Opportunity":
            changes["Name"] = entry[3]
    sql = f"SELECT CurrencyIsoCode FROM {table} WHERE Id = ?"  # noqa: S608 - a constant
    changes["CurrencyIsoCode"] = session.org.state.value(sql, changes.get(parent))


def _opportunity(session: Session, before: Before, changes: Row) -> None:
    if before is not None and "StageName" not in changes:
        return
    sql = "SELECT IsClosed, IsWon, DefaultProbability FROM OpportunityStage WHERE MasterLabel = ?"
    closed, won, probability = session.org.state.row(sql, changes.get("StageName")) or (0, 0, 0.0)
    changes.update(IsClosed=closed, IsWon=won)
    if changes.get("Probability") is None:
        changes["Probability"] = probability


def _opportunity_line(session: Session, before: Before, changes: Row) -> None:
    if before is None:
        _priced(session, changes, "OpportunityId", "Opportunity")
    quantity = _after(before, changes, "Quantity") or 0
    if changes.get("TotalPrice") is not None and "UnitPrice" not in changes and quantity:
        changes["UnitPrice"] = round(changes["TotalPrice"] / quantity, 2)
    changes["TotalPrice"] = round(quantity * (_after(before, changes, "UnitPrice") or 0), 2)


def _price(session: Session, before: Before, changes: Row) -> None:
    if before is None:
        sql = "SELECT Name, ProductCode FROM Product2 WHERE Id = ?"
        changes["Name"], changes["ProductCode"] = session.org.state.row(sql, changes.get("Product2Id")) or (None, None)


RULES: Mapping[str, Rule] = {
    "Contact": _person,
    "Lead": _lead,
    "Individual": _person,
    "CampaignMember": _member,
    "Order": _order,
    "OrderItem": _order_item,
    "Opportunity": _opportunity,
    "OpportunityLineItem": _opportunity_line,
    "PricebookEntry": _price,
}
