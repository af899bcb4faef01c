"""What a Salesforce org shows in the end, as the beginning of the model of what should follow from it."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from life_model import Model, decided

STATES = {"Activated": "fulfilled", "Draft": "open", "Canceled": "cancelled"}
CONTACTS = """SELECT Contact.Id, Email, HasOptedOutOfEmail, Ads_Consent__c, HasOptedOutSolicit FROM Contact
    LEFT JOIN Individual ON Individual.Id = IndividualId WHERE Contact.IsDeleted = 0"""
ORDERS = """SELECT "Order".Id, coalesce(BillToContactId, PersonContactId), StatusCode,
    IsReductionOrder OR TotalAmount < 0, Ordered_At__c
    FROM "Order" LEFT JOIN Account ON Account.Id = AccountId WHERE "Order".IsDeleted = 0"""
LINES = """SELECT OrderItem.Id, OrderId, Product2.ProductCode, Quantity FROM OrderItem
    JOIN Product2 ON Product2.Id = Product2Id WHERE OrderItem.IsDeleted = 0"""
MAILBOXES = "SELECT Id, lower(Email) FROM Contact WHERE MasterRecordId IS NULL AND Email IS NOT NULL ORDER BY Id"
"""Those in the recycle bin too: they may come back, and what they bought is theirs."""


def model(state: Any, as_of: datetime) -> Model:
    """The model of an org, by its database, at a moment."""
    made = Model()
    for id, email, opted_out, ads, solicit in state.rows(CONTACTS):
        granted = False if solicit else {"granted": True, "denied": False}.get(ads)
        made.contacts[id] = (email, bool(opted_out or solicit), granted, None)
    for id, contact, code, takes_back, at in state.rows(ORDERS):
        told = "returned" if takes_back and code == "Activated" else STATES[code]
        made.orders[id] = (contact, told, datetime.fromtimestamp(at / 1000, UTC))
    for id, order, sku, quantity in state.rows(LINES):
        made.lines[id] = (order, sku, Decimal(str(quantity)))
    titles = dict(state.rows("SELECT ProductCode, Name FROM Product2 WHERE IsDeleted = 0"))
    first: dict[str, str] = {}
    persons = {id: first.setdefault(email, id) for id, email in state.rows(MAILBOXES)}
    return decided(made, titles, as_of, persons)
