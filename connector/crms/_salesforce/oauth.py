"""The three ways to a session: client credentials, a signed assertion (JWT bearer), and a refresh token."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

import requests

from connector.crms import OAuthClient
from connector.crms._salesforce.answers import CONNECT, not_now
from connector.crms._salesforce.no_session import no_session
from connector.crms._salesforce.settings import ClientCredentials, JwtBearer
from connector.crms._salesforce.tokens import Granted, possible
from connector.crms._salesforce.wire import read
from connector.limits import Again, Clock
from connector.signing import signed

log = logging.getLogger(__name__)

PATH = "/services/oauth2/token"
ASSERTION = "urn:ietf:params:oauth:grant-type:jwt-bearer"
VALID_SECONDS = 180
"""An assertion may be three minutes old (Salesforce, JWT bearer flow)."""


class Endpoint:
    """The token endpoint of one org. Secrets travel in the form of the request, never in a URL.

    Args:
        session: sends the request.
    """

    def __init__(self, session: requests.Session, instance_url: str, clock: Clock) -> None:
        self._session, self._clock = session, clock
        self._url = "https://" + instance_url.partition("://")[2].rstrip("/") + PATH

    def __call__(self, form: Mapping[str, str]) -> Granted:
        """What it grants. Raises Again where it may work later, SetupError where it will not."""
        try:
            answer = read(self._session.post(self._url, data=form))
        except requests.RequestException as error:
            raise Again(f"no answer from Salesforce's token endpoint ({type(error).__name__})") from None
        if answer.status < 300:
            return _granted(answer.body)
        if later := not_now(answer, self._clock.now()):
            raise later
        raise no_session(answer.body)


def by_client_credentials(endpoint: Endpoint, app: ClientCredentials) -> Callable[[], Granted]:
    """Sessions of the user that the app's policies name."""

    def grant() -> Granted:
        form = {"client_id": app.client_id, "client_secret": app.client_secret()}
        return endpoint({"grant_type": "client_credentials", **form})

    return grant


def by_assertion(endpoint: Endpoint, app: JwtBearer, audience: str, clock: Clock) -> Callable[[], Granted]:
    """Sessions of a user who was approved for the app, which we prove to be by our key."""

    def grant() -> Granted:
        claims = {"iss": app.client_id, "sub": app.username, "aud": audience.rstrip("/")}
        expires = int(clock.now().timestamp()) + VALID_SECONDS
        key, setting = app.private_key(), "salesforce.oauth.private_key"
        assertion = signed({**claims, "exp": expires}, key, setting=setting, hint=CONNECT)
        return endpoint({"grant_type": ASSERTION, "assertion": assertion})

    return grant


def by_refresh_token(endpoint: Endpoint, app: OAuthClient) -> Callable[[], Granted]:
    """Sessions by the refresh token. One that Salesforce replaces is kept before the session is used: who uses a
    replaced one again loses the whole authorisation."""
    replaced: list[str] = []

    def grant() -> Granted:
        with app.alone():
            token = replaced[-1] if replaced else app.refresh_token()
            secret = app.client_secret()
            form = {"client_id": app.client_id, "refresh_token": token, **({"client_secret": secret} if secret else {})}
            granted = endpoint({"grant_type": "refresh_token", **form})
            if granted.refresh_token not in ("", token):
                keep(granted.refresh_token)
        return granted

    def keep(token: str) -> None:
        replaced.clear()  # what is kept is asked for: another process may replace it in turn
        if not app.keep_refresh_token(token):
            replaced.append(token)
            log.warning("Salesforce replaced the refresh token, and it cannot be kept here: %s", CONNECT)

    return grant


def _granted(body: Any) -> Granted:
    told = body if isinstance(body, Mapping) else {}
    token = str(told.get("access_token") or "")
    if not possible(token):
        raise Again("Salesforce's token endpoint answered without a token")
    return Granted(
        access_token=token,
        refresh_token=str(told.get("refresh_token") or ""),
        instance_url=str(told.get("instance_url") or ""),
    )
