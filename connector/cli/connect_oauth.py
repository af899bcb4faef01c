"""`lamplighter connect hubspot --oauth`: an admin agrees in the browser, the refresh token goes to the keyring."""

import os
import secrets
import sys
import webbrowser
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from connector import settings
from connector.cli.loopback import Loopback
from connector.crms import hubspot
from connector.crms.hubspot import HubSpotSettings
from connector.errors import SetupError

PORT = 8976
WAIT = 300.0
"""Seconds that the admin has to agree."""
SECRET, REFRESH = "hubspot-client-secret", "hubspot-refresh-token"
"""Names in the keyring."""
REFRESH_ENV = "HUBSPOT_REFRESH_TOKEN"
AGAIN = "lamplighter connect hubspot --oauth"


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What the command line said.

    Attributes:
        client_secret_env: variable that holds the app's secret, now and later; empty: it is pasted, and kept.
        print_token: write the refresh token to stdout, once, instead of keeping it.
        browser: open the page for the admin.
        wait: seconds.
    """

    client_id: str = ""
    client_secret_env: str = ""
    port: int = PORT
    print_token: bool = False
    browser: bool = True
    wait: float = WAIT


@dataclass(frozen=True, kw_only=True)
class Access:
    """What came of it. `fields`: what `lamplighter.yaml` is to say under `oauth`, references alone."""

    refresh_token: str = field(repr=False)
    fields: Mapping[str, str]


def authorise(home: Path, wish: Wish, ask: Callable[[str], str], tell: Callable[[str], None]) -> Access:
    """Have an app authorised, and keep its secrets in the keyring as far as the wish says so.

    Args:
        ask: asks the admin for a secret, by what it is.
        tell: shows the admin a line.

    Raises:
        SetupError: there is no place for the secrets, nobody agreed, or HubSpot does not take what came of it.
    """
    part = settings.load(home).hubspot or settings.HubSpotPart()
    client_id = wish.client_id or (part.oauth.client_id if part.oauth else "")
    _demand(client_id, wish)
    env = wish.client_secret_env
    secret = settings.secret(f"env:{env}").get_secret_value() if env else ask("the app's client secret")
    token = _tokens(home, part, client_id, secret, wish, tell)
    return Access(refresh_token=token, fields={"client_id": client_id, **_kept(wish, secret, token)})


def _demand(client_id: str, wish: Wish) -> None:
    """What must be known before the admin is sent to the browser."""
    if not client_id:
        raise SetupError("which app is meant", hint=f"{AGAIN} --client-id ID, from the app's Auth settings in HubSpot")
    if wish.print_token and wish.client_secret_env:
        return
    if settings.has_keyring():
        return
    what = "the app's client secret" if wish.print_token else "what HubSpot will give"
    raise SetupError(
        f"this machine has no keyring to keep {what} in; nothing was asked of HubSpot yet",
        hint=f"{AGAIN} --client-id {client_id} --client-secret-env NAME --print-token: it writes the refresh token "
        f"to stdout once, for your secret manager; from then on Lamplighter reads it from {REFRESH_ENV}",
    )


def _tokens(
    home: Path, part: settings.HubSpotPart, client_id: str, secret: str, wish: Wish, tell: Callable[[str], None]
) -> str:
    told = HubSpotSettings(**part.model_dump(exclude={"token", "oauth"}))
    loopback = Loopback(wish.port)
    try:
        code = _agreed(told, hubspot.scopes(told, home), client_id, loopback, wish, tell)
        granted = hubspot.exchange(told, client_id, secret, loopback.redirect_uri, code)
    finally:
        loopback.close()
    if not granted.refresh_token:
        raise SetupError("HubSpot gave no refresh token", hint=AGAIN)
    return granted.refresh_token


def _agreed(
    told: HubSpotSettings,
    scopes: list[str],
    client_id: str,
    loopback: Loopback,
    wish: Wish,
    tell: Callable[[str], None],
) -> str:
    """The code that HubSpot sends back once the admin has agreed."""
    state = secrets.token_urlsafe(24)
    page = hubspot.authorize_url(told, client_id, loopback.redirect_uri, ["oauth", *scopes], state)
    tell(f"The app's redirect URL must be {loopback.redirect_uri} (HubSpot, the app's Auth settings).")
    tell(f"Open this page, choose the account and agree:\n\n{page}\n")
    if wish.browser and _desktop():
        webbrowser.open(page)
    brought = loopback.visit(wish.wait)
    if brought is None:
        raise SetupError(
            f"nobody came back from HubSpot within {wish.wait:,.0f} seconds; nothing was changed",
            hint=f"does the page complain? Add {loopback.redirect_uri} and the scopes to the app, then {AGAIN}",
        )
    return _code(brought, state)


def _desktop() -> bool:
    """Whether there is a screen: elsewhere a browser of text would take over the terminal."""
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _code(brought: Mapping[str, str], state: str) -> str:
    """Raises SetupError for an answer that is none of ours, or that says no."""
    if not secrets.compare_digest(brought.get("state", "").encode(), state.encode()):
        raise SetupError(
            "the browser came back from another attempt than this one (its state differs); nothing was changed",
            hint=f"close old windows of HubSpot's page, then {AGAIN}",
        )
    if brought.get("error") == "access_denied":
        raise SetupError(
            "the answer on HubSpot's page was no; nothing was changed",
            hint=f"have a super admin of the account agree: {AGAIN} --no-browser prints the page to send to them",
        )
    if not (code := brought.get("code", "")):
        named = brought.get("error", "")
        raise SetupError(f"HubSpot sent no code back{f': {named}' if named.isidentifier() else ''}", hint=AGAIN)
    return code


def _kept(wish: Wish, secret: str, token: str) -> dict[str, str]:
    """Where the secrets are from now on."""
    client_secret = f"env:{wish.client_secret_env}" if wish.client_secret_env else _keep(SECRET, secret)
    refresh_token = f"env:{REFRESH_ENV}" if wish.print_token else _keep(REFRESH, token)
    return {"client_secret": client_secret, "refresh_token": refresh_token}


def _keep(name: str, value: str) -> str:
    if not settings.keep_secret(name, value):
        raise SetupError("the keyring took nothing", hint=f"unlock it, then {AGAIN}")
    return f"keyring:{name}"
