"""The sandbox's sales: orders that are activated, reduction orders, opportunities, prices."""

# ruff: noqa: S608 - SOQL of the tests' own

from typing import Any

import pytest
from salesforce_caller import SOBJECTS, Caller, calling

ORDER, ITEM = f"{SOBJECTS}/Order", f"{SOBJECTS}/OrderItem"
LINES = "SELECT Product2.ProductCode, Quantity, UnitPrice, TotalPrice, AvailableQuantity FROM OrderItem ORDER BY Id"


def lines(call: Caller) -> list[tuple[Any, ...]]:
    """Product code, quantity, unit price, total and what is left, of each line."""
    return [(row.pop("Product2")["ProductCode"], *row.values()) for row in call.rows(LINES)]


def test_an_order_is_what_a_shop_needs_to_know() -> None:
    """One call gives an activated order with its buyer, its products, its sum, and the time it was placed."""
    with calling() as call:
        contact = call.contact("Reed", Email="dana@example.com", AccountId=call.add("Account", Name="Shop"))
        call.order(contact, ("lamp", "2", "12.30"), ("bulb", "1", "3"), ordered_at="2026-03-01T10:00:00Z")
        assert lines(call) == [("lamp", 2.0, 12.3, 24.6, 2.0), ("bulb", 1.0, 3.0, 3.0, 1.0)]
        soql = (
            "SELECT StatusCode, EffectiveDate, Ordered_At__c, TotalAmount, BillToContact.Email, Account.Name FROM Order"
        )
        assert call.rows(soql) == [
            {
                "StatusCode": "Activated",
                "EffectiveDate": "2026-03-01",
                "Ordered_At__c": "2026-03-01T10:00:00.000+0000",
                "TotalAmount": 27.6,
                "BillToContact": {"Email": "dana@example.com"},
                "Account": {"Name": "Shop"},
            }
        ]
        found = call.rows("SELECT Order.BillToContactId, Order.IsReductionOrder FROM OrderItem LIMIT 1")
        assert found == [{"Order": {"BillToContactId": contact, "IsReductionOrder": False}}]


def test_a_return_is_a_reduction_order() -> None:
    """It names the order and the line it takes back, with a negative quantity; less is left of that line."""
    with calling() as call:
        contact = call.contact()
        first = call.order(contact, ("lamp", "2", "12.30"), ("bulb", "1", "3"))
        call.order(contact, ("lamp", "-1", "12.30"), status="returned")
        assert lines(call)[0] == ("lamp", 2.0, 12.3, 24.6, 1.0)
        assert lines(call)[2] == ("lamp", -1.0, 12.3, -12.3, 0.0)
        soql = "SELECT OriginalOrderItem.OrderId, Order.OriginalOrderId FROM OrderItem WHERE Quantity < 0"
        (row,) = call.rows(f"{soql} AND Order.IsReductionOrder = true")
        assert row["OriginalOrderItem"]["OrderId"] == row["Order"]["OriginalOrderId"] == first
        call.order(contact, ("lamp", "-2", "12.30"), status="returned")
        assert call.column("SELECT Order.IsReductionOrder FROM OrderItem WHERE Quantity = -2") == [
            {"IsReductionOrder": False}
        ]


def test_reduction_orders_have_rules() -> None:
    """Each line names its original, is negative, and takes no more than is left."""
    with calling() as call:
        original = call.order(call.contact(), ("lamp", "2", "12.30"))
        entry, line = call.column("SELECT Id FROM PricebookEntry")[0], call.column("SELECT Id FROM OrderItem")[0]
        account = call.column("SELECT AccountId FROM Order")[0]
        values = {"AccountId": account, "Status": "Draft", "EffectiveDate": "2026-03-01"}
        order = call("POST", ORDER, {**values, "IsReductionOrder": True, "OriginalOrderId": original}).body["id"]
        body = {"OrderId": order, "PricebookEntryId": entry, "Quantity": -1, "UnitPrice": 1}
        assert call.error("POST", ITEM, body)[1:] == ("REQUIRED_FIELD_MISSING", ["OriginalOrderItemId"])
        for quantity in (1, -3):
            wrong = {**body, "OriginalOrderItemId": line, "Quantity": quantity}
            assert call.error("POST", ITEM, wrong)[1:] == ("FIELD_INTEGRITY_EXCEPTION", ["Quantity"])
        assert call("POST", ITEM, {**body, "OriginalOrderItemId": line}).status == 201
        assert call.column(f"SELECT AvailableQuantity FROM OrderItem WHERE Id = '{line}'") == [1.0]


def test_orders_begin_as_drafts() -> None:
    """No order is made active, without products, or with an unknown status; an active one is not deleted."""
    with calling() as call:
        account = call.add("Account", Name="Shop")
        values = {"AccountId": account, "EffectiveDate": "2026-03-01"}
        assert call.error("POST", ORDER, {**values, "Status": "Activated"})[1] == "FAILED_ACTIVATION"
        wrong = call.error("POST", ORDER, {**values, "Status": "Nonsense"})
        assert wrong[1:] == ("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", ["Status"])
        order = call("POST", ORDER, {**values, "Status": "Draft"}).body["id"]
        assert call.error("PATCH", f"{ORDER}/{order}", {"Status": "Activated"})[1] == "FAILED_ACTIVATION"
        assert call("DELETE", f"{ORDER}/{order}").status == 204
        active = call.order(None)
        assert call.error("DELETE", f"{ORDER}/{active}")[1] == "DELETE_FAILED"
        assert call.column(f"SELECT ActivatedById FROM Order WHERE Id = '{active}'") == [call.sandbox.org.admin.id]


def test_other_states_and_buyers() -> None:
    """Cancelled and draft orders have their codes; a person account buys as an account, a guest as nobody."""
    with calling() as call:
        call.order(None, status="cancelled")
        call.order(None, status="draft")
        assert call.column("SELECT StatusCode FROM Order ORDER BY Id") == ["Canceled", "Draft"]
        assert call.column("SELECT BillToContactId FROM Order") == [None, None]
        account = call("POST", f"{SOBJECTS}/Account", {"LastName": "Reed"}).body["id"]
        contact = call.column("SELECT PersonContactId FROM Account WHERE IsPersonAccount = true")[0]
        order = call.order(contact)
        soql = f"SELECT AccountId, BillToContactId, Account.PersonContactId FROM Order WHERE Id = '{order}'"
        person = {"PersonContactId": contact}
        assert call.rows(soql) == [{"AccountId": account, "BillToContactId": None, "Account": person}]
        back = call.order(contact, ("lamp", "-1", "12.30"), status="returned")
        assert call.column(f"SELECT OriginalOrderId FROM Order WHERE Id = '{back}'") == [order]


def test_negative_lines_can_be_switched_off() -> None:
    """Without negative quantities a return that reduces nothing is refused."""
    with calling(settings={"negative_quantity": False}) as call, pytest.raises(ValueError, match="greater than zero"):
        call.order(call.contact(), ("lamp", "-1", "12.30"), status="returned")


def test_an_opportunity_that_is_won() -> None:
    """Its stage says that it is closed and won; its amount is the sum of its products; its contact is primary."""
    with calling() as call:
        contact = call.contact()
        more = {"stage": "Closed Won", "closed_at": "2026-03-01T10:00:00Z"}
        sale = call.sandbox.levers["create_opportunity"](contact, [("lamp", "2", "12.30"), ("bulb", "1", "3")], **more)
        told = call.rows("SELECT IsClosed, IsWon, Amount, Probability, CloseDate FROM Opportunity")
        assert list(told[0].values()) == [True, True, 27.6, 100.0, "2026-03-01"]
        soql = "SELECT ContactId FROM OpportunityContactRole WHERE IsPrimary = true AND OpportunityId"
        assert call.column(f"{soql} = '{sale}'") == [contact]
        items = call.rows("SELECT ProductCode, Quantity, TotalPrice FROM OpportunityLineItem ORDER BY Id")
        assert [tuple(row.values()) for row in items] == [("lamp", 2.0, 24.6), ("bulb", 1.0, 3.0)]
        line = call.column("SELECT Id FROM OpportunityLineItem ORDER BY Id")[0]
        assert call("DELETE", f"{SOBJECTS}/OpportunityLineItem/{line}").status == 204
        assert call.column("SELECT Amount FROM Opportunity") == [3.0]
        call("PATCH", f"{SOBJECTS}/Opportunity/{sale}", {"StageName": "Closed Lost"})
        assert call.column("SELECT IsWon FROM Opportunity") == [False]


def test_prices_follow_the_price_book() -> None:
    """A line without a price takes the entry's; product, list price and currency come from there."""
    with calling() as call:
        call.order(None, ("lamp", "1", "12.30"), currency="EUR")
        entry = call.column("SELECT Id FROM PricebookEntry")[0]
        order = call.order(None, ("bulb", "1", "3"), status="draft")
        made = call("POST", ITEM, {"OrderId": order, "PricebookEntryId": entry, "Quantity": 2}).body["id"]
        soql = f"SELECT UnitPrice, ListPrice, TotalPrice, CurrencyIsoCode FROM OrderItem WHERE Id = '{made}'"
        assert list(call.rows(soql)[0].values()) == [12.3, 12.3, 24.6, "GBP"]
        assert call.column("SELECT CurrencyIsoCode FROM Order ORDER BY Id") == ["EUR", "GBP"]
        assert call("PATCH", f"{ITEM}/{made}", {"Quantity": 3}).status == 204
        assert call.column(f"SELECT TotalAmount FROM Order WHERE Id = '{order}'") == [39.9]
