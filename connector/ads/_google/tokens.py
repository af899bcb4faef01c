"""Access tokens of an hour: by a service account's key, or by an app's refresh token. One caller gets them for all."""

import json
import threading
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from connector.ads._google.answers import CHECK
from connector.ads._google.settings import App, GoogleSettings
from connector.ads._http import Answer, Http
from connector.errors import SetupError
from connector.limits import TRANSIENT, Again, retry_after
from connector.signing import signed

SCOPE = "https://www.googleapis.com/auth/datamanager"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
VALID_SECONDS = 3_600
"""An assertion may be good for an hour at most (Google Identity, server to server applications)."""
EARLY_SECONDS = 60.0
"""So long before it ends a token is replaced."""
EDIT = "edit ads.google in lamplighter.yaml"


class Tokens:
    """Where access tokens come from.

    Args:
        heard: told of every answer of the token endpoint.

    Attributes:
        kind: in words for the admin.
    """

    def __init__(self, settings: GoogleSettings, http: Http, heard: Callable[[Answer], None]) -> None:
        self._settings, self._http, self._heard = settings, http, heard
        self._clock = settings.clock
        self._lock = threading.Lock()
        self._token, self._ends = "", 0.0
        self._form, self.kind = self._way_in()

    def _way_in(self) -> tuple[Callable[[], Mapping[str, str]], str]:
        app, key = self._settings.oauth, self._settings.service_account
        if app is not None:
            return (lambda: _refreshing(app)), "an app's refresh token"
        if key is not None:
            return (lambda: self._asserting(key())), "a service account"
        raise SetupError("Google is not connected: there is neither ads.google.service_account nor oauth", hint=EDIT)

    def token(self) -> str:
        """The token of this moment."""
        with self._lock:
            if self._token and self._clock.monotonic() < self._ends:
                return self._token
            return self._next()

    def renewed(self, refused: str) -> str:
        """Another token than the one that was refused, unless somebody else has just got it."""
        with self._lock:
            return self._token if self._token != refused else self._next()

    def _next(self) -> str:
        content = urlencode(self._form()).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = self._http.send("POST", self._settings.token_url, content=content, headers=headers, counted=False)
        self._heard(answer)
        told = _granted(answer)
        self._token = str(told["access_token"])
        self._ends = self._clock.monotonic() + float(told.get("expires_in") or VALID_SECONDS) - EARLY_SECONDS
        return self._token

    def _asserting(self, text: str) -> Mapping[str, str]:
        key = _key_file(text)
        now = int(self._clock.now().timestamp())
        claims = {"iss": key["client_email"], "scope": SCOPE, "aud": self._settings.token_url}
        times = {"iat": now, "exp": now + VALID_SECONDS}
        assertion = signed(
            {**claims, **times},
            str(key["private_key"]),
            setting="the private_key in ads.google.service_account",
            hint=EDIT,
            key_id=str(key["private_key_id"]),
        )
        return {"grant_type": JWT_BEARER, "assertion": assertion}


def _refreshing(app: App) -> Mapping[str, str]:
    secrets = {"client_secret": app.client_secret(), "refresh_token": app.refresh_token()}
    return {"grant_type": "refresh_token", "client_id": app.client_id, **secrets}


def _key_file(text: str) -> Mapping[str, Any]:
    try:
        key = json.loads(text)
        return {name: key[name] for name in ("client_email", "private_key", "private_key_id")}
    except (ValueError, KeyError, TypeError):
        raise SetupError(
            "ads.google.service_account is not the JSON of a service account's key file", hint=EDIT
        ) from None


def _granted(answer: Answer) -> Mapping[str, Any]:
    body = answer.body if isinstance(answer.body, Mapping) else {}
    if answer.status in TRANSIENT:
        seconds = retry_after(answer.headers.get("Retry-After"), answer.status)
        raise Again(f"Google's token endpoint answered {answer.status}", at_least=seconds)
    if answer.status < 300:
        if body.get("access_token"):
            return body
        raise Again("Google's token endpoint answered without a token")
    raise SetupError(
        f"Google gives no access token ({answer.status}): {str(body.get('error') or 'no reason given')[:60]}",
        hint=f"authorise the app again or make a new key for the service account, and {EDIT}; then {CHECK}",
    )
