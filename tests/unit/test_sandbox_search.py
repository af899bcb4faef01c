"""Search: filters, caps, lag, and the property that silently finds nothing."""

from collections.abc import Iterator
from typing import Any

import pytest
from test_sandbox_caller import CONTACTS, ORDERS, PROPERTIES, Caller, calling


@pytest.fixture(scope="module")
def call() -> Iterator[Caller]:
    """One sandbox with four contacts: Ada, Bo, Cy and Di."""
    with calling() as caller:
        extra = [("points", "number", "number"), ("joined", "date", "date"), ("seen_at", "datetime", "date")]
        for name, kind, field_type in extra:
            body = {
                "groupName": "contactinformation",
                "name": name,
                "label": name,
                "type": kind,
                "fieldType": field_type,
            }
            assert caller("POST", PROPERTIES, body).status == 201
        people = [
            {
                "firstname": "Ada",
                "points": "9",
                "joined": "2026-01-05",
                "seen_at": "2026-01-05T10:00:00Z",
                "city": "Rom",
            },
            {"firstname": "Bo", "points": "10", "joined": "2026-02-05", "seen_at": "2026-02-05T10:00:00Z"},
            {"firstname": "Cy", "points": "11.5", "joined": "2026-03-05", "city": "rom"},
            {"firstname": "Di", "city": "Rom-Termini Nord", "hs_email_optout": "true"},
        ]
        for one in people:
            caller.contact(**one)
        yield caller


def found(call: Caller, *filters: dict[str, Any], **more: Any) -> list[str]:
    """First names that a search of one group finds."""
    body = {"filterGroups": [{"filters": list(filters)}], "properties": ["firstname"], **more}
    answer = call("POST", f"{CONTACTS}/search", body)
    assert answer.status == 200, answer.body
    return [one["properties"]["firstname"] for one in answer.body["results"]]


@pytest.mark.parametrize(
    ("name", "operator", "value", "expected"),
    [
        ("firstname", "EQ", {"value": "ada"}, "Ada"),
        ("firstname", "NEQ", {"value": "Ada"}, "Bo Cy Di"),
        ("points", "LT", {"value": "10"}, "Ada"),
        ("points", "LTE", {"value": "10"}, "Ada Bo"),
        ("points", "GT", {"value": "9"}, "Bo Cy"),
        ("points", "GTE", {"value": "10"}, "Bo Cy"),
        ("points", "BETWEEN", {"value": "9", "highValue": "10"}, "Ada Bo"),
        ("points", "EQ", {"value": "11.50"}, "Cy"),
        ("joined", "GTE", {"value": "2026-02-05"}, "Bo Cy"),
        ("joined", "LT", {"value": "1770249600000"}, "Ada"),
        ("seen_at", "GT", {"value": "2026-01-05T10:00:00.000Z"}, "Bo"),
        ("hs_email_optout", "EQ", {"value": "true"}, "Di"),
        ("firstname", "IN", {"values": ["ada", "cy"]}, "Ada Cy"),
        ("firstname", "NOT_IN", {"values": ["ada", "cy"]}, "Bo Di"),
        ("city", "HAS_PROPERTY", {}, "Ada Cy Di"),
        ("city", "NOT_HAS_PROPERTY", {}, "Bo"),
        ("city", "CONTAINS_TOKEN", {"value": "rom"}, "Ada Cy Di"),
        ("city", "CONTAINS_TOKEN", {"value": "term*"}, "Di"),
        ("city", "NOT_CONTAINS_TOKEN", {"value": "rom"}, "Bo"),
        ("hs_object_id", "GT", {"value": "102"}, "Cy Di"),
        ("hs_object_id", "IN", {"values": ["101", "104"]}, "Ada Di"),
    ],
)
def test_operators(call: Caller, name: str, operator: str, value: dict[str, Any], expected: str) -> None:
    """Each operator compares as the property's type wants it: numbers as numbers, text without case."""
    assert found(call, {"propertyName": name, "operator": operator, **value}) == expected.split()


def test_filters_are_and_groups_are_or(call: Caller) -> None:
    """Filters of a group must all hold, of the groups one."""
    first = [
        {"propertyName": "points", "operator": "GT", "value": "9"},
        {"propertyName": "city", "operator": "HAS_PROPERTY"},
    ]
    second = [{"propertyName": "firstname", "operator": "EQ", "value": "Di"}]
    answer = call("POST", f"{CONTACTS}/search", {"filterGroups": [{"filters": first}, {"filters": second}]}).body
    assert [one["id"] for one in answer["results"]] == ["103", "104"]


def test_sort_and_pages(call: Caller) -> None:
    """One sort in either spelling, ids break ties, `after` is an offset, and the total is told."""
    assert found(call, sorts=["-firstname"]) == ["Di", "Cy", "Bo", "Ada"]
    assert found(call, sorts=[{"propertyName": "points", "direction": "DESCENDING"}], limit=3) == ["Cy", "Bo", "Ada"]
    first = call("POST", f"{CONTACTS}/search", {"limit": 3}).body
    assert (first["total"], first["paging"]["next"]["after"]) == (4, "3")
    rest = call("POST", f"{CONTACTS}/search", {"limit": 3, "after": "3"}).body
    assert len(rest["results"]) == 1
    assert "paging" not in rest


@pytest.mark.parametrize(
    "body",
    [
        {"limit": 201},
        {"limit": 200, "after": "9801"},
        {"query": "x" * 3_000},
        {"sorts": ["email", "city"]},
        {"filterGroups": [{"filters": []}] * 6},
        {"filterGroups": [{"filters": [{"propertyName": "city", "operator": "HAS_PROPERTY"}] * 7}]},
        {"filterGroups": [{"filters": [{"propertyName": "city", "operator": "HAS_PROPERTY"}] * 5}] * 4},
        {"filterGroups": [{"filters": [{"propertyName": "city", "operator": "LIKE", "value": "x"}]}]},
        {"filterGroups": [{"filters": [{"propertyName": "city", "operator": "EQ"}]}]},
        {"filterGroups": [{"filters": [{"propertyName": "city", "operator": "IN", "values": []}]}]},
        {"filterGroups": [{"filters": [{"propertyName": "lastmodifieddate", "operator": "GT", "value": "soon"}]}]},
        {"filterGroups": {"filters": []}},
    ],
)
def test_caps_and_bad_requests_are_400(call: Caller, body: dict[str, Any]) -> None:
    """200 rows, 10,000 reach, 3,000 characters, one sort, 5 groups of 6 filters, 18 in all; known operators."""
    answer = call("POST", f"{CONTACTS}/search", body)
    assert (answer.status, answer.body["category"]) == (400, "VALIDATION_ERROR")


def test_the_page_before_the_reach_is_given(call: Caller) -> None:
    """Exactly up to 10,000 is fine."""
    assert call("POST", f"{CONTACTS}/search", {"limit": 200, "after": "9800"}).status == 200


def test_ten_rows_unless_asked(call: Caller) -> None:
    """The usual page has ten rows."""
    for _ in range(12):
        call.sandbox.portal.create_order(None, [])
    answer = call("POST", f"{ORDERS}/search", {}).body
    assert (len(answer["results"]), answer["total"]) == (10, 12)


def test_the_wrong_modified_property_finds_nothing(call: Caller) -> None:
    """Contacts have lastmodifieddate, all others hs_lastmodifieddate; the other one is no error and no row."""
    for path, right, wrong in (
        (CONTACTS, "lastmodifieddate", "hs_lastmodifieddate"),
        (ORDERS, "hs_lastmodifieddate", "lastmodifieddate"),
    ):
        if path == ORDERS:
            call.sandbox.portal.create_order(None, [])
        totals = []
        for name in (right, wrong):
            filters = [{"propertyName": name, "operator": "GTE", "value": "1000"}]
            answer = call("POST", f"{path}/search", {"filterGroups": [{"filters": filters}]})
            assert answer.status == 200
            totals.append(answer.body["total"])
        assert totals[0] > 0
        assert totals[1] == 0


def test_id_keyset_walks_through_equal_times() -> None:
    """Records with one timestamp are all found by window, id above the last, sorted by id."""
    with calling() as call:
        ids = [call.contact() for _ in range(30)]
        call.sandbox.portal.portal.state.run("UPDATE record SET updated = 1700000000000 WHERE type = '0-1'")
        seen: list[str] = []
        last = "0"
        while True:
            filters = [
                {
                    "propertyName": "lastmodifieddate",
                    "operator": "BETWEEN",
                    "value": "1699999999999",
                    "highValue": "1700000000000",
                },
                {"propertyName": "hs_object_id", "operator": "GT", "value": last},
            ]
            body = {"filterGroups": [{"filters": filters}], "sorts": ["hs_object_id"], "limit": 8}
            page = [one["id"] for one in call("POST", f"{CONTACTS}/search", body).body["results"]]
            if not page:
                break
            seen, last = seen + page, page[-1]
        assert seen == ids


def test_search_lags_and_never_shows_archived_records() -> None:
    """A change is found only after the lag, while reading sees it at once; archived records are not found at all."""
    with calling(index_lag_seconds=30) as call:
        number = call.contact(firstname="Eve")
        assert found(call) == []
        assert call("GET", f"{CONTACTS}/{number}").status == 200
        call.sandbox.clock.advance(31)
        assert found(call) == ["Eve"]
        call("PATCH", f"{CONTACTS}/{number}", {"properties": {"firstname": "Eva"}})
        assert found(call) == []
        call("POST", "/_sandbox/settings", {"index_lag_seconds": 0})
        assert found(call) == ["Eva"]
        call("DELETE", f"{CONTACTS}/{number}")
        assert found(call) == []


def test_query_looks_into_all_values(call: Caller) -> None:
    """`query` finds text in any property."""
    assert found(call, query="termini") == ["Di"]
