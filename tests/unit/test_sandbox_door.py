"""The sandbox HubSpot's door: token, scopes, versions, limits, account and token endpoint."""

from collections.abc import Iterator

import pytest
from test_sandbox_caller import CONTACTS, LISTS, Caller, V, calling


@pytest.fixture(scope="module")
def shared() -> Iterator[Caller]:
    """One sandbox for the whole file."""
    with calling() as caller:
        yield caller


@pytest.fixture
def call(shared: Caller) -> Iterator[Caller]:
    """The shared sandbox with its settings put back afterwards."""
    before = {name: getattr(shared.sandbox.portal.settings, name) for name in ("scopes", "limits", "daily_limit")}
    yield shared
    shared.sandbox.portal.configure({**before, "daily_used": 0})


def test_a_wrong_token_is_401_in_hubspots_shape(call: Caller) -> None:
    """A token that is none, or missing, is refused with category and correlationId."""
    for header in ("Bearer wrong", "", "Basic sandbox-token"):
        answer = call("GET", CONTACTS, Authorization=header)
        assert answer.status == 401
        assert answer.body["category"] == "INVALID_AUTHENTICATION"
        assert len(answer.body["correlationId"]) == 36


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", f"/crm/objects/{V}/contacts", "crm.objects.contacts.read"),
        ("POST", f"/crm/objects/{V}/0-1/batch/update", "crm.objects.contacts.write"),
        ("GET", f"/crm/objects/{V}/orders", "crm.objects.orders.read"),
        ("POST", f"/crm/objects/{V}/line_items/search", "crm.objects.line_items.read"),
        ("GET", f"/crm/objects/{V}/products", "crm.objects.products.read"),
        ("POST", f"/crm/associations/{V}/orders/contacts/batch/read", "crm.objects.orders.read"),
        ("POST", f"/crm/properties/{V}/contacts", "crm.schemas.contacts.write"),
        ("GET", f"/crm/lists/{V}/1", "crm.lists.read"),
        ("POST", f"/crm/lists/{V}/", "crm.lists.write"),
        ("PUT", f"/crm/lists/{V}/1/memberships/add", "crm.objects.contacts.write"),
    ],
)
def test_a_missing_scope_is_403_and_named(call: Caller, method: str, path: str, scope: str) -> None:
    """Each endpoint names the scope it misses, and only that one misses."""
    all_scopes = call.sandbox.portal.settings.scopes
    call("POST", "/_sandbox/settings", {"scopes": sorted(all_scopes - {scope, "crm.schemas.contacts.read"})})
    answer = call(method, path, [] if method == "PUT" else {})
    assert (answer.status, answer.body["category"]) == (403, "MISSING_SCOPES")
    assert len(answer.body["errors"]) == 1
    assert scope in answer.body["errors"][0]["context"]["requiredGranularScopes"]


def test_reading_contacts_is_enough_to_read_their_properties(call: Caller) -> None:
    """crm.objects.contacts.read also opens the property definitions."""
    call("POST", "/_sandbox/settings", {"scopes": ["crm.objects.contacts.read"]})
    assert call("GET", f"/crm/properties/{V}/contacts").status == 200
    assert call("POST", f"/crm/properties/{V}/contacts", {}).status == 403


def test_only_configured_versions_are_known(call: Caller) -> None:
    """A version that is not configured, and the old path shapes, are 404."""
    for path in ("/crm/objects/2026-03/contacts", "/crm/v3/objects/contacts", "/crm/objects/v3/contacts", "/"):
        assert call("GET", path).status == 404
    call.sandbox.portal.configure({"versions": ("2026-09", "2027-03")})
    assert call("GET", "/crm/objects/2027-03/contacts").status == 200


def test_unknown_object_types_are_refused(call: Caller) -> None:
    """Names, type ids and custom types work; others cannot be inferred."""
    for name in ("contacts", "0-123", "line_items", "deal", "2-77", "0-7"):
        assert call("GET", f"/crm/objects/{V}/{name}").status == 200
    assert "infer object type" in call("GET", f"/crm/objects/{V}/lamps").body["message"]


def test_the_ten_second_limit_refuses_and_tells(call: Caller) -> None:
    """The call above the limit is 429 TEN_SECONDLY_ROLLING; the headers count down; time opens the window again."""
    call.sandbox.portal.configure({"limits": True, "ten_seconds": 5})
    call.sandbox.clock.advance(60)
    left = [call("GET", CONTACTS).headers["X-HubSpot-RateLimit-Remaining"] for _ in range(5)]
    assert left == ["4", "3", "2", "1", "0"]
    refused = call("GET", CONTACTS)
    assert (refused.status, refused.body["policyName"]) == (429, "TEN_SECONDLY_ROLLING")
    assert refused.headers["X-HubSpot-RateLimit-Max"] == "5"
    assert refused.headers["X-HubSpot-RateLimit-Interval-Milliseconds"] == "10000"
    call("POST", "/_sandbox/clock", {"advance_seconds": 10})
    assert call("GET", CONTACTS).status == 200


def test_search_has_its_own_limit_without_headers(call: Caller) -> None:
    """Five searches a second, apart from the other bucket, and no header tells of it."""
    call.sandbox.portal.configure({"limits": True, "ten_seconds": 5})
    call.sandbox.clock.advance(60)
    answers = [call("POST", f"{CONTACTS}/search", {}) for _ in range(6)]
    assert [answer.status for answer in answers] == [200] * 5 + [429]
    assert answers[-1].body["message"] == "You have reached your secondly limit."
    assert not [name for name in answers[0].headers if "ratelimit" in name.lower() or name.lower() == "retry-after"]
    assert call("GET", CONTACTS).headers["X-HubSpot-RateLimit-Remaining"] == "4"


def test_the_daily_limit_is_the_accounts_and_ends_at_midnight(call: Caller) -> None:
    """Other apps use it up too (`daily_used`); usage details show it; the next day starts at nothing."""
    call("POST", "/_sandbox/settings", {"limits": True, "daily_limit": 1_000, "daily_used": 999, "ten_seconds": 190})
    last = call("GET", f"/account-info/{V}/api-usage/daily/private-apps")
    assert last.body["results"][0]["usageLimit"] == 1_000
    assert last.body["results"][0]["currentUsage"] == 1_000
    assert last.headers["X-HubSpot-RateLimit-Daily-Remaining"] == "0"
    assert call("GET", CONTACTS).body["policyName"] == "DAILY"
    call("POST", "/_sandbox/clock", {"advance_seconds": 86_400})
    assert call("GET", CONTACTS).headers["X-HubSpot-RateLimit-Daily-Remaining"] == "999"


def test_limits_are_off_unless_asked_for(call: Caller) -> None:
    """Without limits nothing is refused, and the headers promise plenty."""
    answers = [call("GET", CONTACTS) for _ in range(30)]
    assert {answer.status for answer in answers} == {200}
    assert int(answers[-1].headers["X-HubSpot-RateLimit-Max"]) > 100_000


def test_account_details(call: Caller) -> None:
    """The account tells its portal id and time zone."""
    details = call("GET", f"/account-info/{V}/details").body
    assert details["portalId"] > 0
    assert details["timeZone"] == "Etc/UTC"


def test_tokens_are_given_for_code_and_refresh_and_end(call: Caller) -> None:
    """The form-encoded token endpoint gives access tokens of 30 minutes; then they are 401 EXPIRED."""
    client = {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}
    first = call.form(f"/oauth/{V}/token", grant_type="authorization_code", code="sandbox-code", **client)
    assert (first.status, first.body["expires_in"], first.body["token_type"]) == (200, 1800, "bearer")
    refresh = first.body["refresh_token"]
    second = call.form(f"/oauth/{V}/token", grant_type="refresh_token", refresh_token=refresh, **client).body
    bearer = {"Authorization": f"Bearer {second['access_token']}"}
    assert call("GET", CONTACTS, **bearer).status == 200
    seen = call.form(f"/oauth/{V}/token/introspect", token=second["access_token"], **client).body
    assert seen["active"] and seen["hub_id"] == first.body["hub_id"]
    call.sandbox.clock.advance(1_801)
    assert call("GET", CONTACTS, **bearer).body["category"] == "EXPIRED_AUTHENTICATION"
    assert call.form(f"/oauth/{V}/token/introspect", token=second["access_token"], **client).body == {"active": False}


def test_the_token_endpoint_refuses_in_words(call: Caller) -> None:
    """A wrong refresh token, code, client or grant is 400 with OAuth's `error` and HubSpot's `status`."""
    path, client = f"/oauth/{V}/token", {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}
    bad = call.form(path, grant_type="refresh_token", refresh_token="old", **client)
    assert (bad.status, bad.body["error"], bad.body["status"]) == (400, "invalid_grant", "BAD_REFRESH_TOKEN")
    assert call.form(path, grant_type="authorization_code", code="x", **client).body["status"] == "BAD_AUTH_CODE"
    assert call.form(path, grant_type="refresh_token", refresh_token="x").body["error"] == "invalid_client"
    assert call.form(path, grant_type="password", **client).body["error"] == "unsupported_grant_type"


def test_bad_json_is_a_validation_error(call: Caller) -> None:
    """Bodies that are no JSON, no object, or lack fields are 400 VALIDATION_ERROR."""
    url = call.sandbox.url + CONTACTS
    raw = call.pool.request("POST", url, body=b"{", headers={"Authorization": f"Bearer {call.sandbox.token}"})
    assert (raw.status, raw.json()["category"]) == (400, "VALIDATION_ERROR")
    assert call("POST", CONTACTS, []).status == 400
    assert "name" in call("POST", f"{LISTS}/", {"objectTypeId": "0-1"}).body["message"]
