"""What a record's change does to other records: a new campaign's statuses, the sums of orders and opportunities."""

from collections.abc import Callable, Mapping

from connector.sandbox.salesforce_fields import SObject
from connector.sandbox.salesforce_org import Session
from connector.sandbox.salesforce_rows import Row, make_row, next_id, put

MEMBER_STATUSES = (("Sent", 1, 0), ("Responded", 0, 1))
"""Label, whether it is the default, whether it is a response: what every new campaign has."""


def sequels(session: Session, kind: SObject, row: Row) -> None:
    """Do what follows from a record that was just written or deleted."""
    if follow := _SEQUELS.get(kind.name):
        follow(session, row)


def _campaign(session: Session, row: Row) -> None:
    kind = session.org.schema["CampaignMemberStatus"]
    if session.org.state.row("SELECT 1 FROM CampaignMemberStatus WHERE CampaignId = ?", row["Id"]):
        return
    for place, (label, default, responded) in enumerate(MEMBER_STATUSES, 1):
        values = {"CampaignId": row["Id"], "Label": label, "SortOrder": place, "IsDefault": default}
        made = make_row(session, kind, next_id(session.org, kind), {**values, "HasResponded": responded})
        put(session.org, kind, made)


def _status(session: Session, row: Row) -> None:
    """A campaign has one default status: the newest that says so."""
    if row["IsDefault"]:
        sql = "UPDATE CampaignMemberStatus SET IsDefault = 0 WHERE CampaignId = ? AND Id <> ?"
        session.org.state.run(sql, row["CampaignId"], row["Id"])


def _opportunity_line(session: Session, row: Row) -> None:
    sql = """UPDATE Opportunity SET SystemModstamp = ?, Amount =
        (SELECT round(sum(TotalPrice), 2) FROM OpportunityLineItem AS line
            WHERE line.OpportunityId = Opportunity.Id AND line.IsDeleted = 0)
        WHERE Id = ?"""
    session.org.state.run(sql, session.org.now(), row["OpportunityId"])


def _order_item(session: Session, row: Row) -> None:
    sql = """UPDATE "Order" SET SystemModstamp = ?, TotalAmount =
        (SELECT round(coalesce(sum(TotalPrice), 0), 2) FROM OrderItem AS item
            WHERE item.OrderId = "Order".Id AND item.IsDeleted = 0)
        WHERE Id = ?"""
    session.org.state.run(sql, session.org.now(), row["OrderId"])


_SEQUELS: Mapping[str, Callable[[Session, Row], None]] = {
    "Campaign": _campaign,
    "CampaignMemberStatus": _status,
    "OrderItem": _order_item,
    "OpportunityLineItem": _opportunity_line,
}
