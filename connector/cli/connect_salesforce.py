"""`lamplighter connect salesforce`: three ways in, each tried before it is written down; secrets go to the keyring."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from connector import settings
from connector.cli.browser_round import PORT, WAIT, Round
from connector.cli.entrance import ask, findings_of, let_in, putting_on_trial
from connector.cli.loopback import Loopback
from connector.cli.my_domain import my_domain
from connector.cli.proof import Proof
from connector.cli.settings_file import set_oauth, set_token, written
from connector.crms import salesforce
from connector.crms.salesforce import SalesforceSettings
from connector.errors import SetupError
from connector.model import Finding

SYSTEM = "salesforce"
AGAIN = "lamplighter connect salesforce"
SECRET, KEY, REFRESH = "salesforce-client-secret", "salesforce-private-key", "salesforce-refresh-token"
"""Names in the keyring."""
FLOWS = ("client_credentials", "jwt", "refresh_token")
WHERE = "Setup, External Client App Manager, the app, Settings"
POLICY = "Setup, External Client App Manager, the app, Policies"
FIXES = {
    "OAUTH_APP_ACCESS_DENIED": f"add a permission set of the person who agrees to the app ({POLICY}), then {AGAIN} "
    "--oauth",
    "OAUTH_APPROVAL_ERROR_GENERIC": f"let this person authorise the app ({POLICY}, Permitted Users), then {AGAIN} "
    "--oauth",
    "OAUTH_APP_BLOCKED": "unblock the app in Setup, Connected Apps OAuth Usage",
    "invalid_scope": f"give the app the scopes api and refresh_token ({WHERE}, OAuth Settings)",
}


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What the command line said; what it leaves out is as lamplighter.yaml says, or asked for.

    Attributes:
        flow: one of FLOWS; empty: as before, else `jwt` where a user or a key is named, else `client_credentials`.
        token_env: variable that holds an access token from elsewhere: no app is used then.
        client_secret_env, private_key_env: variables that hold the proof, now and later.
        private_key_file: PEM; what is in it goes to the keyring.
        wait: seconds that the admin has to agree in the browser.
    """

    instance_url: str = ""
    flow: str = ""
    token_env: str = ""
    client_id: str = ""
    client_secret_env: str = ""
    username: str = ""
    private_key_env: str = ""
    private_key_file: Path | None = None
    port: int = PORT
    browser: bool = True
    wait: float = WAIT


def connect(home: Path, wish: Wish, tell: Callable[[str], None]) -> Sequence[Finding]:
    """Try a way into an org and write it down; lamplighter.yaml gets references, never a secret.

    Args:
        tell: shows the admin a line.

    Returns:
        What was found out about the org; some of it may need doing.

    Raises:
        SetupError: something is missing, Salesforce does not let us in, or there is no place for a secret. Nothing is
            written then.
    """
    before = written(home, SYSTEM)
    address = my_domain(
        wish.instance_url or str(before.get("instance_url") or "") or ask("the org's My Domain", shown=True)
    )
    if wish.token_env:
        return _by_token(_Org(home, address, "", {}, tell), f"env:{wish.token_env}")
    app = dict(before.get("oauth") or {})
    flow = wish.flow or (FLOWS[1] if _signs(wish) else str(app.get("flow") or FLOWS[0]))
    client_id = wish.client_id or str(app.get("client_id") or "") or ask("the app's consumer key", shown=True)
    way = {FLOWS[0]: _by_secret, FLOWS[1]: _by_key, FLOWS[2]: _by_browser}[flow]
    return way(_Org(home, address, client_id, app, tell), wish)


def _signs(wish: Wish) -> bool:
    return bool(wish.username or wish.private_key_env or wish.private_key_file)


@dataclass(frozen=True)
class _Org:
    """What is known before the app proves itself. `app`: what lamplighter.yaml said of it until now."""

    home: Path
    address: str
    client_id: str
    app: Mapping[str, Any]
    tell: Callable[[str], None]

    def kept(self, name: str) -> str:
        """Where this secret of the app was until now."""
        return str(self.app.get(name) or "")

    def part(self, flow: str, **more: str) -> dict[str, str]:
        """The app as lamplighter.yaml is to say it."""
        return {"flow": flow, "client_id": self.client_id, **{name: each for name, each in more.items() if each}}

    def trial(self, way: Mapping[str, Any]) -> settings.Settings:
        """The settings as they would be."""
        return settings.load(self.home, {SYSTEM: {"instance_url": self.address, "token": None, "oauth": None, **way}})


def _by_token(org: _Org, reference: str) -> Sequence[Finding]:
    settings.secret(reference, AGAIN)
    findings = let_in(org.home, org.trial({"token": reference}), SYSTEM)
    set_token(org.home, SYSTEM, reference, instance_url=org.address)
    return findings


def _by_secret(org: _Org, wish: Wish) -> Sequence[Finding]:
    proof = _secret(org, wish.client_secret_env)
    again = f"{AGAIN} --client-id {org.client_id} --client-secret-env NAME, after: export NAME=..."
    return _tried(org, "client_credentials", "client_secret", proof, again)


def _by_key(org: _Org, wish: Wish) -> Sequence[Finding]:
    username = wish.username or org.kept("username") or ask("user name of the integration user", shown=True)
    proof = _key(org, wish)
    again = f'{AGAIN} --flow jwt --private-key-env NAME, after: export NAME="$(cat FILE)"'
    return _tried(org, "jwt", "private_key", proof, again, username=username)


def _key(org: _Org, wish: Wish) -> Proof:
    known = wish.private_key_env or wish.private_key_file or org.kept("private_key")
    path = wish.private_key_file if known else Path(ask("file of the private key (PEM)", shown=True))
    if path is None:
        return Proof(reference=f"env:{wish.private_key_env}" if wish.private_key_env else org.kept("private_key"))
    try:
        return Proof(reference=f"keyring:{KEY}", value=path.read_text("ascii"))
    except (OSError, ValueError):
        raise SetupError(
            f"there is no private key in {path}", hint="name its PEM file with --private-key-file"
        ) from None


def _secret(org: _Org, env: str, *, needed: bool = True) -> Proof:
    """The consumer secret that the command line names, or that is typed. Nothing typed: as before, or none."""
    kept = org.kept("client_secret")
    if env or kept.startswith("env:"):
        return Proof(reference=f"env:{env}" if env else kept)
    nothing = " (nothing: as before)" if kept else "" if needed else " (nothing: it needs none)"
    typed = ask(f"the app's consumer secret{nothing}", optional=bool(nothing))
    return Proof(reference=f"keyring:{SECRET}", value=typed) if typed else Proof(reference=kept)


def _tried(org: _Org, flow: str, name: str, proof: Proof, again: str, **more: str) -> Sequence[Finding]:
    """Let the app prove itself; then keep the proof, and write down where it is."""
    with putting_on_trial(proof.value, proof.reference) as reference:
        settings.secret(reference, AGAIN)
        chosen = org.trial({"oauth": org.part(flow, **{name: reference, **more})})
        findings = let_in(org.home, chosen, SYSTEM)
    proof.keep("Salesforce", again)
    set_oauth(org.home, SYSTEM, org.part(flow, **{name: proof.reference, **more}), instance_url=org.address)
    return findings


def _by_browser(org: _Org, wish: Wish) -> Sequence[Finding]:
    """Somebody agrees in the browser. The refresh token is kept before it is used: each works once."""
    if not settings.has_keyring():
        raise SetupError(
            "this machine has no keyring, and Salesforce replaces the refresh token at each use; nothing was asked of "
            "Salesforce yet",
            hint=f"on a server connect without a browser: {AGAIN} --flow jwt, or --flow client_credentials",
        )
    secret = _secret(org, wish.client_secret_env, needed=False)
    refresh = replace(_granted(org, wish, secret.read(AGAIN)), reference=f"keyring:{REFRESH}")
    for each in (secret, refresh):
        each.keep("Salesforce", f"unlock it, then {AGAIN} --oauth")
    references = {"client_secret": secret.reference, "refresh_token": refresh.reference}
    set_oauth(org.home, SYSTEM, org.part("refresh_token", **references), instance_url=org.address)
    return findings_of(org.home, settings.load(org.home), SYSTEM)


def _granted(org: _Org, wish: Wish, secret: str) -> Proof:
    told, verifier = SalesforceSettings(instance_url=org.address), salesforce.new_verifier()
    asked = Round(
        system="Salesforce",
        registered=f"{WHERE}, OAuth Settings",
        again=f"{AGAIN} --oauth",
        who="log in as the user that Lamplighter is to act as",
        fixes=FIXES,
        browser=wish.browser,
        wait=wish.wait,
    )
    with closing(Loopback(wish.port)) as loopback:
        back = loopback.redirect_uri
        page = partial(salesforce.authorize_url, told, org.client_id, back, verifier=verifier)
        code = asked.code(loopback, page, org.tell)
        granted = salesforce.exchange(told, org.client_id, secret, back, code, verifier)
    if not granted.refresh_token:
        raise SetupError(
            "Salesforce gave no refresh token",
            hint=f"add the scope refresh_token to the app ({WHERE}, OAuth Settings), then {AGAIN} --oauth",
        )
    return Proof(reference="", value=granted.refresh_token)
