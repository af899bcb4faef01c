"""`lamplighter connect google` and `connect meta`: an ad account, tried before it is written down; secrets go to the
keyring or stay in the environment."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from connector import settings
from connector.cli.entrance import TRIAL, admitted, ask, putting_on_trial
from connector.cli.proof import Proof
from connector.cli.settings_file import set_part, written
from connector.errors import SetupError
from connector.home import ad_platforms, build_ad
from connector.model import Finding
from connector.store import open_store

Platform = Literal["google", "meta"]
NAMES = {"google": "Google", "meta": "Meta"}
GROUP = "ads"
WAYS = ("service_account", "oauth")
KEY, SECRET, REFRESH, TOKEN = "google-key", "google-client-secret", "google-refresh-token", "meta-token"
"""Names in the keyring."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What the command line said; what it leaves out is as lamplighter.yaml says, or asked for.

    Attributes:
        account: the ad account's number.
        login_account: Google: the manager account through which it is reached.
        accept_terms: Google: the Customer Match terms are accepted.
        token_env: variable that holds Meta's token, or Google's refresh token.
        client_id: Google: the OAuth client; empty: by a service account.
        client_secret_env: variable that holds the OAuth client's secret; Meta: the app's secret.
        private_key_env, private_key_file: Google: where the service account's key (JSON) is; of a file the keyring
            gets what is in it.
    """

    account: str = ""
    login_account: str = ""
    accept_terms: bool = False
    token_env: str = ""
    client_id: str = ""
    client_secret_env: str = ""
    private_key_env: str = ""
    private_key_file: Path | None = None


def connect(home: Path, platform: Platform, wish: Wish) -> Sequence[Finding]:
    """Try a way into an ad account and write it down; lamplighter.yaml gets references, never a secret.

    Returns:
        What was found out about the account; some of it may need doing.

    Raises:
        SetupError: something is missing, the platform does not let us in, or there is no place for a secret. Nothing
            is written then.
    """
    before = dict(written(home, GROUP).get(platform) or {})
    fields, proofs = _google(before, wish) if platform == "google" else _meta(before, wish)
    with ExitStack() as trial:
        places = {
            each.reference: trial.enter_context(putting_on_trial(each.value, each.reference, f"{TRIAL}_{number}"))
            for number, each in enumerate(proofs)
        }
        for place in places.values():
            settings.secret(place, f"lamplighter connect {platform}")
        findings = admitted(platform, _looked(home, platform, _placed(fields, places)))
    for each in proofs:
        each.keep(NAMES[platform], f"put it into a variable and name that: lamplighter connect {platform} --help")
    set_part(home, GROUP, platform, fields)
    return findings


def _placed(fields: Mapping[str, Any], places: Mapping[str, str]) -> dict[str, Any]:
    """The same fields with each reference replaced by where its secret is while it is tried."""
    return {
        name: _placed(value, places) if isinstance(value, dict) else places.get(value, value)
        for name, value in fields.items()
    }


def _looked(home: Path, platform: Platform, fields: Mapping[str, Any]) -> Sequence[Finding]:
    chosen = settings.load(home, {GROUP: {platform: fields}})
    store = open_store(chosen.store_url(home))
    try:
        told = dict(ad_platforms(home, chosen))[platform]
        return build_ad(platform, told, store).check()
    finally:
        store.close()


def _account(before: Mapping[str, Any], wish: Wish, what: str) -> str:
    return wish.account or str(before.get("account") or "") or ask(what, shown=True)


def _google(before: Mapping[str, Any], wish: Wish) -> tuple[dict[str, Any], list[Proof]]:
    """The fields of `ads.google`, and the secrets that they refer to."""
    fields = {name: value for name, value in before.items() if name not in WAYS}
    fields["account"] = _account(before, wish, "the Google Ads account, such as 123-456-7890")
    if wish.login_account:
        fields["login_account"] = wish.login_account
    if wish.accept_terms:
        fields["terms_accepted"] = True
    if wish.client_id:
        secret = _given(wish.client_secret_env, SECRET, "the OAuth client's secret")
        token = _given(wish.token_env, REFRESH, "the refresh token")
        app = {"client_id": wish.client_id, "client_secret": secret.reference, "refresh_token": token.reference}
        return {**fields, "oauth": app}, [secret, token]
    if not (wish.private_key_env or wish.private_key_file) and before.get("oauth"):
        app = dict(before["oauth"])
        return {**fields, "oauth": app}, [Proof(reference=app[one]) for one in ("client_secret", "refresh_token")]
    key = _key(before, wish)
    return {**fields, "service_account": key.reference}, [key]


def _key(before: Mapping[str, Any], wish: Wish) -> Proof:
    """The key of a service account: named, as before, or in a file that is asked for."""
    if wish.private_key_env:
        return Proof(reference=f"env:{wish.private_key_env}")
    if wish.private_key_file is None and before.get("service_account"):
        return Proof(reference=str(before["service_account"]))
    path = wish.private_key_file or Path(ask("file of the service account's key (JSON)", shown=True))
    try:
        return Proof(reference=f"keyring:{KEY}", value=path.read_text("utf-8"))
    except (OSError, ValueError):
        raise SetupError(
            f"there is no service account's key in {path}",
            hint="make one in Google Cloud (docs/google.md), and name its file with --private-key-file",
        ) from None


def _meta(before: Mapping[str, Any], wish: Wish) -> tuple[dict[str, Any], list[Proof]]:
    """The fields of `ads.meta`, and the secrets that they refer to."""
    token = _given(wish.token_env, TOKEN, "the system user's token", kept=str(before.get("token") or ""))
    fields = {**before, "account": _account(before, wish, "the ad account, such as act_1234"), "token": token.reference}
    if not wish.client_secret_env:
        return fields, [token]
    app = Proof(reference=f"env:{wish.client_secret_env}")
    return {**fields, "app_secret": app.reference}, [token, app]


def _given(env: str, name: str, what: str, kept: str = "") -> Proof:
    """A secret that stays in the environment, that is as before, or that is typed and goes to the keyring."""
    if env or kept.startswith("env:"):
        return Proof(reference=f"env:{env}" if env else kept)
    typed = ask(f"{what}{' (nothing: as before)' if kept else ''}", optional=bool(kept))
    return Proof(reference=f"keyring:{name}", value=typed) if typed else Proof(reference=kept)
