"""Records by the hundred: one bad row and what it does to the others."""

from collections.abc import Iterator

import pytest
from test_sandbox_caller import CONTACTS, Caller, calling


@pytest.fixture(scope="module")
def call() -> Iterator[Caller]:
    """One sandbox for the whole file."""
    with calling() as caller:
        yield caller


def rows(*ids: str, **properties: str) -> dict[str, object]:
    """The body of a batch that writes the same properties to each id."""
    return {"inputs": [{"id": number, "properties": properties, "objectWriteTraceId": f"t{number}"} for number in ids]}


def test_batch_read_names_what_is_missing(call: Caller) -> None:
    """Missing, archived and malformed ids are named in a 207; the rest comes in the order of ids, not of asking."""
    first, second, gone = (call.contact(city=str(n)) for n in range(3))
    call("DELETE", f"{CONTACTS}/{gone}")
    body = {"inputs": [{"id": one} for one in (second, first, gone, "999999", "x")], "properties": ["city"]}
    answer = call("POST", f"{CONTACTS}/batch/read", body)
    assert answer.status == 207
    assert [one["id"] for one in answer.body["results"]] == [first, second]
    assert answer.body["errors"][0]["context"]["ids"] == [gone, "999999", "x"]
    assert answer.body["errors"][0]["category"] == "OBJECT_NOT_FOUND"
    whole = call("POST", f"{CONTACTS}/batch/read", {"inputs": [{"id": first}], "properties": ["city"]})
    assert (whole.status, whole.body["status"]) == (200, "COMPLETE")
    assert "errors" not in whole.body
    assert "associations" not in whole.body["results"][0]


def test_batch_read_by_email(call: Caller) -> None:
    """`idProperty` looks contacts up by e-mail."""
    number = call.contact(email="read@example.com")
    body = {"inputs": [{"id": "read@example.com"}, {"id": "nobody@example.com"}], "idProperty": "email"}
    answer = call("POST", f"{CONTACTS}/batch/read", body)
    assert [one["id"] for one in answer.body["results"]] == [number]
    assert answer.body["errors"][0]["context"]["ids"] == ["nobody@example.com"]


@pytest.mark.parametrize("verb", ["read", "create", "update", "upsert", "archive"])
def test_batches_hold_a_hundred(call: Caller, verb: str) -> None:
    """101 inputs, and none, are 400; 51 are too many to read with history."""
    many = [{"id": str(n), "properties": {}} for n in range(101)]
    assert call("POST", f"{CONTACTS}/batch/{verb}", {"inputs": many}).status == 400
    assert call("POST", f"{CONTACTS}/batch/{verb}", {"inputs": []}).status == 400
    if verb == "read":
        assert (
            call("POST", f"{CONTACTS}/batch/read", {"inputs": many[:51], "propertiesWithHistory": ["city"]}).status
            == 400
        )


def test_batch_update_answers_row_by_row(call: Caller) -> None:
    """Each result carries id, updatedAt and the trace id it was sent with."""
    ids = [call.contact() for _ in range(3)]
    answer = call("POST", f"{CONTACTS}/batch/update", rows(*ids, city="Ulm"))
    assert answer.status == 200
    assert [(one["id"], one["objectWriteTraceId"]) for one in answer.body["results"]] == [(n, f"t{n}") for n in ids]
    assert all(one["properties"]["city"] == "Ulm" and one["updatedAt"] for one in answer.body["results"])


def test_batch_update_passes_over_missing_ids(call: Caller) -> None:
    """Ids that are not there are named in a 207; the others are written."""
    number = call.contact(city="old")
    answer = call("POST", f"{CONTACTS}/batch/update", rows(number, "999999", city="new"))
    assert (answer.status, answer.body["numErrors"]) == (207, 1)
    assert answer.body["errors"][0]["context"]["ids"] == ["999999"]
    assert call("GET", f"{CONTACTS}/{number}?properties=city").body["properties"]["city"] == "new"


def test_one_bad_row_fails_the_whole_batch(call: Caller) -> None:
    """Unknown or read-only property, duplicate id: 400; taken e-mail: 409; and no row is written."""
    taken = call.contact(email="taken@example.com")
    good, bad = call.contact(city="old"), call.contact(city="old")
    for spoiler, status in (
        ({"no_such": "1"}, 400),
        ({"createdate": "2020-01-01"}, 400),
        ({"email": "taken@example.com"}, 409),
    ):
        body = {"inputs": [{"id": good, "properties": {"city": "new"}}, {"id": bad, "properties": spoiler}]}
        assert call("POST", f"{CONTACTS}/batch/update", body).status == status
    twice = call("POST", f"{CONTACTS}/batch/update", rows(good, bad, good, city="new"))
    assert (twice.status, twice.body["context"]["ids"]) == (400, [good])
    for number in (good, bad, taken):
        assert call("GET", f"{CONTACTS}/{number}?properties=city").body["properties"]["city"] != "new"


def test_an_email_is_no_id_for_batch_update(call: Caller) -> None:
    """batch/update refuses idProperty=email as non-unique, which batch/upsert takes."""
    row = {"id": "up@example.com", "idProperty": "email", "properties": {"city": "Bonn"}}
    assert "non-unique" in call("POST", f"{CONTACTS}/batch/update", {"inputs": [row]}).body["message"]
    first = call("POST", f"{CONTACTS}/batch/upsert", {"inputs": [row]}).body["results"][0]
    again = call("POST", f"{CONTACTS}/batch/upsert", {"inputs": [row]}).body["results"][0]
    assert (first["new"], again["new"], first["id"]) == (True, False, again["id"])


def test_batch_create_needs_trace_ids_to_tell_rows_apart(call: Caller) -> None:
    """Without trace ids a taken e-mail fails all with 409; with them it is one row of a 207."""
    call.contact(email="here@example.com")
    plain = [{"properties": {"email": "new1@example.com"}}, {"properties": {"email": "here@example.com"}}]
    assert call("POST", f"{CONTACTS}/batch/create", {"inputs": plain}).status == 409
    traced = [{**row, "objectWriteTraceId": f"t{place}"} for place, row in enumerate(plain)]
    answer = call("POST", f"{CONTACTS}/batch/create", {"inputs": traced})
    assert answer.status == 207
    assert [one["objectWriteTraceId"] for one in answer.body["results"]] == ["t0"]
    assert answer.body["errors"][0]["context"]["objectWriteTraceId"] == ["t1"]
    assert answer.body["errors"][0]["category"] == "CONFLICT"


def test_batch_archive_is_silent(call: Caller) -> None:
    """Archiving answers 204, also for ids that are not there."""
    number = call.contact()
    assert call("POST", f"{CONTACTS}/batch/archive", rows(number, "999999")).status == 204
    assert call("GET", f"{CONTACTS}/{number}").status == 404
