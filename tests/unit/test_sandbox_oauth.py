"""The sandbox HubSpot's OAuth: agreeing, codes, refreshing, expiry, revocation, uninstallation, scopes and limits."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from test_sandbox_caller import CONTACTS, Caller, Reply, V, calling

CLIENT = {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}
BACK = "http://127.0.0.1:9/callback"
TOKEN = f"/oauth/{V}/token"
READ = "crm.objects.contacts.read"


@pytest.fixture
def call() -> Iterator[Caller]:
    """A sandbox of one's own: most tests here take something away from it."""
    with calling() as caller:
        yield caller


def authorize(call: Caller, **query: str) -> Reply:
    """Go to the page where a person agrees."""
    text = urlencode({"client_id": "sandbox-client", "redirect_uri": BACK, "scope": READ, "state": "s 1", **query})
    answer = call.pool.request("GET", f"{call.sandbox.url}/oauth/authorize?{text}", redirect=False)
    return Reply(answer.status, answer.json() if answer.data else None, answer.headers)


def sent_back(call: Caller, **query: str) -> dict[str, str]:
    """What the browser brings back to the app."""
    answer = authorize(call, **query)
    assert answer.status == 302
    target = urlsplit(answer.headers["Location"])
    assert f"{target.scheme}://{target.netloc}{target.path}" == BACK
    return dict(parse_qsl(target.query))


def exchange(call: Caller, code: str, **more: str) -> Reply:
    """A code for tokens."""
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, **CLIENT, **more}
    return call.form(TOKEN, **form)


def tokens(call: Caller, **query: str) -> Any:
    """The whole way from the page to the tokens."""
    return exchange(call, sent_back(call, **query)["code"]).body


def refresh(call: Caller, text: str, **more: str) -> Reply:
    """A new access token."""
    return call.form(TOKEN, grant_type="refresh_token", refresh_token=text, **{**CLIENT, **more})


def get(call: Caller, access: str, path: str = CONTACTS) -> Reply:
    """A call with an access token."""
    return call("GET", path, Authorization=f"Bearer {access}")


def test_a_person_agrees_and_the_app_gets_tokens(call: Caller) -> None:
    """The code and the state come back; the tokens name the account, the scopes and how long they live."""
    back = sent_back(call)
    assert back["state"] == "s 1"
    got = exchange(call, back["code"]).body
    assert (got["token_type"], got["expires_in"], got["hub_id"] > 0) == ("bearer", 1_800, True)
    assert got["scopes"] == [READ, "oauth"]
    assert get(call, got["access_token"]).status == 200


def test_a_person_says_no(call: Caller) -> None:
    """The refusal comes back with the state and without a code."""
    call.sandbox.portal.configure({"refuse_authorization": True})
    back = sent_back(call)
    assert (back["error"], back["state"], back.get("code")) == ("access_denied", "s 1", None)


def test_a_wrong_set_up_stays_on_hubspots_page(call: Caller) -> None:
    """An unknown app, a redirect that is not registered and a scope the account lacks never come back to the app."""
    call.sandbox.portal.configure({"redirect_uris": [BACK]})
    assert "client ID" in authorize(call, client_id="other").body["message"]
    assert "redirect URL" in authorize(call, redirect_uri="http://127.0.0.1:9/elsewhere").body["message"]
    assert "crm.export" in authorize(call, scope=f"{READ} crm.export").body["message"]
    assert authorize(call).status == 302


def test_optional_scopes_are_left_out_where_the_account_lacks_them(call: Caller) -> None:
    """What is there is granted, the rest is passed over."""
    got = tokens(call, optional_scope="crm.lists.read crm.export")
    assert got["scopes"] == ["crm.lists.read", READ, "oauth"]


def test_granted_scopes_are_enforced(call: Caller) -> None:
    """A token may do what was asked for, whatever the account could grant; less once the account grants less."""
    access = tokens(call)["access_token"]
    refused = get(call, access, f"/crm/objects/{V}/orders")
    assert refused.status == 403
    assert "crm.objects.orders.read" in refused.body["errors"][0]["context"]["requiredGranularScopes"]
    call.sandbox.portal.configure({"scopes": ["oauth"]})
    assert get(call, access).status == 403


def test_a_code_works_once_within_a_minute_for_its_app_and_address(call: Caller) -> None:
    """Each way of misusing a code is refused in its own word, and uses it up."""
    call.sandbox.portal.configure({"clients": {"sandbox-client": "sandbox-secret", "other": "word"}})
    code = sent_back(call)["code"]
    assert exchange(call, code).status == 200
    assert exchange(call, code).body["status"] == "BAD_AUTH_CODE"
    other = exchange(call, sent_back(call)["code"], client_id="other", client_secret="word")
    assert (other.body["error"], other.body["status"]) == ("invalid_grant", "MISMATCH_CLIENT_ID_AUTH_CODE")
    elsewhere = exchange(call, sent_back(call)["code"], redirect_uri="http://127.0.0.1:9/x")
    assert elsewhere.body["status"] == "MISMATCH_REDIRECT_URI_AUTH_CODE"
    late = sent_back(call)["code"]
    call.sandbox.clock.advance(60)
    assert exchange(call, late).body["status"] == "EXPIRED_AUTH_CODE"


def test_the_app_must_know_its_secret(call: Caller) -> None:
    """A wrong or missing secret and an unknown app are `invalid_client` at every endpoint."""
    for form in ({"client_secret": "wrong"}, {"client_id": "other"}, {"client_secret": ""}):
        for path in ("", "/introspect", "/revoke"):
            answer = call.form(TOKEN + path, **{"grant_type": "refresh_token", "token": "x", **CLIENT, **form})
            assert (answer.status, answer.body["error"]) == (400, "invalid_client")


def test_an_access_token_ends_and_is_refreshed(call: Caller) -> None:
    """`token_minutes` decides; the refresh token goes on, and keeps the scopes."""
    call.sandbox.portal.configure({"token_minutes": 2})
    got = tokens(call)
    assert got["expires_in"] == 120
    call.sandbox.clock.advance(121)
    expired = get(call, got["access_token"])
    assert (expired.status, expired.body["category"]) == (401, "EXPIRED_AUTHENTICATION")
    again = refresh(call, got["refresh_token"]).body
    assert (again["refresh_token"], again["scopes"]) == (got["refresh_token"], got["scopes"])
    assert get(call, again["access_token"]).status == 200


def test_refresh_tokens_may_rotate(call: Caller) -> None:
    """With `rotate_refresh` each refresh token works once and leads to the next."""
    call.sandbox.portal.configure({"rotate_refresh": True})
    first = tokens(call)["refresh_token"]
    second = refresh(call, first).body["refresh_token"]
    assert second != first
    assert refresh(call, first).body["status"] == "BAD_REFRESH_TOKEN"
    assert refresh(call, second).status == 200


def test_a_refresh_token_is_its_apps_alone(call: Caller) -> None:
    """Another app that got hold of it gets nothing."""
    call.sandbox.portal.configure({"clients": {"sandbox-client": "sandbox-secret", "other": "word"}})
    stolen = refresh(call, tokens(call)["refresh_token"], client_id="other", client_secret="word")
    assert (stolen.body["error"], stolen.body["status"]) == ("invalid_grant", "BAD_REFRESH_TOKEN")


def test_revoking_ends_the_refresh_token_and_what_came_from_it(call: Caller) -> None:
    """Access tokens of that consent end too, others go on; revoking nonsense is no error."""
    one, two = tokens(call), tokens(call)
    assert call.pool.request("POST", call.sandbox.url + TOKEN + "/revoke", fields={}).status == 400
    form = urlencode({"token": one["refresh_token"], **CLIENT})
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    for _ in range(2):
        assert call.pool.request("POST", f"{call.sandbox.url}{TOKEN}/revoke", body=form, headers=kind).status == 204
    assert refresh(call, one["refresh_token"]).body["status"] == "BAD_REFRESH_TOKEN"
    assert get(call, one["access_token"]).body["category"] == "INVALID_AUTHENTICATION"
    assert get(call, two["access_token"]).status == 200


def test_uninstalling_withdraws_everything(call: Caller) -> None:
    """By the app itself or by a person: tokens and shortcuts are gone, a new authorisation works."""
    got = tokens(call)
    path = f"/appinstalls/{V}/external-install"
    assert call("DELETE", path, Authorization=f"Bearer {got['access_token']}").status == 204
    assert get(call, got["access_token"]).status == 401
    again = tokens(call)
    assert call.sandbox.portal.act("DELETE", path).status == 204
    for text in (again["refresh_token"], "sandbox-refresh"):
        assert refresh(call, text).body["status"] == "BAD_REFRESH_TOKEN"
    assert get(call, tokens(call)["access_token"]).status == 200


def test_introspection_tells_what_a_token_is_worth(call: Caller) -> None:
    """Scopes and remaining seconds of both kinds of token; inactive once expired or revoked."""
    got = tokens(call)
    access = call.form(TOKEN + "/introspect", token=got["access_token"], **CLIENT).body
    assert (access["active"], access["scopes"], access["client_id"]) == (True, got["scopes"], "sandbox-client")
    assert 1_790 <= access["expires_in"] <= 1_800
    assert call.form(TOKEN + "/introspect", token=got["refresh_token"], **CLIENT).body["token_type"] == "refresh_token"
    call.sandbox.clock.advance(1_800)
    assert call.form(TOKEN + "/introspect", token=got["access_token"], **CLIENT).body == {"active": False}


def test_an_app_token_reads_no_records(call: Caller) -> None:
    """Client credentials give no refresh token and no scope of an account; unknown scopes are refused."""
    form = {"grant_type": "client_credentials", **CLIENT}
    got = call.form(TOKEN, **form, scope=f"developer.webhooks_journal.read {READ}").body
    assert (got["token_use"], got["expires_in"], "refresh_token" in got) == ("client_credentials", 1_800, False)
    assert get(call, got["access_token"]).body["category"] == "MISSING_SCOPES"
    for scope in ("", "crm.everything"):
        assert call.form(TOKEN, **form, scope=scope).body["error"] == "invalid_scope"


def test_the_shortcuts_skip_the_browser(call: Caller) -> None:
    """`sandbox-code` and `sandbox-refresh` work again and again, for all that the account grants."""
    for _ in range(2):
        got = exchange(call, "sandbox-code", redirect_uri="http://127.0.0.1:9/any").body
        assert set(got["scopes"]) == call.sandbox.portal.settings.scopes
        assert refresh(call, "sandbox-refresh").body["refresh_token"] == "sandbox-refresh"


def test_oauth_apps_have_110_calls_in_ten_seconds_and_no_day(call: Caller) -> None:
    """Their window is their own, the headers name no day, and the account's day is not theirs."""
    call.sandbox.portal.configure({"limits": True, "ten_seconds": 1, "daily_limit": 1, "daily_used": 1})
    access = tokens(call)["access_token"]
    answers = [get(call, access) for _ in range(111)]
    assert [answer.status for answer in answers] == [200] * 110 + [429]
    assert answers[0].headers["X-HubSpot-RateLimit-Max"] == "110"
    assert not [name for name in answers[0].headers if "daily" in name.lower()]
    assert call("GET", CONTACTS).body["policyName"] == "DAILY"


def test_refreshes_can_be_counted(call: Caller) -> None:
    """The request journal counts them, so that a test can tell one flight from many; secrets are not in it."""
    got = tokens(call)
    call("DELETE", "/_sandbox/requests")
    for _ in range(3):
        refresh(call, got["refresh_token"])
    assert call("GET", "/_sandbox/counts").body["operations"] == {"POST /oauth/{version}/token": 3}
    assert got["refresh_token"] not in str(call("GET", "/_sandbox/requests").body)
