"""The sandbox's levers: journal, faults, clock, settings, state and acts."""

import threading
import time
from collections.abc import Iterator

import pytest
import urllib3
from test_sandbox_caller import CONTACTS, LISTS, PROPERTIES, Caller, V, calling


@pytest.fixture(scope="module")
def shared() -> Iterator[Caller]:
    """One sandbox for the whole file."""
    with calling() as caller:
        yield caller


@pytest.fixture
def call(shared: Caller) -> Iterator[Caller]:
    """The shared sandbox with nothing written down and no faults waiting."""
    shared("DELETE", "/_sandbox/requests")
    yield shared
    shared("DELETE", "/_sandbox/faults")


def fault(call: Caller, **fields: object) -> None:
    """Ask for trouble."""
    assert call("POST", "/_sandbox/faults", fields).status == 200


def test_every_request_is_written_down(call: Caller) -> None:
    """Method, path, query, body, status and kind, in order; never the token, never the controls themselves."""
    call("GET", f"{CONTACTS}?limit=3&properties=email")
    call("POST", CONTACTS, {"properties": {"city": "Ulm"}})
    call("POST", f"{CONTACTS}/search", {"limit": 1})
    call("POST", f"{CONTACTS}/batch/read", {"inputs": [{"id": "1"}]})
    call("GET", "/nowhere", Authorization="Bearer wrong")
    log = call("GET", "/_sandbox/requests?since=0").body["requests"]
    assert [(one["method"], one["status"], one["kind"]) for one in log] == [
        ("GET", 200, "read"),
        ("POST", 201, "write"),
        ("POST", 200, "read"),
        ("POST", 207, "read"),
        ("GET", 404, "read"),
    ]
    assert log[0]["query"] == {"limit": ["3"], "properties": ["email"]}
    assert log[1]["body"] == {"properties": {"city": "Ulm"}}
    assert log[0]["path"] == CONTACTS
    assert "sandbox-token" not in str(log)


def test_since_and_counts_and_clearing(call: Caller) -> None:
    """`since` gives what is new; counts are by kind, operation and status; numbers go on after clearing."""
    call("GET", CONTACTS)
    last = call("GET", "/_sandbox/requests").body["last"]
    call("GET", CONTACTS)
    assert [one["number"] for one in call("GET", f"/_sandbox/requests?since={last}").body["requests"]] == [last + 1]
    counts = call("GET", "/_sandbox/counts").body
    assert (counts["total"], counts["reads"], counts["writes"]) == (2, 2, 0)
    assert counts["operations"] == {"GET /crm/objects/{version}/{type}": 2}
    assert counts["statuses"] == {"200": 2}
    assert call("DELETE", "/_sandbox/requests").body["total"] == 0
    assert call("GET", "/_sandbox/requests").body == {"requests": [], "last": last + 1}


def test_bodies_can_be_left_out_and_secrets_always_are(call: Caller) -> None:
    """`record_bodies` off keeps no body; the token endpoint's body is never kept."""
    call.form(f"/oauth/{V}/token", grant_type="refresh_token", refresh_token="hidden", client_secret="hidden")
    call("POST", "/_sandbox/settings", {"record_bodies": False})
    call("POST", CONTACTS, {"properties": {"city": "hidden"}})
    call("POST", "/_sandbox/settings", {"record_bodies": True})
    log = call("GET", "/_sandbox/requests").body["requests"]
    assert [one["body"] for one in log] == [None, None]


def test_a_fault_answers_instead(call: Caller) -> None:
    """Only matching requests fail, as often as asked, without being carried out, with Retry-After and own body."""
    fault(call, method="POST", path_contains="contacts", status=503, times=2, retry_after=7)
    assert call("GET", CONTACTS).status == 200
    answers = [call("POST", CONTACTS, {"properties": {"zip": "503"}}) for _ in range(3)]
    assert [answer.status for answer in answers] == [503, 503, 201]
    assert answers[0].headers["Retry-After"] == "7"
    assert answers[0].body["status"] == "error"
    fault(call, status=429, body={"policyName": "DAILY"})
    assert call("GET", CONTACTS).body == {"policyName": "DAILY"}
    found = {"filterGroups": [{"filters": [{"propertyName": "zip", "operator": "EQ", "value": "503"}]}]}
    assert call("POST", f"{CONTACTS}/search", found).body["total"] == 1


def test_skip_lets_the_first_ones_pass(call: Caller) -> None:
    """A fault can wait for the n-th matching request."""
    fault(call, status=500, skip=2)
    assert [call("GET", CONTACTS).status for _ in range(4)] == [200, 200, 500, 200]


def test_drop_closes_the_connection_without_an_answer(call: Caller) -> None:
    """The client sees a broken connection; after_effect decides whether the request was carried out."""
    for after_effect, total in ((False, 0), (True, 1)):
        fault(call, drop=True, after_effect=after_effect, method="POST")
        with pytest.raises(urllib3.exceptions.ProtocolError):
            call("POST", CONTACTS, {"properties": {"zip": f"drop{after_effect}"}})
        filters = [{"propertyName": "zip", "operator": "EQ", "value": f"drop{after_effect}"}]
        assert call("POST", f"{CONTACTS}/search", {"filterGroups": [{"filters": filters}]}).body["total"] == total
    dropped = [one for one in call("GET", "/_sandbox/requests").body["requests"] if one["status"] == 0]
    assert len(dropped) == 2


def test_after_effect_fails_after_the_deed(call: Caller) -> None:
    """The answer is an error although the list is made: the outcome a client must read back."""
    fault(call, status=502, after_effect=True, path_contains="/lists/")
    body = {"name": "made anyway", "objectTypeId": "0-1", "processingType": "MANUAL"}
    assert call("POST", f"{LISTS}/", body).status == 502
    assert call("GET", f"{LISTS}/object-type-id/0-1/name/made%20anyway").status == 200


def test_empty_says_yes_and_does_nothing(call: Caller) -> None:
    """A 2xx with empty results, and nothing written."""
    number = call.contact(city="old")
    fault(call, empty=True, path_contains="batch/update")
    answer = call("POST", f"{CONTACTS}/batch/update", {"inputs": [{"id": number, "properties": {"city": "new"}}]})
    assert (answer.status, answer.body["results"]) == (200, [])
    assert call("GET", f"{CONTACTS}/{number}?properties=city").body["properties"]["city"] == "old"


def test_delay_waits_and_then_answers(call: Caller) -> None:
    """A slow answer is otherwise a good one, and others are answered meanwhile."""
    fault(call, delay_seconds=0.4, method="GET", path_contains="contacts")
    statuses: list[int] = []
    slow = threading.Thread(target=lambda: statuses.append(call("GET", CONTACTS).status))
    before = time.monotonic()
    slow.start()
    call("POST", f"{CONTACTS}/search", {})
    assert time.monotonic() - before < 0.4
    slow.join()
    assert statuses == [200]
    assert time.monotonic() - before >= 0.4


def test_the_clock_moves_everything(call: Caller) -> None:
    """Advancing moves Date, timestamps and what the levers tell."""
    before = call("POST", "/_sandbox/clock", {}).body["now"]
    after = call("POST", "/_sandbox/clock", {"advance_seconds": 3_600}).body["now"]
    assert after > before
    number = call.contact()
    assert call("GET", f"{CONTACTS}/{number}").body["createdAt"] >= after


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("settings", {"limit": True}),
        ("faults", {"stauts": 500}),
        ("clock", {"advance_seconds": "soon"}),
        ("settings", []),
        ("act", {}),
    ],
)
def test_bad_levers_are_400_with_a_sentence(call: Caller, path: str, body: object) -> None:
    """A mistyped setting or fault is told, not ignored."""
    answer = call("POST", f"/_sandbox/{path}", body)
    assert answer.status == 400
    assert answer.body["error"]


def test_unknown_levers_are_404(call: Caller) -> None:
    """There are no others."""
    assert call("GET", "/_sandbox/nothing").status == 404


def test_acts_leave_no_trace(call: Caller) -> None:
    """What a person does goes past journal, faults and scopes, and takes effect."""
    fault(call, status=500)
    body = {"method": "POST", "path": CONTACTS, "body": {"properties": {"email": "act@example.com"}}}
    made = call("POST", "/_sandbox/act", body)
    assert made.status == 201
    assert call("GET", "/_sandbox/counts").body["total"] == 0
    call("DELETE", "/_sandbox/faults")
    assert call("GET", f"{CONTACTS}/{made.body['id']}").status == 200
    renamed = call.sandbox.portal.act("PUT", f"{LISTS}/{call.list('mine')}/update-list-name?listName=The%20boss%27s")
    assert renamed.content["updatedList"]["name"] == "The boss's"


def test_state_shows_lists_and_our_properties() -> None:
    """Lists by name with members in order of their numbers; contacts with what we wrote; deleted lists are gone."""
    with calling() as call:
        call("POST", f"{PROPERTIES}/groups", {"name": "lamplighter", "label": "L"})
        body = {"groupName": "lamplighter", "label": "T", "type": "string", "fieldType": "text"}
        call("POST", PROPERTIES, {**body, "name": "lamplighter_loyalty_tier"})
        ids = [call.contact() for _ in range(3)]
        call("PATCH", f"{CONTACTS}/{ids[0]}", {"properties": {"lamplighter_loyalty_tier": "gold"}})
        call("PATCH", f"{CONTACTS}/{ids[1]}", {"properties": {"lamplighter_loyalty_tier": ""}})
        number, gone = call.list("buyers", ids[2], ids[0]), call.list("gone", *ids)
        call("DELETE", f"{LISTS}/{gone}")
        assert call("GET", "/_sandbox/state").body == {
            "lists": {"buyers": {"id": number, "members": [ids[0], ids[2]]}},
            "contacts": {ids[0]: {"lamplighter_loyalty_tier": "gold"}},
        }
