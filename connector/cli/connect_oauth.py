"""`lamplighter connect hubspot --oauth`: an admin agrees in the browser, the refresh token goes to the keyring."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from connector import settings
from connector.cli.browser_round import PORT, WAIT, Round
from connector.cli.loopback import Loopback
from connector.crms import hubspot
from connector.crms.hubspot import HubSpotSettings
from connector.errors import SetupError

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
    asked = Round(
        system="HubSpot",
        registered="HubSpot, the app's Auth settings",
        again=AGAIN,
        who="have a super admin choose the account",
        browser=wish.browser,
        wait=wish.wait,
    )
    wanted = ["oauth", *scopes]
    return asked.code(
        loopback, lambda state: hubspot.authorize_url(told, client_id, loopback.redirect_uri, wanted, state), tell
    )


def _kept(wish: Wish, secret: str, token: str) -> dict[str, str]:
    """Where the secrets are from now on."""
    client_secret = f"env:{wish.client_secret_env}" if wish.client_secret_env else _keep(SECRET, secret)
    refresh_token = f"env:{REFRESH_ENV}" if wish.print_token else _keep(REFRESH, token)
    return {"client_secret": client_secret, "refresh_token": refresh_token}


def _keep(name: str, value: str) -> str:
    if not settings.keep_secret(name, value):
        raise SetupError("the keyring took nothing", hint=f"unlock it, then {AGAIN}")
    return f"keyring:{name}"
