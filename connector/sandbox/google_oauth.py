"""The token endpoint: access tokens by refresh token, or by an assertion that a service account signed.

Source: "Using OAuth 2.0 for Web Server Applications" and "... for Server to Server Applications" (Google Identity).
"""

import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import jwt

from connector.sandbox.clock import Clock
from connector.sandbox.exchange import Answer, Call
from connector.sandbox.google_settings import Settings

PATH = "/token"
SCOPE = "https://www.googleapis.com/auth/datamanager"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LONGEST = 3_600
"""Seconds that an assertion may be good for."""


class Refused(Exception):
    """The endpoint's no."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(error)
        self.answer = Answer(status=status, content={"error": error, "error_description": description})


class Tokens:
    """Access tokens that were given out: token -> when it ends, in milliseconds."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self.ends: dict[str, int] = {}

    def good(self, token: str) -> bool:
        """Whether it still lasts."""
        return self.ends.get(token, 0) > self._clock.milliseconds()

    def answer(self, call: Call) -> Answer:
        """An access token, for whatever proof the form's `grant_type` names."""
        form = dict(parse_qsl(call.body.decode()))
        grants: dict[str, Callable[[dict[str, str], Call], None]] = {
            "refresh_token": self._by_refresh,
            JWT_BEARER: self._by_assertion,
        }
        grant = grants.get(form.get("grant_type", ""))
        try:
            if grant is None:
                raise Refused("unsupported_grant_type", "Invalid grant_type.")
            grant(form, call)
        except Refused as refused:
            return refused.answer
        return self._given()

    def _given(self) -> Answer:
        token = f"ya29.{secrets.token_urlsafe(32)}"
        self.ends[token] = self._clock.milliseconds() + round(self._settings.token_seconds * 1_000)
        told = {"access_token": token, "expires_in": int(self._settings.token_seconds)}
        return Answer(content={**told, "scope": SCOPE, "token_type": "Bearer"})

    def _by_refresh(self, form: dict[str, str], call: Call) -> None:
        known = self._settings
        if (form.get("client_id"), form.get("client_secret")) != (known.client_id, known.client_secret):
            raise Refused("invalid_client", "The OAuth client was not found.", 401)
        if form.get("refresh_token") != known.refresh_token:
            raise Refused("invalid_grant", "Token has been expired or revoked.")

    def _by_assertion(self, form: dict[str, str], call: Call) -> None:
        claims = self._claims(form.get("assertion", ""))
        now = self._clock.milliseconds() / 1_000
        if claims.get("aud") != call.url + PATH:
            raise Refused("invalid_grant", "Invalid JWT: Failed audience check.")
        if not now < claims.get("exp", 0) <= claims.get("iat", 0) + LONGEST:
            raise Refused("invalid_grant", "Invalid JWT: Token must be a short-lived token (60 minutes).")
        if SCOPE not in str(claims.get("scope", "")).split():
            raise Refused("invalid_scope", "Invalid OAuth scope or ID token audience provided.")

    def _claims(self, assertion: str) -> dict[str, Any]:
        unchecked: Any = {"verify_aud": False, "verify_exp": False, "verify_iat": False}
        try:
            claims = jwt.decode(assertion, self._settings.service_key, algorithms=["RS256"], options=unchecked)
        except (ValueError, jwt.PyJWTError):
            raise Refused("invalid_grant", "Invalid JWT Signature.") from None
        if claims.get("iss") != self._settings.service_email:
            raise Refused("invalid_grant", "Invalid grant: account not found")
        return claims
