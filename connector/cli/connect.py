"""`lamplighter connect`: try a way into a CRM or an ad account; secrets go to the keyring, or stay where they are."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from connector import settings
from connector.cli import connect_ads, connect_salesforce, options
from connector.cli.browser_round import PORT
from connector.cli.check import show
from connector.cli.connect_oauth import REFRESH_ENV, Wish, authorise
from connector.cli.entrance import ask, findings_of, let_in, putting_on_trial
from connector.cli.settings_file import set_oauth, set_token
from connector.cli.terminal import note, say
from connector.errors import SetupError
from connector.model import Finding

HUBSPOT, SALESFORCE = "hubspot", "salesforce"

TokenEnv = Annotated[
    str, typer.Option("--token-env", metavar="NAME", help="Environment variable that holds the token, now and later.")
]
OAuth = Annotated[bool, typer.Option("--oauth", help="By OAuth: agree in the browser instead of pasting a token.")]
ClientId = Annotated[
    str, typer.Option("--client-id", metavar="ID", help="The app's client id (Salesforce: consumer key).")
]
SecretEnv = Annotated[
    str,
    typer.Option("--client-secret-env", metavar="NAME", help="Variable that holds the app's client secret."),
]
Port = Annotated[int, typer.Option("--port", help="OAuth: where this machine waits for the browser.")]
PrintToken = Annotated[
    bool, typer.Option("--print-token", help="HubSpot: write the refresh token to stdout, once, and keep it nowhere.")
]
InstanceUrl = Annotated[
    str, typer.Option("--instance-url", metavar="URL", help="Salesforce: the org's My Domain address.")
]
Flow = Annotated[
    Literal["client_credentials", "jwt", "refresh_token"] | None,
    typer.Option("--flow", help="Salesforce: how the app proves itself.", show_default="as before, else the first"),
]
Username = Annotated[str, typer.Option("--username", metavar="USER", help="Salesforce, JWT: the integration user.")]
KeyFile = Annotated[
    Path | None,
    typer.Option(
        "--private-key-file",
        metavar="FILE",
        help="For the keyring. Salesforce, JWT: private key (PEM); Google: the service account's key (JSON).",
    ),
]
KeyEnv = Annotated[
    str, typer.Option("--private-key-env", metavar="NAME", help="Variable that holds that key, now and later.")
]
Account = Annotated[str, typer.Option("--account", metavar="NUMBER", help="Google, Meta: the ad account.")]
LoginAccount = Annotated[
    str, typer.Option("--login-account", metavar="NUMBER", help="Google: the manager account that reaches it.")
]
AcceptTerms = Annotated[
    bool, typer.Option("--accept-terms", help="Google: its Customer Match terms are accepted in Google Ads.")
]
Browser = Annotated[bool, typer.Option("--browser/--no-browser", help="OAuth: open the CRM's page here.")]


def command(
    system: Annotated[
        Literal["hubspot", "salesforce", "google", "meta"], typer.Argument(help="Which CRM or ad platform.")
    ],
    token_env: TokenEnv = "",
    oauth: OAuth = False,
    client_id: ClientId = "",
    client_secret_env: SecretEnv = "",
    port: Port = PORT,
    print_token: PrintToken = False,
    browser: Browser = True,
    instance_url: InstanceUrl = "",
    flow: Flow = None,
    username: Username = "",
    private_key_file: KeyFile = None,
    private_key_env: KeyEnv = "",
    account: Account = "",
    login_account: LoginAccount = "",
    accept_terms: AcceptTerms = False,
    home: options.Home = options.HOME,
) -> None:
    """Connect a CRM (HubSpot by a token or OAuth, Salesforce by an app of your org) or an ad account; no file gets a
    secret."""
    of_ads = {"--account": account, "--login-account": login_account, "--accept-terms": accept_terms}
    if system == "google" or system == "meta":
        _refuse({"--oauth": oauth, "--instance-url": instance_url, "--flow": flow, "--username": username}, "of CRMs")
        ad_account = connect_ads.Wish(
            account=account,
            login_account=login_account,
            accept_terms=accept_terms,
            token_env=token_env,
            client_id=client_id,
            client_secret_env=client_secret_env,
            private_key_env=private_key_env,
            private_key_file=private_key_file,
        )
        _ad_account(home, system, ad_account)
        return
    _refuse(of_ads, "of ad platforms")
    if system == SALESFORCE:
        _refuse({"--print-token": print_token}, "HubSpot's; Salesforce replaces the token at each use")
        wish = connect_salesforce.Wish(
            instance_url=instance_url,
            flow="refresh_token" if oauth else flow or "",
            token_env=token_env,
            client_id=client_id,
            client_secret_env=client_secret_env,
            username=username,
            private_key_file=private_key_file,
            private_key_env=private_key_env,
            port=port,
            browser=browser,
        )
        _salesforce(home, wish)
        return
    of_others = {"--instance-url": instance_url, "--flow": flow, "--username": username}
    keys = {"--private-key-file": private_key_file, "--private-key-env": private_key_env}
    _refuse({**of_others, **keys}, "Salesforce's")
    if oauth:
        app = Wish(
            client_id=client_id,
            client_secret_env=client_secret_env,
            port=port,
            print_token=print_token,
            browser=browser,
        )
        _by_oauth(home, app)
    else:
        _by_token(home, token_env)


def _by_token(home: Path, token_env: str) -> None:
    reference, findings = connect(home, token_env)
    show(findings)
    say(f"{HUBSPOT} is connected; {home / settings.FILE} says token: {reference}")
    _next(findings)


def _refuse(given: Mapping[str, object], whose: str) -> None:
    """Raises BadParameter for an option that has no meaning for this CRM."""
    if meant := [name for name, value in given.items() if value]:
        raise typer.BadParameter(f"that option is {whose}", param_hint=meant[0])


def _salesforce(home: Path, wish: connect_salesforce.Wish) -> None:
    findings = connect_salesforce.connect(home, wish, say)
    show(findings)
    say(f"{SALESFORCE} is connected; {home / settings.FILE} says how, and where the secrets are")
    _next(findings)


def _ad_account(home: Path, platform: connect_ads.Platform, wish: connect_ads.Wish) -> None:
    of_google = {"--login-account": wish.login_account, "--accept-terms": wish.accept_terms}
    of_google |= {"--client-id": wish.client_id, "--private-key-file": wish.private_key_file}
    if platform == "meta":
        _refuse({**of_google, "--private-key-env": wish.private_key_env}, "Google's")
    findings = connect_ads.connect(home, platform, wish)
    show(findings)
    say(f"{platform} is connected; {home / settings.FILE} says how, and where the secrets are")
    _next(findings)


def _by_oauth(home: Path, wish: Wish) -> None:
    tell = note if wish.print_token else say
    access = authorise(home, wish, lambda what: ask(f"{HUBSPOT}, {what}"), tell)
    if wish.print_token:
        print(access.refresh_token)  # and nothing else on stdout
        os.environ[REFRESH_ENV] = access.refresh_token  # where the settings now say that it is
    set_oauth(home, HUBSPOT, access.fields)
    findings = findings_of(home, settings.load(home), HUBSPOT)
    show(findings, tell)
    tell(f"{HUBSPOT} is connected by OAuth; {home / settings.FILE} says where the secrets are")
    _next(findings, tell)


def _next(findings: Sequence[Finding], tell: Callable[[str], None] = say) -> None:
    """What to do now. Leaves with exit code 2 where something must be put right before the first run."""
    if all(one.ok for one in findings):
        tell("next: lamplighter run --dry-run")
        return
    tell("before the first run, see to what is marked FIX: lamplighter check --fix does what a program can")
    raise typer.Exit(SetupError.exit_code)


def connect(home: Path, token_env: str = "") -> tuple[str, Sequence[Finding]]:
    """Try a token of HubSpot and keep it; lamplighter.yaml gets a reference to it, never the token.

    Returns:
        The reference, and what was found out about the account; some of it may need doing.

    Raises:
        SetupError: there is no token, HubSpot does not take it, or there is no place to keep it.
    """
    chosen = settings.load(home)
    if token_env:
        reference = f"env:{token_env}"
        findings = _verify(home, chosen, reference)
    else:
        token = ask(f"{HUBSPOT}, the token")
        findings = _tried(home, chosen, token)
        reference = _kept(token)
    set_token(home, HUBSPOT, reference)
    return reference, findings


def _tried(home: Path, chosen: settings.Settings, token: str) -> Sequence[Finding]:
    with putting_on_trial(token, "") as reference:
        return _verify(home, chosen, reference)


def _kept(token: str) -> str:
    if not settings.keep_secret(HUBSPOT, token):
        name = f"{HUBSPOT.upper()}_TOKEN"
        raise SetupError(
            "the token works, but this machine has no keyring to keep it in",
            hint=f"export {name}=..., then: lamplighter connect {HUBSPOT} --token-env {name}",
        )
    return f"keyring:{HUBSPOT}"


def _verify(home: Path, chosen: settings.Settings, reference: str) -> Sequence[Finding]:
    """Ask HubSpot. Raises SetupError where it does not even let us in."""
    settings.secret(reference)
    part = chosen.hubspot or settings.HubSpotPart()
    trial = chosen.model_copy(update={HUBSPOT: part.model_copy(update={"token": reference, "oauth": None})})
    return let_in(home, trial, HUBSPOT)
