"""OAuth at the org's own host: the page where a person agrees, tokens, revocation, introspection, who am I.

Salesforce documents the form fields and `error`; where it tells no words, `error_description` follows public threads,
so clients should go by `error`.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from connector.sandbox.exchange import Answer
from connector.sandbox.salesforce_exchange import Request, operation
from connector.sandbox.salesforce_jwt import JWT_BEARER, by_assertion
from connector.sandbox.salesforce_oauth_errors import BACK_TO_APP, refused
from connector.sandbox.salesforce_org import Org, Session, User
from connector.sandbox.salesforce_tokens import Grant, Tokens

Form = Mapping[str, str]


def authorize(session: Session, request: Request) -> Answer:
    """The page where a person agrees; here they agree at once, or refuse where the settings say so.

    A set-up that is wrong on the app's side is a page of Salesforce's (400), not a way back to the app.
    """
    settings, asked = session.org.settings, request.query
    back = asked.get("redirect_uri", "")
    if asked.get("client_id") != settings.consumer_key:
        raise refused("invalid_client_id", "client identifier invalid")
    if not back or (settings.callback_urls and back not in settings.callback_urls):
        raise refused("redirect_uri_mismatch", "redirect_uri must match configuration")
    answer = {**_decision(session.org, asked, back), "state": asked.get("state", "")}
    text = urlencode({name: value for name, value in answer.items() if value})
    return Answer(status=302, headers={"Location": f"{back}{'&' if '?' in back else '?'}{text}"})


def _decision(org: Org, asked: Form, back: str) -> dict[str, str]:
    """What the app is told: a code, or why there is none."""
    user, challenge = _user(org, org.settings.login_as), asked.get("code_challenge", "")
    if error := _objection(org, user, asked):
        return {"error": error, "error_description": BACK_TO_APP[error]}
    grant = org.part(Tokens).grant(user, asked.get("scope") or org.settings.scopes)
    return {"code": org.part(Tokens).give_code(grant, back, challenge)}


def _objection(org: Org, user: User, asked: Form) -> str:
    settings = org.settings
    if asked.get("response_type") != "code":
        return "unsupported_response_type"
    if set((asked.get("scope") or "").split()) - set(settings.scopes.split()):
        return "invalid_scope"
    if settings.require_pkce and not asked.get("code_challenge"):
        return "invalid_request"
    if settings.refuse_authorization:
        return "access_denied"
    return "" if approved(org, user) else "OAUTH_APP_ACCESS_DENIED"


def _user(org: Org, name: str) -> User:
    return next(one for one in org.users.values() if one.username == name)


def approved(org: Org, user: User) -> bool:
    """Whether this user may use the app without, or beyond, agreeing to it."""
    chosen = org.settings.admin_approved
    return chosen is None or user.username in chosen


def token(session: Session, request: Request) -> Answer:
    """An access token, for whatever proof the form's `grant_type` names."""
    form = _form(request)
    found = _GRANTS.get(form.get("grant_type", ""))
    if found is None:
        raise refused("unsupported_grant_type", "grant type not supported")
    return Answer(content=found(session.org, request, form), headers={"Cache-Control": "no-store"})


def _form(request: Request) -> dict[str, str]:
    """The fields of the form, with the app's key and secret, which may travel as Basic instead."""
    form = dict(parse_qsl(request.body.decode()))
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return form
    try:
        key, _, secret = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise refused("invalid_client", "invalid client credentials") from None
    return {**form, "client_id": key, "client_secret": secret}


def _check_app(org: Org, form: Form, *, secret: bool = True) -> None:
    """Fail unless the form names the app and, where it must, proves to be it."""
    if form.get("client_id") != org.settings.consumer_key:
        raise refused("invalid_client_id", "client identifier invalid")
    given = form.get("client_secret")
    if (secret or given is not None) and given != org.settings.consumer_secret:
        raise refused("invalid_client", "invalid client credentials")


def _by_app(org: Org, request: Request, form: Form) -> dict[str, Any]:
    _check_app(org, form)
    if not org.settings.client_credentials:
        raise refused("invalid_grant", "no client credentials user enabled")
    scope = " ".join(one for one in org.settings.scopes.split() if one != "refresh_token")
    return _given(org, request, org.part(Tokens).grant(org.integration, scope))


def _by_code(org: Org, request: Request, form: Form) -> dict[str, Any]:
    _check_app(org, form, secret=not org.settings.require_pkce)
    tokens = org.part(Tokens)
    code = tokens.take_code(form.get("code", ""))
    if code is None:
        raise refused("invalid_grant", "invalid authorization code")
    if code.ends <= org.clock.milliseconds():
        raise refused("invalid_grant", "expired authorization code")
    if code.redirect_uri != form.get("redirect_uri"):
        raise refused("redirect_uri_mismatch", "redirect_uri must match configuration")
    if code.challenge and code.challenge != _challenge(form.get("code_verifier", "")):
        raise refused("invalid_grant", "invalid code verifier")
    refresh = tokens.give_refresh(code.grant) if "refresh_token" in code.grant.scope.split() else ""
    return _given(org, request, code.grant, refresh)


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _by_refresh(org: Org, request: Request, form: Form) -> dict[str, Any]:
    """A further session. A refresh token that was used up already may be stolen: then its whole grant ends."""
    _check_app(org, form, secret=not org.settings.require_pkce)
    tokens, text = org.part(Tokens), form.get("refresh_token", "")
    if text in tokens.used:
        tokens.end(tokens.used[text])
    grant = tokens.refresh.get(text)
    if grant is None:
        raise refused("invalid_grant", "expired access/refresh token")
    return _given(org, request, grant, tokens.rotate(text) if org.settings.rotate_refresh else "")


def _by_jwt(org: Org, request: Request, form: Form) -> dict[str, Any]:
    user = by_assertion(org, form.get("assertion", ""), request.url)
    if org.settings.admin_approved is None and not _agreed(org, user):
        raise refused("invalid_grant", "user hasn't approved this consumer")
    if not approved(org, user):
        raise refused("invalid_app_access", "user is not admin approved to access this app")
    return _given(org, request, org.part(Tokens).grant(user, org.settings.scopes))


def _agreed(org: Org, user: User) -> bool:
    """Whether this person once agreed in the browser."""
    return any(one.user == user for one in org.part(Tokens).refresh.values())


def _by_password(org: Org, request: Request, form: Form) -> dict[str, Any]:
    """Blocked, as in every new org (source: "OAuth 2.0 Username-Password Flow")."""
    raise refused("invalid_grant", "authentication failure")


_GRANTS: dict[str, Callable[[Org, Request, Form], dict[str, Any]]] = {
    "authorization_code": _by_code,
    "client_credentials": _by_app,
    "refresh_token": _by_refresh,
    "password": _by_password,
    JWT_BEARER: _by_jwt,
}


def _given(org: Org, request: Request, grant: Grant, refresh: str = "") -> dict[str, Any]:
    """The token's answer. It does not say how long the session lasts: Salesforce does not either."""
    identity, issued = identity_url(org, grant.user, request), str(org.clock.milliseconds())
    key = org.settings.consumer_secret.encode()
    signature = base64.b64encode(hmac.digest(key, (identity + issued).encode(), "sha256")).decode()
    return {
        "access_token": org.part(Tokens).give_access(grant),
        **({"refresh_token": refresh} if refresh else {}),
        "signature": signature,
        "scope": grant.scope,
        "instance_url": request.url,
        "id": identity,
        "token_type": "Bearer",
        "issued_at": issued,
    }


def identity_url(org: Org, user: User, request: Request) -> str:
    """The address that stands for a user."""
    return f"{request.url}/id/{org.id}/{user.id}"


def revoke(session: Session, request: Request) -> Answer:
    """End a session, or with a refresh token everything that came of its grant; the app need not tell who it is."""
    if not session.org.part(Tokens).revoke(_form(request).get("token", "")):
        raise refused("unsupported_token_type", "this token type is not supported")
    return Answer()


def introspect(session: Session, request: Request) -> Answer:
    """Whether a token is good, whose it is, and until when (seconds since 1970)."""
    form, org = _form(request), session.org
    _check_app(org, form)
    tokens, text = org.part(Tokens), form.get("token", "")
    if (found := tokens.access.get(text)) and tokens.user(text):
        times = {"exp": found.ends // 1000, "iat": found.began // 1000, "nbf": found.began // 1000}
        return Answer(content={**_told(org, request, found.grant, "access_token"), **times})
    if grant := tokens.refresh.get(text):
        return Answer(content=_told(org, request, grant, "refresh_token"))
    return Answer(content={"active": False})


def _told(org: Org, request: Request, grant: Grant, kind: str) -> dict[str, Any]:
    who = {"username": grant.user.username, "sub": identity_url(org, grant.user, request)}
    return {"active": True, "scope": grant.scope, "client_id": org.settings.consumer_key, **who, "token_type": kind}


OPERATIONS = (
    operation("GET", "/services/oauth2/authorize", authorize, open=True),
    operation("POST", "/services/oauth2/token", token, open=True),
    operation("POST", "/services/oauth2/revoke", revoke, open=True),
    operation("POST", "/services/oauth2/introspect", introspect, open=True),
)
