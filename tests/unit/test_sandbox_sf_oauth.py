"""The sandbox Salesforce's door: every way to log in, sessions that end, tokens that rotate, who am I."""

import base64
import hashlib
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt
import pytest
import urllib3
from salesforce_certificate import pair

from connector.sandbox.salesforce_serve import SalesforceSandbox

KEY, SECRET = "sandbox-consumer-key", "sandbox-consumer-secret"
APP = {"client_id": KEY, "client_secret": SECRET}
BACK = "http://127.0.0.1:9/callback"
VERIFIER = "a-verifier-that-nobody-else-knows-0123456789"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
DATA = "/services/data/v68.0"
LIMITS = f"{DATA}/limits"
SYNC, ADMIN = "sync@lamp.example", "admin@lamp.example"


class Client:
    """An app that logs in to one org."""

    def __init__(self, sandbox: SalesforceSandbox) -> None:
        self.sandbox = sandbox
        self.pool = urllib3.PoolManager(retries=False)

    def post(self, what: str, headers: dict[str, str] | None = None, **form: str) -> Any:
        """A form to one of the endpoints of OAuth."""
        url = f"{self.sandbox.url}/services/oauth2/{what}"
        return self.pool.request("POST", url, fields=form, encode_multipart=False, headers=headers)

    def token(self, **form: str) -> Any:
        """The token endpoint's answer, which must be a good one."""
        answer = self.post("token", **form)
        assert answer.status == 200, answer.data
        return answer.json()

    def refused(self, **form: str) -> tuple[str, str]:
        """The token endpoint's error."""
        answer = self.post("token", **form)
        assert answer.status == 400
        return answer.json()["error"], answer.json()["error_description"]

    def authorize(self, **query: str) -> Any:
        """The page where a person agrees."""
        asked = {"response_type": "code", "client_id": KEY, "redirect_uri": BACK, "code_challenge": CHALLENGE}
        text = urlencode({**asked, "state": "s 1", **query})
        return self.pool.request("GET", f"{self.sandbox.url}/services/oauth2/authorize?{text}", redirect=False)

    def sent_back(self, **query: str) -> dict[str, str]:
        """What the browser brings back to the app."""
        answer = self.authorize(**query)
        assert answer.status == 302, answer.data
        return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))

    def tokens(self, **query: str) -> Any:
        """The whole way from the page to the tokens."""
        code = self.sent_back(**query)["code"]
        return self.token(
            grant_type="authorization_code", code=code, redirect_uri=BACK, code_verifier=VERIFIER, client_id=KEY
        )

    def refresh(self, text: str) -> Any:
        """A further session."""
        return self.token(grant_type="refresh_token", refresh_token=text, **APP)

    def get(self, token: str, path: str = LIMITS, scheme: str = "Bearer") -> Any:
        """A call with an access token."""
        return self.pool.request("GET", self.sandbox.url + path, headers={"Authorization": f"{scheme} {token}"})

    def assertion(self, key: str = "", **claims: Any) -> str:
        """What an app signs to log in as somebody."""
        said = {"iss": KEY, "sub": SYNC, "aud": self.sandbox.url, "exp": int(time.time()) + 180, **claims}
        return jwt.encode(said, key or pair().key, algorithm="RS256")


@pytest.fixture
def client() -> Iterator[Client]:
    """An org of one's own."""
    with SalesforceSandbox() as sandbox:
        one = Client(sandbox)
        yield one
        one.pool.clear()


def configure(client: Client, **settings: Any) -> None:
    """Change settings of the org."""
    client.sandbox.service.configure(settings)


def test_client_credentials_in_the_form_or_as_basic(client: Client) -> None:
    """Both lead to a session of the integration user; neither has a refresh token or tells its end."""
    basic = {"Authorization": "Basic " + base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()}
    by_form = client.token(grant_type="client_credentials", **APP)
    by_basic = client.post("token", basic, grant_type="client_credentials").json()
    for got in (by_form, by_basic):
        assert (got["token_type"], got["instance_url"], got["scope"]) == ("Bearer", client.sandbox.url, "api id")
        assert not {"refresh_token", "expires_in"} & got.keys()
        assert got["access_token"].startswith(client.sandbox.org.id[:15] + "!")
        assert client.get(got["access_token"]).status == 200


def test_the_older_word_for_bearer_works(client: Client) -> None:
    """`Authorization: OAuth <token>` is taken too, as in the REST API guide."""
    got = client.token(grant_type="client_credentials", **APP)
    assert client.get(got["access_token"], scheme="OAuth").status == 200


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "magic"}, ("unsupported_grant_type", "grant type not supported")),
        ({"client_id": "other"}, ("invalid_client_id", "client identifier invalid")),
        ({"client_secret": "other"}, ("invalid_client", "invalid client credentials")),
        ({"grant_type": "password", "username": SYNC, "password": "x"}, ("invalid_grant", "authentication failure")),
    ],
)
def test_what_the_token_endpoint_refuses(client: Client, form: dict[str, str], error: tuple[str, str]) -> None:
    """An unknown grant, app or secret, and the username-password flow, each in Salesforce's words."""
    assert client.refused(**{"grant_type": "client_credentials", **APP, **form}) == error


def test_no_user_to_run_as(client: Client) -> None:
    """The flow is off, or nobody was chosen for it."""
    configure(client, client_credentials=False)
    found = client.refused(grant_type="client_credentials", **APP)
    assert found == ("invalid_grant", "no client credentials user enabled")


def test_jwt_of_an_approved_user(client: Client) -> None:
    """Signed with the key of the app's certificate, for a user whom the admin approved."""
    configure(client, certificate=pair().certificate, admin_approved=[SYNC])
    got = client.token(grant_type=JWT_BEARER, assertion=client.assertion())
    assert client.get(got["access_token"], "/services/oauth2/userinfo").json()["preferred_username"] == SYNC
    assert "refresh_token" not in got


def test_jwt_needs_an_approval(client: Client) -> None:
    """Where people approve for themselves, the one who never did is refused; afterwards it works."""
    configure(client, certificate=pair().certificate)
    asked = {"grant_type": JWT_BEARER, "assertion": client.assertion()}
    assert client.refused(**asked) == ("invalid_grant", "user hasn't approved this consumer")
    client.tokens()
    assert client.token(**asked)["access_token"]


@pytest.mark.parametrize(
    ("claims", "error"),
    [
        ({"iss": "other"}, "invalid_client_id"),
        ({"aud": "https://acme.my.salesforce.com"}, "invalid_grant"),
        ({"aud": "https://login.salesforce.com"}, "app_not_found"),
        ({"sub": "nobody@lamp.example"}, "invalid_grant"),
        ({"sub": ADMIN}, "invalid_app_access"),
        ({"exp": int(time.time()) - 600}, "invalid_grant"),
        ({"exp": None}, "invalid_grant"),
        ({"key": pair("other").key}, "invalid_grant"),
    ],
)
def test_jwt_that_is_refused(client: Client, claims: dict[str, Any], error: str) -> None:
    """Another app, host, user or key; a user who is not approved; an assertion that is over or never ends."""
    configure(client, certificate=pair().certificate, admin_approved=[SYNC])
    assert client.refused(grant_type=JWT_BEARER, assertion=client.assertion(**claims))[0] == error


def test_jwt_without_a_certificate(client: Client) -> None:
    """An org that has no certificate of the app believes nothing."""
    configure(client, admin_approved=[SYNC])
    found = client.refused(grant_type=JWT_BEARER, assertion=client.assertion())
    assert found == ("invalid_grant", "invalid assertion")


def test_a_person_agrees(client: Client) -> None:
    """The state comes back with a code; the code becomes a session and a refresh token, once."""
    back = client.sent_back()
    assert back["state"] == "s 1"
    form = {"grant_type": "authorization_code", "code": back["code"], "redirect_uri": BACK, "code_verifier": VERIFIER}
    got = client.token(**form, **APP)
    assert client.get(got["access_token"]).status == 200
    assert got["refresh_token"]
    assert client.refused(**form, **APP) == ("invalid_grant", "invalid authorization code")


def test_a_person_says_no(client: Client) -> None:
    """The refusal comes back with the state and without a code."""
    configure(client, refuse_authorization=True)
    back = client.sent_back()
    assert (back["error"], back["state"], back.get("code")) == ("access_denied", "s 1", None)


def test_a_wrong_set_up_stays_on_salesforces_page(client: Client) -> None:
    """An unknown app and an address that is not registered never come back to the app."""
    configure(client, callback_urls=[BACK])
    assert client.authorize(client_id="other").json()["error"] == "invalid_client_id"
    assert client.authorize(redirect_uri="http://elsewhere.example/").json()["error"] == "redirect_uri_mismatch"


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({"code_challenge": ""}, "invalid_request"),
        ({"scope": "api full_moon"}, "invalid_scope"),
        ({"response_type": "token"}, "unsupported_response_type"),
    ],
)
def test_what_comes_back_instead_of_a_code(client: Client, query: dict[str, str], error: str) -> None:
    """No PKCE, a scope that the app has not, another flow."""
    assert client.sent_back(**query)["error"] == error


def test_a_person_whom_no_admin_approved(client: Client) -> None:
    """Where the app is for approved users alone, agreeing is not enough."""
    configure(client, admin_approved=[ADMIN])
    assert client.sent_back()["error"] == "OAUTH_APP_ACCESS_DENIED"
    configure(client, login_as=ADMIN)
    assert client.tokens()["access_token"]


def test_a_stolen_code_is_worth_nothing(client: Client) -> None:
    """Another verifier, another address or 15 minutes later: no tokens, and the code is gone."""
    form = {"grant_type": "authorization_code", "redirect_uri": BACK, "code_verifier": VERIFIER, **APP}
    code = client.sent_back()["code"]
    assert client.refused(**{**form, "code_verifier": "guess"}, code=code) == ("invalid_grant", "invalid code verifier")
    assert client.refused(**form, code=code)[0] == "invalid_grant"
    code = client.sent_back()["code"]
    assert client.refused(**{**form, "redirect_uri": "http://else.example/"}, code=code)[0] == "redirect_uri_mismatch"
    code = client.sent_back()["code"]
    client.sandbox.clock.advance(16 * 60)
    assert client.refused(**form, code=code) == ("invalid_grant", "expired authorization code")


def test_a_refresh_token_works_once(client: Client) -> None:
    """Each refresh brings a new one."""
    first = client.tokens()
    second = client.refresh(first["refresh_token"])
    assert second["refresh_token"] != first["refresh_token"]
    assert client.get(second["access_token"]).status == 200
    assert client.refresh(second["refresh_token"])["access_token"]


def test_reuse_ends_everything(client: Client) -> None:
    """A used refresh token that comes again revokes the newer one and every session of the grant."""
    first = client.tokens()
    second = client.refresh(first["refresh_token"])
    for text in (first["refresh_token"], second["refresh_token"]):
        found = client.refused(grant_type="refresh_token", refresh_token=text, **APP)
        assert found == ("invalid_grant", "expired access/refresh token")
    assert client.get(second["access_token"]).status == 401


def test_without_rotation_a_refresh_token_stays(client: Client) -> None:
    """As in orgs that have not turned it on: the answer has no new one."""
    configure(client, rotate_refresh=False)
    text = client.tokens()["refresh_token"]
    assert "refresh_token" not in client.refresh(text)
    assert client.refresh(text)["access_token"]


def test_the_sixth_approval_ends_the_first(client: Client) -> None:
    """An app has five refresh tokens of one user at most."""
    first, *others = (client.tokens()["refresh_token"] for _ in range(6))
    assert client.refused(grant_type="refresh_token", refresh_token=first, **APP)[0] == "invalid_grant"
    assert all(client.refresh(text)["access_token"] for text in others)


def test_a_session_ends_after_two_hours(client: Client) -> None:
    """401 with INVALID_SESSION_ID, in use or not; the token of the settings stays good."""
    token = client.token(grant_type="client_credentials", **APP)["access_token"]
    client.sandbox.clock.advance(7_199)
    assert client.get(token).status == 200
    client.sandbox.clock.advance(2)
    answer = client.get(token)
    assert answer.status == 401
    assert answer.json() == [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]
    assert client.get(client.sandbox.token).status == 200


def test_all_sessions_can_be_ended_at_once(client: Client) -> None:
    """The lever logs everybody out; a new login works."""
    token = client.token(grant_type="client_credentials", **APP)["access_token"]
    assert client.sandbox.levers["end_sessions"]() == 1
    assert client.get(token).status == 401
    assert client.get(client.token(grant_type="client_credentials", **APP)["access_token"]).status == 200


def test_no_token_and_a_wrong_one(client: Client) -> None:
    """Neither comes in."""
    assert client.get("").status == client.get("other").status == 401


def test_a_user_without_api_enabled(client: Client) -> None:
    """The login works, the calls do not: 403 API_DISABLED_FOR_ORG."""
    configure(client, api_enabled=False)
    answer = client.get(client.token(grant_type="client_credentials", **APP)["access_token"])
    assert (answer.status, answer.json()[0]["errorCode"]) == (403, "API_DISABLED_FOR_ORG")


def test_revocation(client: Client) -> None:
    """A refresh token takes its sessions with it; an access token goes alone; an unknown one is an error."""
    got = client.tokens()
    assert client.post("revoke", token=got["refresh_token"]).status == 200
    assert client.get(got["access_token"]).status == 401
    got = client.tokens()
    assert client.post("revoke", token=got["access_token"]).status == 200
    assert client.get(got["access_token"]).status == 401
    assert client.refresh(got["refresh_token"])["access_token"]
    assert client.post("revoke", token="other").json()["error"] == "unsupported_token_type"


def test_introspection(client: Client) -> None:
    """Whose, for which app, until when; nothing of a token that is over."""
    got = client.tokens()
    told = client.post("introspect", token=got["access_token"], **APP).json()
    assert (told["active"], told["username"], told["client_id"]) == (True, SYNC, KEY)
    assert told["exp"] - told["iat"] == 7_200
    assert client.post("introspect", token=got["refresh_token"], **APP).json()["token_type"] == "refresh_token"
    client.sandbox.levers["end_sessions"]()
    assert client.post("introspect", token=got["access_token"], **APP).json() == {"active": False}


def test_who_am_i(client: Client) -> None:
    """Userinfo and the identity address tell the user, the org and where the APIs are."""
    got = client.token(grant_type="client_credentials", **APP)
    info = client.get(got["access_token"], "/services/oauth2/userinfo").json()
    shown = client.get(got["access_token"], urlsplit(got["id"]).path).json()
    assert info["user_id"] == shown["user_id"] == client.sandbox.org.integration.id
    assert info["organization_id"] == shown["organization_id"] == client.sandbox.org.id
    assert info["urls"]["rest"] == f"{client.sandbox.url}/services/data/v{{version}}/"
    other = f"/id/{client.sandbox.org.id}/{client.sandbox.org.admin.id}"
    assert client.get(got["access_token"], other).status == 403
    assert client.get(got["access_token"], f"/id/{client.sandbox.org.id}/005000000000000AAA").status == 404


def test_soap_login_is_gone(client: Client) -> None:
    """A fault that names the reason; nobody comes in by a password."""
    answer = client.pool.request("POST", f"{client.sandbox.url}/services/Soap/u/68.0", body=b"<login/>")
    assert answer.status == 500
    assert b"<sf:exceptionCode>INVALID_OPERATION</sf:exceptionCode>" in answer.data


def test_secrets_stay_out_of_the_journal(client: Client) -> None:
    """Neither the secret nor an assertion nor a token is written down."""
    got = client.tokens()
    client.post("introspect", token=got["access_token"], **APP)
    told = str(client.sandbox.journal.since(0))
    assert SECRET not in told
    assert got["access_token"] not in told
    assert got["refresh_token"] not in told
