"""HubSpot's OAuth: the page on which an admin agrees, and the endpoint that turns a code or a secret into tokens."""

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from connector.crms import OAuthClient
from connector.crms._hubspot.answers import Answer, spoken
from connector.crms._hubspot.paths import dated
from connector.crms._hubspot.settings import HubSpotSettings
from connector.crms._hubspot.tokens import CONNECT_OAUTH, Granted, possible
from connector.crms._hubspot.wire import Call, Wire, call
from connector.errors import SetupError
from connector.limits import TRANSIENT, Again, Clock, Retrying, retry_after

log = logging.getLogger(__name__)

SECRET_IS_WRONG = "HubSpot does not take the app's client id and client secret"  # noqa: S105  (a sentence)


def authorize_url(
    settings: HubSpotSettings, client_id: str, redirect_uri: str, scopes: Iterable[str], state: str
) -> str:
    """The page on which an admin lets the app into an account. `state` comes back with the answer."""
    asked = {"client_id": client_id, "redirect_uri": redirect_uri, "scope": " ".join(scopes), "state": state}
    return f"{settings.authorize_url.rstrip('/')}/oauth/authorize?{urlencode(asked)}"


def exchange(settings: HubSpotSettings, client_id: str, secret: str, redirect_uri: str, code: str) -> Granted:
    """Tokens for the code that came back from that page. It can be exchanged once, within a minute.

    Raises:
        SetupError: HubSpot refuses it, and why. RetryLater: it is down.
    """
    wire = Wire(settings, Clock())
    form = {"client_id": client_id, "client_secret": secret, "redirect_uri": redirect_uri, "code": code}
    ask = Endpoint(wire.send, settings.version)
    try:
        return Retrying(system="HubSpot", policy=settings.retry).call(
            "exchange of the code", lambda: ask("authorization_code", form)
        )
    finally:
        wire.close()


class Endpoint:
    """The token endpoint. Secrets travel in the form of the request, never in a URL.

    Args:
        send: sends a call without a token.
    """

    def __init__(self, send: Callable[[Call], Answer], version: str) -> None:
        self._send = send
        self._path = dated("/oauth/v1/token", version)

    def __call__(self, grant: str, form: Mapping[str, str]) -> Granted:
        """What it grants. Raises Again where it may work later, SetupError where it will not."""
        answer = self._send(call("POST", self._path, form=[("grant_type", grant), *form.items()]))
        if answer.status in TRANSIENT:
            seconds = retry_after(answer.headers.get("Retry-After"), answer.status)
            raise Again(f"HubSpot's token endpoint answered {answer.status}", at_least=seconds)
        if answer.status >= 300:
            raise _refused(answer, grant)
        return _granted(answer.body)


def refreshing(endpoint: Endpoint, client: OAuthClient) -> Callable[[], Granted]:
    """Grants by the refresh token. One that HubSpot replaces is kept in place of the old one."""
    replaced: list[str] = []

    def grant() -> Granted:
        token = replaced[-1] if replaced else client.refresh_token()
        form = {"client_id": client.client_id, "client_secret": client.client_secret(), "refresh_token": token}
        granted = endpoint("refresh_token", form)
        if granted.refresh_token not in ("", token):
            replaced[:] = [granted.refresh_token]
            if not client.keep_refresh_token(granted.refresh_token):
                log.warning(
                    "HubSpot replaced the refresh token, and it cannot be kept here: %s --print-token", CONNECT_OAUTH
                )
        return granted

    return grant


def for_app(endpoint: Endpoint, client: OAuthClient, scope: str) -> Callable[[], Granted]:
    """Grants to the app itself (client credentials), for what belongs to no account."""

    def grant() -> Granted:
        form = {"client_id": client.client_id, "client_secret": client.client_secret(), "scope": scope}
        return endpoint("client_credentials", form)

    return grant


def _granted(body: Mapping[str, Any]) -> Granted:
    token = str(body.get("access_token") or "")
    if not possible(token):
        raise Again("HubSpot's token endpoint answered without a token")
    scopes = body.get("scopes") or str(body.get("scope") or "").split()
    return Granted(
        access_token=token,
        expires_in=float(body.get("expires_in") or 0),
        refresh_token=str(body.get("refresh_token") or ""),
        scopes=frozenset(map(str, scopes)) if scopes else None,
        hub_id=str(body.get("hub_id") or ""),
    )


def _refused(answer: Answer, grant: str) -> SetupError:
    """HubSpot names the reason in `error` (OAuth 2.0's word), in `status` (its own) or in the message alone."""
    told = {str(answer.body.get(name) or "").upper() for name in ("error", "status", "subCategory")}
    words = str(answer.body.get("error_description") or "") or spoken(answer.body)
    if "REDIRECT" in " ".join(told) + words.upper():
        hint = "add the redirect URL that `lamplighter connect hubspot --oauth` prints to the app's Auth settings"
        return SetupError("HubSpot was told another redirect URL than the one this authorisation began with", hint=hint)
    if told & {"INVALID_CLIENT", "BAD_CLIENT_ID", "BAD_CLIENT_SECRET", "UNAUTHORIZED_CLIENT"}:
        hint = "copy both again from the app's Auth settings in HubSpot, then lamplighter connect hubspot --oauth"
        return SetupError(SECRET_IS_WRONG, hint=hint)
    if grant == "refresh_token":
        what = "the authorisation was withdrawn in HubSpot, or its refresh token is no longer valid"
    elif grant == "authorization_code":
        what = "HubSpot does not take the code: it was used before, or is older than a minute"
    else:
        what = f"HubSpot refused the app a token ({answer.status}): {spoken(answer.body)}"
    return SetupError(what, hint=CONNECT_OAUTH)
