"""How the Salesforce adapter talks: sessions by each flow, limits, retries, what is never repeated, what is refused."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from salesforce_certificate import pair
from salesforce_rig import Org, everything, org, pulled, rows

from connector.cli.init import create
from connector.cli.settings_file import append
from connector.crms import OAuthClient
from connector.crms.salesforce import ClientCredentials, JwtBearer
from connector.errors import RetryLater, SetupError
from connector.home import open_home
from connector.settings import load

KEY, SECRET = "sandbox-consumer-key", "sandbox-consumer-secret"
USER = "sync@lamp.example"


@pytest.fixture
def shop() -> Iterator[Org]:
    """An empty org."""
    with org(settings={"certificate": pair().certificate, "admin_approved": [USER]}) as opened:
        yield opened


def credentials(secret: str = SECRET) -> ClientCredentials:
    """The app by its secret."""
    return ClientCredentials(client_id=KEY, client_secret=lambda: secret)


def signed(key: str | None = None, username: str = USER) -> JwtBearer:
    """The app by its key."""
    return JwtBearer(client_id=KEY, username=username, private_key=lambda: key or pair().key)


@pytest.mark.parametrize("app", [credentials, signed])
def test_a_session_by_an_app(shop: Org, app: Callable[[], Any]) -> None:
    """One token serves many calls; one that ends in the middle is replaced, by the next call and only once."""
    contact = shop.contact()
    crm = shop.crm(token=None, oauth=app())
    assert list(rows(pulled(crm, "contact"))) == [contact]
    shop.levers["end_sessions"]()
    shop.forget()
    assert pulled(crm, "product")
    assert sum("/oauth2/token" in one for one in shop.asked()) == 1
    assert crm.calls.retried == 0


@pytest.mark.parametrize(
    "trouble",
    [
        {"status": 503},
        {"empty": True},
        {"drop": True},
        {"status": 403, "body": [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "ConcurrentRequests Limit"}]},
        {"status": 400, "body": {"error": "rate_limit_exceeded", "error_description": "too many logins"}},
    ],
)
def test_a_token_endpoint_that_stumbles(shop: Org, trouble: dict[str, Any]) -> None:
    """It is asked again: down, without an answer, busy, or with a friendly answer that holds no token."""
    contact = shop.contact()
    shop.fault("/oauth2/token", times=2, **trouble)
    assert list(rows(pulled(shop.crm(token=None, oauth=credentials()), "contact"))) == [contact]
    assert sum("/oauth2/token" in one for one in shop.asked()) == 3


@pytest.mark.parametrize("flow", ["client_credentials", "jwt"])
def test_a_home_names_the_app(shop: Org, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flow: str) -> None:
    """By its flow, with references to secrets that are asked for when a call needs them."""
    create(tmp_path)
    proof = {"client_credentials": "client_secret: env:PROOF", "jwt": f"username: {USER}\n    private_key: env:PROOF"}
    app = f"  oauth:\n    flow: {flow}\n    client_id: {KEY}\n    {proof[flow]}"
    append(tmp_path, f"salesforce:\n  instance_url: {shop.sandbox.url}\n{app}")
    with open_home(tmp_path) as home:
        monkeypatch.setenv("PROOF", SECRET if flow == "client_credentials" else pair().key)
        assert len(list(home.crms[0].pull("product", None, lambda keys: {}))) == 1


@pytest.mark.parametrize("oauth", ["{flow: jwt, client_id: x}", "{flow: refresh_token, client_id: x}", "null"])
def test_a_home_that_names_half_an_app(tmp_path: Path, oauth: str) -> None:
    """What the flow needs is named, with its line."""
    create(tmp_path)
    append(tmp_path, f"salesforce:\n  instance_url: https://acme.my.salesforce.com\n  oauth: {oauth}")
    with pytest.raises(SetupError, match=r"needs|either"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("app", "told"),
    [
        (credentials("wrong"), "invalid_client"),
        (signed(pair("other").key), "invalid_grant"),
        (signed("no key"), "PEM"),
        (signed(username="nobody@lamp.example"), "Salesforce gives no session"),
    ],
)
def test_an_app_that_is_refused(shop: Org, app: Any, told: str) -> None:
    """The admin hears why, with the next command and no secret; it is not repeated."""
    crm = shop.crm(token=None, oauth=app)
    with pytest.raises(SetupError, match=told) as caught:
        pulled(crm, "contact")
    assert "lamplighter connect" in str(caught.value)
    assert "wrong" not in str(caught.value)
    assert [one.ok for one in crm.check()] == [False]


def test_a_rotated_refresh_token_is_kept_before_its_session_is_used(shop: Org) -> None:
    """Each works once: the new one is kept first, and the next session comes by it."""
    kept, asked = [authorised(shop)], list[str]()

    def keep(token: str) -> bool:
        asked.extend(one for one in shop.asked() if "/services/data" in one)
        kept.append(token)
        return True

    app = OAuthClient(
        client_id=KEY, client_secret=lambda: SECRET, refresh_token=lambda: kept[-1], keep_refresh_token=keep
    )
    shop.forget()
    crm = shop.crm(token=None, oauth=app)
    for _ in range(2):
        assert pulled(crm, "product")
        shop.levers["end_sessions"]()
    assert len(set(kept)) == len(kept) == 3
    assert len(asked) < len([one for one in shop.asked() if "/services/data" in one])


def authorised(shop: Org) -> str:
    """A refresh token, as an admin gets it in the browser."""
    import base64
    import hashlib
    from urllib.parse import parse_qs, urlencode, urlsplit

    import urllib3

    verifier = "v" * 64
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    back = "http://localhost:1717/callback"
    asked = {"response_type": "code", "client_id": KEY, "redirect_uri": back}
    asked |= {"code_challenge": challenge, "code_challenge_method": "S256"}
    pool, oauth = urllib3.PoolManager(retries=False), f"{shop.sandbox.url}/services/oauth2"
    page = pool.request("GET", f"{oauth}/authorize?{urlencode(asked)}", redirect=False)
    code = parse_qs(urlsplit(page.headers["Location"]).query)["code"][0]
    form = {"grant_type": "authorization_code", "code": code, "client_id": KEY, "client_secret": SECRET}
    form |= {"redirect_uri": back, "code_verifier": verifier}
    answer = pool.request("POST", f"{oauth}/token", fields=form, encode_multipart=False)
    pool.clear()
    return str(answer.json()["refresh_token"])


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"instance_url": "https://login.salesforce.com"}, "instance_url"),
        ({"instance_url": "http://acme.my.salesforce.com"}, "instance_url"),
        ({"instance_url": ""}, "instance_url"),
        ({"version": "40.0"}, "version 40.0"),
        ({"version": "latest"}, "version latest"),
        ({"token": None}, "not connected"),
    ],
)
def test_set_ups_that_cannot_work_are_refused_at_once(shop: Org, settings: dict[str, Any], told: str) -> None:
    """Before a token goes anywhere."""
    with pytest.raises(SetupError, match=told):
        shop.crm(**settings)


def test_a_version_that_the_org_does_not_serve(shop: Org) -> None:
    """The pull and check say so; check names one that is offered."""
    crm = shop.crm(version="99.0")
    with pytest.raises(SetupError):
        pulled(crm, "contact")
    assert any("API" in one.title and "salesforce.version" in one.fix for one in crm.check() if not one.ok)


def test_a_day_that_is_spent_ends_the_run_at_once(shop: Org) -> None:
    """REQUEST_LIMIT_EXCEEDED is not slept over: later, with the time from which it makes sense."""
    shop.sandbox.service.configure({"daily_limit": 100, "daily_used": 100})
    crm = shop.crm()
    with pytest.raises(RetryLater) as caught:
        pulled(crm, "contact")
    assert caught.value.resume_at is not None
    assert caught.value.resume_at > datetime.now(UTC)
    assert (crm.calls.made, crm.calls.retried) == (1, 0)


def test_usage_is_told_by_every_answer(shop: Org) -> None:
    """Without a call of its own."""
    crm = shop.crm()
    everything(crm)
    quota = crm.calls.quota
    assert quota is not None
    assert (quota.limit, quota.limit - quota.left) == (100_000, crm.calls.made)


def test_a_create_is_never_repeated_blindly(shop: Org) -> None:
    """Whether it was done is not known after a broken connection: the caller hears so, and reads back."""
    crm = shop.crm()
    shop.fault("composite/sobjects", drop=True, times=1)
    with pytest.raises(RetryLater):
        crm._api.create([{"attributes": {"type": "Contact"}, "LastName": "Once"}])
    assert crm.calls.made == 1
    made = crm._api.create([{"attributes": {"type": "Contact"}, "LastName": "Once"}])
    assert made[0]["success"]


def test_forecast_of_a_job(shop: Org) -> None:
    """Above the limit the calls of a job are foretold."""
    shop.contacts(3)
    crm = shop.crm(bulk_above=2)
    told = crm.forecast({"contact": None})
    before = crm.calls.made
    pulled(crm, "contact")
    assert told is not None
    assert abs(told - (crm.calls.made - before)) <= 1


def test_check_names_what_lacks(shop: Org) -> None:
    """Each with its fix: the licence for campaigns, the fields that were not deployed, an object that is closed."""
    shop.sandbox.service.configure({"marketing_user": False, "rights": {"OrderItem": ""}})
    found = {one.title: one for one in shop.crm().check() if not one.ok}
    assert "Marketing User" in found["Salesforce campaigns"].fix
    assert "install/salesforce" in found["Salesforce fields"].fix
    assert "OrderItem" in found["Salesforce objects"].detail
