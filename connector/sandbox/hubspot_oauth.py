"""OAuth: the page where a person agrees, the token endpoint, introspection, revocation and uninstallation.

HubSpot documents the form fields and the 30 minutes; its `status` words follow public threads, so clients should go by
OAuth's own `error` (RFC 6749).
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from connector.sandbox.exchange import Answer, Call, Operation, Refusal
from connector.sandbox.hubspot_errors import error
from connector.sandbox.hubspot_portal import PORTAL_ID, Portal
from connector.sandbox.hubspot_scopes import JOURNAL
from connector.sandbox.hubspot_tokens import CODE_LIFE, Grant, Scopes, Token

Form = Mapping[str, str]
USER_ID = 4_712


def authorize(portal: Portal, call: Call) -> Answer:
    """The page where a person agrees; here they agree at once, or refuse where the settings say so.

    A set-up that is wrong on the app's side is a page of HubSpot's (400), not a way back to the app.
    """
    client, back = call.query.get("client_id", ""), call.query.get("redirect_uri", "")
    if client not in portal.settings.clients:
        return error(400, "We couldn't find an app with this client ID.")
    if not back or (portal.settings.redirect_uris and back not in portal.settings.redirect_uris):
        return error(400, "Authorization failed because the redirect URL doesn't match a registered redirect URL.")
    if lacking := _words(call.query.get("scope", "")) - portal.settings.scopes:
        return error(400, f"Authorization failed because there is a scope mismatch: {', '.join(sorted(lacking))}")
    return _sent_back(back, {**_decision(portal, call, client, back), "state": call.query.get("state", "")})


def _decision(portal: Portal, call: Call, client: str, back: str) -> dict[str, str]:
    if portal.settings.refuse_authorization:
        return {"error": "access_denied", "error_description": "The user denied access to the application"}
    asked = _words(call.query.get("scope", "")) | _words(call.query.get("optional_scope", ""))
    ends = portal.clock.milliseconds() + CODE_LIFE
    scopes = (asked & portal.settings.scopes) | {"oauth"}
    return {"code": portal.tokens.code(Grant(client=client, redirect_uri=back, scopes=scopes, ends=ends))}


def _words(text: str) -> Scopes:
    return frozenset(text.split())


def _sent_back(back: str, query: Form) -> Answer:
    text = urlencode({name: value for name, value in query.items() if value})
    return Answer(status=302, headers={"Location": f"{back}{'&' if '?' in back else '?'}{text}"})


def token(portal: Portal, call: Call) -> Answer:
    """An access token for a code, a refresh token, or the app itself; everything travels in the form body."""
    form = _form(call)
    found = _GRANTS.get(form.get("grant_type", ""))
    if found is None:
        raise _refused("unsupported_grant_type", "UNSUPPORTED_GRANT_TYPE", "the grant_type is not supported")
    client = _client(portal, form)
    return Answer(content=found(portal, client, form))


def _form(call: Call) -> dict[str, str]:
    return dict(parse_qsl(call.body.decode()))


def _refused(code: str, status: str, message: str) -> Refusal:
    answer = error(400, message, error=code, error_description=message)
    return Refusal(replace(answer, content={**answer.content, "status": status}))


def _client(portal: Portal, form: Form) -> str:
    client = form.get("client_id", "")
    if client not in portal.settings.clients:
        raise _refused("invalid_client", "BAD_CLIENT_ID", "missing or unknown client id")
    if form.get("client_secret") != portal.settings.clients[client]:
        raise _refused("invalid_client", "BAD_CLIENT_SECRET", "missing or invalid client secret")
    return client


def _by_code(portal: Portal, client: str, form: Form) -> dict[str, Any]:
    grant = portal.tokens.take_code(form.get("code", ""))
    if grant is None:
        raise _refused("invalid_grant", "BAD_AUTH_CODE", "missing or unknown auth code")
    if grant.ends is not None and grant.ends <= portal.clock.milliseconds():
        raise _refused("invalid_grant", "EXPIRED_AUTH_CODE", "the auth code has expired")
    if grant.client not in ("", client):
        raise _refused("invalid_grant", "MISMATCH_CLIENT_ID_AUTH_CODE", "client id does not match the auth code's")
    if grant.redirect_uri not in ("", form.get("redirect_uri")):
        message = "redirect uri does not match initial auth code uri"
        raise _refused("invalid_grant", "MISMATCH_REDIRECT_URI_AUTH_CODE", message)
    grant = replace(grant, client=client)
    return _granted(portal, grant, portal.tokens.refreshing(grant))


def _by_refresh(portal: Portal, client: str, form: Form) -> dict[str, Any]:
    text = form.get("refresh_token", "")
    grant = portal.tokens.refresh.get(text)
    if grant is None or grant.client not in ("", client):
        raise _refused("invalid_grant", "BAD_REFRESH_TOKEN", "missing or invalid refresh token")
    if portal.settings.rotate_refresh:
        del portal.tokens.refresh[text]
        text = portal.tokens.refreshing(grant)
    return _granted(portal, replace(grant, client=client), text)


def _granted(portal: Portal, grant: Grant, refresh: str) -> dict[str, Any]:
    token = Token(ends=_end(portal), client=grant.client, scopes=grant.scopes, refresh=refresh)
    return {
        **_given(portal, token),
        "refresh_token": refresh,
        "hub_id": PORTAL_ID,
        "user_id": USER_ID,
        "scopes": sorted(allowed(portal, token)),
    }


def _by_app(portal: Portal, client: str, form: Form) -> dict[str, Any]:
    """The app itself: it may read the webhooks journal, and no account's records."""
    asked = _words(form.get("scope", ""))
    if not asked or asked - JOURNAL - portal.settings.scopes:
        raise _refused("invalid_scope", "BAD_SCOPE", "missing or unknown scope")
    token = Token(ends=_end(portal), client=client, scopes=asked & JOURNAL, app=True)
    return {**_given(portal, token), "token_use": "client_credentials"}


_GRANTS: dict[str, Callable[[Portal, str, Form], dict[str, Any]]] = {
    "authorization_code": _by_code,
    "refresh_token": _by_refresh,
    "client_credentials": _by_app,
}


def _end(portal: Portal) -> int:
    return portal.clock.milliseconds() + _life(portal) * 1_000


def _life(portal: Portal) -> int:
    return round(portal.settings.token_minutes * 60)


def _given(portal: Portal, token: Token) -> dict[str, Any]:
    return {"token_type": "bearer", "access_token": portal.tokens.give(token), "expires_in": _life(portal)}


def allowed(portal: Portal, token: Token | None) -> Scopes:
    """What a token may do; None is the static one. Nobody may do more than the account grants, apart from apps."""
    if token and token.app:
        return token.scopes or frozenset()
    granted = portal.settings.scopes
    return granted if token is None or token.scopes is None else granted & token.scopes


def introspect(portal: Portal, call: Call) -> Answer:
    """Whether a token still works, and what it may do. A static token may ask about itself without a client."""
    form = _form(call)
    text = form.get("token", "")
    if text == portal.settings.token:
        return Answer(content=_active("access_token", sorted(portal.settings.scopes)))
    client, now = _client(portal, form), portal.clock.milliseconds()
    if (found := portal.tokens.access.get(text)) and found.ends > now:
        more = {"client_id": client, "expires_in": (found.ends - now) // 1_000}
        return Answer(content={**_active("access_token", sorted(allowed(portal, found))), **more})
    if grant := portal.tokens.refresh.get(text):
        scopes = sorted(allowed(portal, Token(ends=0, scopes=grant.scopes)))
        return Answer(content={**_active("refresh_token", scopes), "client_id": client})
    return Answer(content={"active": False})


def _active(kind: str, scopes: list[str]) -> dict[str, Any]:
    return {"active": True, "token_type": kind, "hub_id": PORTAL_ID, "scopes": scopes}


def revoke(portal: Portal, call: Call) -> Answer:
    """End a token, and with a refresh token all that came from it. An unknown one is no error (RFC 7009)."""
    form = _form(call)
    _client(portal, form)
    portal.tokens.revoke(form.get("token", ""))
    return Answer(status=204)


def uninstall(portal: Portal, call: Call) -> Answer:
    """The app is taken out of the account: by itself through the API, or by a person."""
    portal.tokens.revoke_all()
    return Answer(status=204)


TOKEN = "/oauth/{version}/token"  # noqa: S105 - a path
UNINSTALL = "/appinstalls/{version}/external-install"

OPERATIONS = (
    Operation(method="GET", path="/oauth/authorize", handle=authorize, open=True),
    Operation(method="POST", path=TOKEN, handle=token, open=True),
    Operation(method="POST", path=TOKEN + "/introspect", handle=introspect, open=True),
    Operation(method="POST", path=TOKEN + "/revoke", handle=revoke, open=True),
    Operation(method="DELETE", path=UNINSTALL, handle=uninstall, write=True, scopes=lambda call: [["oauth"]]),
)
