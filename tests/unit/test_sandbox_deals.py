"""Deals: pipelines and stages, what HubSpot works out from a stage, lines and orders of a deal."""

from collections.abc import Iterator

import pytest
from test_sandbox_caller import CONTACTS, LINES, ORDERS, Caller, V, calling

DEALS = f"/crm/objects/{V}/deals"
PIPELINES = f"/crm/pipelines/{V}/deals"
STATE = "dealstage,pipeline,hs_is_closed,hs_is_closed_won,hs_is_closed_lost,hs_deal_stage_probability"


@pytest.fixture(scope="module")
def call() -> Iterator[Caller]:
    """One sandbox for the whole file."""
    with calling() as caller:
        yield caller


def state(call: Caller, deal: str) -> tuple[str, str, str]:
    """Closed, won, lost."""
    values = call("GET", f"{DEALS}/{deal}?properties={STATE}").body["properties"]
    return values["hs_is_closed"], values["hs_is_closed_won"], values["hs_is_closed_lost"]


def ends(call: Caller, path: str, other: str) -> list[tuple[str, str]]:
    """Ids and kinds of inline associations."""
    found = call("GET", f"{path}?associations={other}").body.get("associations", {})
    return [(one["id"], one["type"]) for one in found.get(other.replace("_", " "), {}).get("results", [])]


def test_a_new_account_has_the_sales_pipeline(call: Caller) -> None:
    """One pipeline with HubSpot's own seven stages, of which two are closed; each can be read alone."""
    found = call("GET", PIPELINES).body["results"]
    assert found[0]["id"] == "default"
    stages = {one["id"]: one["metadata"] for one in found[0]["stages"]}
    assert list(stages)[-2:] == ["closedwon", "closedlost"]
    assert stages["closedwon"] == {"isClosed": "true", "probability": "1.0"}
    assert stages["contractsent"] == {"isClosed": "false", "probability": "0.9"}
    assert call("GET", f"{PIPELINES}/default").body == found[0]
    assert call("GET", f"{PIPELINES}/default/stages").body["results"] == found[0]["stages"]
    assert call("GET", f"{PIPELINES}/none").status == 404
    assert call("GET", f"/crm/pipelines/{V}/orders").body["results"] == []


def test_won_and_lost_follow_the_stage(call: Caller) -> None:
    """An open deal is neither; moving it closes it; moving it back opens it again."""
    deal = call.sandbox.create_deal(call.contact(), [], stage="contractsent")
    assert state(call, deal) == ("false", "false", "false")
    for stage, expected in (
        ("closedwon", ("true", "true", "false")),
        ("closedlost", ("true", "false", "true")),
        ("qualifiedtobuy", ("false", "false", "false")),
    ):
        assert call("PATCH", f"{DEALS}/{deal}", {"properties": {"dealstage": stage}}).status == 200
        assert state(call, deal) == expected
    values = call("GET", f"{DEALS}/{deal}?properties={STATE}").body["properties"]
    assert (values["pipeline"], values["hs_deal_stage_probability"]) == ("default", "0.4")


def test_search_finds_won_deals(call: Caller) -> None:
    """`hs_is_closed_won` can be filtered by, as it can at HubSpot."""
    won = call.sandbox.create_deal(None, [])
    call.sandbox.create_deal(None, [], stage="closedlost")
    filters = [{"propertyName": "hs_is_closed_won", "operator": "EQ", "value": "true"}]
    results = call("POST", f"{DEALS}/search", {"filterGroups": [{"filters": filters}], "limit": 200}).body["results"]
    assert won in [one["id"] for one in results]
    assert {state(call, one["id"])[1] for one in results} == {"true"}


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        ({"dealstage": "dreaming"}, "INVALID_OPTION"),
        ({"hs_is_closed_won": "true"}, "READ_ONLY_VALUE"),
        ({"dealstage": "closedwon", "pipeline": "other"}, "INVALID_OPTION"),
        ({"amount": "much"}, "INVALID_NUMBER"),
    ],
)
def test_bad_deals_are_400(call: Caller, properties: dict[str, str], code: str) -> None:
    """Unknown stages and pipelines, and what HubSpot works out itself, cannot be set."""
    answer = call("POST", DEALS, {"properties": properties})
    assert (answer.status, code in answer.body["message"]) == (400, True)


def test_a_further_pipeline_has_stages_of_its_own() -> None:
    """Its winning stage wins a deal under whatever name; a stage of another pipeline is refused."""
    with calling() as call:
        stages = [
            {"label": "Asked", "displayOrder": 0, "metadata": {"probability": "0.1"}},
            {"label": "Shipped", "displayOrder": 1, "metadata": {"probability": "1.0"}},
        ]
        made = call("POST", PIPELINES, {"label": "Wholesale", "displayOrder": 1, "stages": stages})
        assert made.status == 201
        asked, shipped = (one["id"] for one in made.body["stages"])
        assert [one["label"] for one in call("GET", PIPELINES).body["results"]] == ["Sales Pipeline", "Wholesale"]
        deal = call.sandbox.create_deal(None, [], stage=asked)
        call("PATCH", f"{DEALS}/{deal}", {"properties": {"dealstage": shipped}})
        assert state(call, deal) == ("true", "true", "false")
        assert call("GET", f"{DEALS}/{deal}?properties=pipeline").body["properties"]["pipeline"] == made.body["id"]
        mixed = {"dealstage": shipped, "pipeline": "default"}
        assert call("PATCH", f"{DEALS}/{deal}", {"properties": mixed}).status == 400
        for bad in ([], [{"label": "No chance"}], [{"label": "Odd", "metadata": {"probability": "7"}}]):
            assert call("POST", PIPELINES, {"label": "Bad", "displayOrder": 2, "stages": bad}).status == 400


def test_a_deal_has_contact_order_and_lines_of_its_own(call: Caller) -> None:
    """HubSpot's kinds of association in both directions: 3 and 4, 19 and 20, 511 and 512."""
    contact = call.contact()
    order = call.sandbox.create_order(contact, [("LAMP-1", "1", "9.50")])
    lines = [("LAMP-1", "2", "9.50"), ("LAMP-2", "-1", "3.00")]
    deal = call.sandbox.create_deal(contact, lines, order=order, currency="EUR", closed_at="2026-03-01T10:00:00Z")
    assert ends(call, f"{DEALS}/{deal}", "contacts") == [(contact, "deal_to_contact")]
    assert ends(call, f"{DEALS}/{deal}", "orders") == [(order, "deal_to_order")]
    assert ends(call, f"{ORDERS}/{order}", "deals") == [(deal, "order_to_deal")]
    assert ends(call, f"{CONTACTS}/{contact}", "deals") == [(deal, "contact_to_deal")]
    held = ends(call, f"{DEALS}/{deal}", "line_items")
    assert [kind for _, kind in held] == ["deal_to_line_item"] * 2
    names = "amount,closedate,deal_currency_code,dealname"
    values = call("GET", f"{DEALS}/{deal}?properties={names}").body["properties"]
    assert (values["amount"], values["closedate"]) == ("16.00", "2026-03-01T10:00:00.000Z")
    assert (values["deal_currency_code"], values["dealname"]) == ("EUR", f"Deal {deal}")
    line = f"{LINES}/{held[1][0]}"
    assert ends(call, line, "deals") == [(deal, "line_item_to_deal")]
    both = call("GET", f"{line}?associations=orders,deals&properties=quantity").body
    assert (both["properties"]["quantity"], list(both["associations"])) == ("-1", ["deals"])
    for start, end, kind in (("orders", "deals", 512), ("deals", "orders", 511), ("contacts", "deals", 4)):
        number = {"orders": order, "deals": deal, "contacts": contact}[start]
        body = {"inputs": [{"id": number}]}
        row = call("POST", f"/crm/associations/{V}/{start}/{end}/batch/read", body).body["results"][0]
        assert [one["typeId"] for one in row["to"][0]["associationTypes"]] == [kind]


def test_a_line_belongs_to_one_parent(call: Caller) -> None:
    """It cannot be a second order's or a deal's too; untied from the first, it can; asking twice is fine."""
    order = call.sandbox.create_order(None, [("LAMP-1", "1", "9.50")])
    other, deal = call.sandbox.create_order(None, []), call.sandbox.create_deal(None, [])
    line = ends(call, f"{ORDERS}/{order}", "line_items")[0][0]
    path = f"{LINES}/{line}/associations"
    for kind, number in (("orders", other), ("deals", deal)):
        answer = call("PUT", f"{path}/default/{kind}/{number}")
        assert (answer.status, "already belongs" in answer.body["message"]) == (400, True)
    assert call("PUT", f"{path}/default/orders/{order}").status == 200
    body = {"inputs": [{"from": {"id": deal}, "to": {"id": line}}]}
    assert call("POST", f"/crm/associations/{V}/deals/line_items/batch/create", body).status == 400
    assert call("DELETE", f"{path}/orders/{order}").status == 204
    assert call("PUT", f"{path}/default/deals/{deal}").status == 200
    assert ends(call, f"{LINES}/{line}", "deals") == [(deal, "line_item_to_deal")]


def test_deals_of_merged_contacts_are_the_survivors(call: Caller) -> None:
    """Both contacts' deals stay."""
    first, second = call.contact(), call.contact()
    deals = [call.sandbox.create_deal(one, []) for one in (first, second)]
    body = {"primaryObjectId": first, "objectIdToMerge": second}
    survivor = call("POST", f"{CONTACTS}/merge", body).body["id"]
    assert [number for number, _ in ends(call, f"{CONTACTS}/{survivor}", "deals")] == deals


def test_a_bulk_edit_of_stages_closes_deals(call: Caller) -> None:
    """Moving many deals at once moves what follows from the stage too."""
    deals = [call.sandbox.create_deal(None, [], stage="contractsent") for _ in range(3)]
    assert call.sandbox.touch("deals", deals, {"dealstage": "closedwon"}) == 3
    assert {state(call, deal) for deal in deals} == {("true", "true", "false")}


def test_a_deal_lever_refuses_in_words(call: Caller) -> None:
    """An unknown stage, and an order that is not there, over the control API and in the process."""
    answer = call("POST", "/_sandbox/create_deal", {"contact": None, "lines": [], "order": "999999"})
    assert (answer.status, "not found" in answer.body["error"]) == (400, True)
    with pytest.raises(ValueError, match="INVALID_OPTION"):
        call.sandbox.create_deal(None, [], stage="dreaming")
