"""Sales that an admin enters: an order with its products, activated, or taken back; an opportunity with products."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from connector.sandbox.clock import iso, milliseconds_of
from connector.sandbox.salesforce_furniture import SHOP, STANDARD_BOOK
from connector.sandbox.salesforce_org import Session
from connector.sandbox.salesforce_records import insert, update
from connector.sandbox.salesforce_rows import CURRENCY, Row, read

Lines = Sequence[Sequence[str]]
"""Product code, quantity and unit price of each line; a negative quantity is a return."""
Moment = datetime | str | None
"""Aware, or ISO 8601 text; None is now."""
STATUSES = {"fulfilled": "Activated", "returned": "Activated", "cancelled": "Canceled", "draft": "Draft"}


class Sales:
    """Enters sales as the session's user."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def order(
        self,
        contact: str | None,
        lines: Lines,
        *,
        status: str = "fulfilled",
        currency: str = CURRENCY,
        ordered_at: Moment = None,
    ) -> str:
        """Somebody (None: a guest) orders, or returns what was ordered. Returns the order's id.

        Args:
            status: fulfilled, returned, cancelled or draft. A return reduces the newest order that has it all left;
                where there is none, it is an ordinary order with negative quantities.
        """
        originals = self._originals(contact, lines) if status == "returned" else []
        at = self._at(ordered_at)
        values: Row = {"Status": "Draft", "EffectiveDate": at[:10], "Ordered_At__c": at, "Pricebook2Id": STANDARD_BOOK}
        if originals:
            order = self._value("SELECT OrderId FROM OrderItem WHERE Id = ?", originals[0])
            values |= {"IsReductionOrder": True, "OriginalOrderId": order}
        id = insert(self.session, "Order", {**values, **self._buyer(contact), **self._currency(currency)})
        for place, line in enumerate(lines):
            original = {"OriginalOrderItemId": originals[place]} if originals else {}
            insert(self.session, "OrderItem", {"OrderId": id, **self._line(line, currency), **original})
        if STATUSES[status] != "Draft":
            update(self.session, "Order", id, {"Status": "Activated", "OrderReferenceNumber": f"S{id[-9:-3]}"})
        if STATUSES[status] == "Canceled":
            update(self.session, "Order", id, {"Status": "Canceled"})
        return id

    def opportunity(
        self,
        contact: str | None,
        lines: Lines,
        *,
        stage: str = "Closed Won",
        currency: str = CURRENCY,
        closed_at: Moment = None,
    ) -> str:
        """A sale to somebody (None: nobody is named), who is its primary contact. Returns the opportunity's id."""
        buyer = {"AccountId": self._buyer(contact)["AccountId"], "Name": "Sale", "StageName": stage}
        values = {**buyer, "CloseDate": self._at(closed_at)[:10], "Pricebook2Id": STANDARD_BOOK}
        id = insert(self.session, "Opportunity", {**values, **self._currency(currency)})
        if contact:
            role = {"OpportunityId": id, "ContactId": contact, "IsPrimary": True}
            insert(self.session, "OpportunityContactRole", role)
        for line in lines:
            insert(self.session, "OpportunityLineItem", {"OpportunityId": id, **self._line(line, currency)})
        return id

    def _at(self, moment: Moment) -> str:
        if isinstance(moment, datetime):
            return iso(round(moment.astimezone(UTC).timestamp() * 1000))
        return iso(milliseconds_of(moment) if moment else self.session.org.clock.milliseconds())

    def _currency(self, currency: str) -> Row:
        return {"CurrencyIsoCode": currency} if self.session.org.settings.multi_currency else {}

    def _buyer(self, contact: str | None) -> Row:
        """A contact pays the bill; a person account is the account itself; a guest is on the shop's account."""
        row = read(self.session.org, self.session.org.schema["Contact"], contact) if contact else None
        if row and row["IsPersonAccount"]:
            return {"AccountId": row["AccountId"]}
        account = (row and row["AccountId"]) or self._shop()
        return {"AccountId": account, "BillToContactId": contact} if contact else {"AccountId": account}

    def _shop(self) -> str:
        sql = "SELECT Id FROM Account WHERE IsPersonAccount = 0 AND IsDeleted = 0 ORDER BY Id LIMIT 1"
        return self._value(sql) or insert(self.session, "Account", {"Name": SHOP})

    def _line(self, line: Sequence[str], currency: str) -> Row:
        sku, quantity, price = line
        return {"PricebookEntryId": self._entry(sku, price, currency), "Quantity": quantity, "UnitPrice": price}

    def _entry(self, sku: str, price: str, currency: str) -> str:
        product = self._value("SELECT Id FROM Product2 WHERE ProductCode = ? AND IsDeleted = 0", sku)
        product = product or self._product(sku)
        sql = "SELECT Id FROM PricebookEntry WHERE Product2Id = ? AND Pricebook2Id = ? AND IsDeleted = 0"
        tie = {"Product2Id": product, "Pricebook2Id": STANDARD_BOOK, "UnitPrice": price, "IsActive": True}
        found = self._value(sql, product, STANDARD_BOOK)
        return found or insert(self.session, "PricebookEntry", {**tie, **self._currency(currency)})

    def _product(self, sku: str) -> str:
        values = {"Name": sku, "ProductCode": sku, "StockKeepingUnit": sku, "IsActive": True}
        return insert(self.session, "Product2", values)

    def _originals(self, contact: str | None, lines: Lines) -> list[str]:
        """The lines of one order that a return takes back, in the order of its own lines; none where one is lacking."""
        if not contact:
            return []
        for (order,) in self.session.org.state.rows(_ORDERS, contact, contact):
            found = [self._value(_LEFT, order, sku, -float(quantity)) for sku, quantity, _ in lines]
            if all(found):
                return [str(one) for one in found]
        return []

    def _value(self, sql: str, *values: Any) -> Any:
        return self.session.org.state.value(sql, *values)


_ORDERS = """SELECT Id FROM "Order" WHERE StatusCode = 'Activated' AND IsReductionOrder = 0 AND IsDeleted = 0
    AND (BillToContactId = ? OR AccountId = (SELECT Id FROM Account WHERE PersonContactId = ?))
    ORDER BY Ordered_At__c DESC, Id DESC"""
_LEFT = """SELECT OrderItem.Id FROM OrderItem JOIN Product2 ON Product2.Id = OrderItem.Product2Id
    WHERE OrderId = ? AND Product2.ProductCode = ? AND AvailableQuantity >= ? AND OrderItem.IsDeleted = 0"""
