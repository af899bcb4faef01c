"""`lamplighter connect hubspot`: try a token, then keep it in the keyring or as a reference to the environment."""

import getpass
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from connector import settings
from connector.cli import options
from connector.cli.check import show
from connector.cli.connect_oauth import PORT, REFRESH_ENV, Wish, authorise
from connector.cli.settings_file import set_oauth, set_token
from connector.cli.terminal import note, say
from connector.errors import SetupError
from connector.home import build_crms
from connector.model import Finding
from connector.store import open_store

TRIAL = "LAMPLIGHTER_CONNECTING"
"""Environment variable that holds a pasted token while it is tried."""

TokenEnv = Annotated[
    str, typer.Option("--token-env", metavar="NAME", help="Environment variable that holds the token, now and later.")
]
OAuth = Annotated[bool, typer.Option("--oauth", help="By OAuth: agree in the browser instead of pasting a token.")]
ClientId = Annotated[str, typer.Option("--client-id", metavar="ID", help="OAuth: the app's client id.")]
SecretEnv = Annotated[
    str,
    typer.Option("--client-secret-env", metavar="NAME", help="OAuth: variable that holds the app's client secret."),
]
Port = Annotated[int, typer.Option("--port", help="OAuth: where this machine waits for the browser.")]
PrintToken = Annotated[
    bool, typer.Option("--print-token", help="OAuth: write the refresh token to stdout, once, and keep it nowhere.")
]
Browser = Annotated[bool, typer.Option("--browser/--no-browser", help="OAuth: open HubSpot's page here.")]


def command(
    system: Annotated[Literal["hubspot"], typer.Argument(help="Which CRM.")],
    token_env: TokenEnv = "",
    oauth: OAuth = False,
    client_id: ClientId = "",
    client_secret_env: SecretEnv = "",
    port: Port = PORT,
    print_token: PrintToken = False,
    browser: Browser = True,
    home: options.Home = options.HOME,
) -> None:
    """Connect a CRM by a token (typed, from stdin or the environment) or by OAuth; no file gets a secret."""
    if oauth:
        wish = Wish(
            client_id=client_id,
            client_secret_env=client_secret_env,
            port=port,
            print_token=print_token,
            browser=browser,
        )
        _by_oauth(home, system, wish)
        return
    reference, findings = connect(home, system, token_env)
    show(findings)
    say(f"{system} is connected; {home / settings.FILE} says token: {reference}")
    _next(findings)


def _by_oauth(home: Path, system: str, wish: Wish) -> None:
    tell = note if wish.print_token else say
    access = authorise(home, wish, lambda what: _ask(system, what), tell)
    if wish.print_token:
        print(access.refresh_token)  # and nothing else on stdout
        os.environ[REFRESH_ENV] = access.refresh_token  # where the settings now say that it is
    set_oauth(home, system, access.fields)
    findings = _findings(home, settings.load(home), system)
    show(findings, tell)
    tell(f"{system} is connected by OAuth; {home / settings.FILE} says where the secrets are")
    _next(findings, tell)


def _next(findings: Sequence[Finding], tell: Callable[[str], None] = say) -> None:
    """What to do now. Leaves with exit code 2 where something must be put right before the first run."""
    if all(one.ok for one in findings):
        tell("next: lamplighter run --dry-run")
        return
    tell("before the first run, see to what is marked FIX: lamplighter check --fix does what a program can")
    raise typer.Exit(SetupError.exit_code)


def connect(home: Path, system: str, token_env: str = "") -> tuple[str, Sequence[Finding]]:
    """Try the token of a CRM and keep it; lamplighter.yaml gets a reference to it, never the token.

    Returns:
        The reference, and what was found out about the account; some of it may need doing.

    Raises:
        SetupError: there is no token, the CRM does not take it, or there is no place to keep it.
    """
    chosen = settings.load(home)
    if token_env:
        reference = f"env:{token_env}"
        findings = _verify(home, chosen, system, reference)
    else:
        token = _ask(system, "the token")
        findings = _tried(home, chosen, system, token)
        reference = _kept(system, token)
    set_token(home, system, reference)
    return reference, findings


def _ask(system: str, what: str) -> str:
    """A secret, typed without echo, or the first line of stdin where nobody types."""
    prompt = f"{system}, {what} (not shown): "
    secret = getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline()
    if not secret.strip():
        raise SetupError(
            f"{what} was not given", hint="paste it (docs/hubspot.md says where it is), or name its variable"
        )
    return secret.strip()


def _tried(home: Path, chosen: settings.Settings, system: str, token: str) -> Sequence[Finding]:
    os.environ[TRIAL] = token
    try:
        return _verify(home, chosen, system, f"env:{TRIAL}")
    finally:
        del os.environ[TRIAL]


def _kept(system: str, token: str) -> str:
    if not settings.keep_secret(system, token):
        name = f"{system.upper()}_TOKEN"
        raise SetupError(
            "the token works, but this machine has no keyring to keep it in",
            hint=f"export {name}=..., then: lamplighter connect {system} --token-env {name}",
        )
    return f"keyring:{system}"


def _verify(home: Path, chosen: settings.Settings, system: str, reference: str) -> Sequence[Finding]:
    """Ask the CRM. Raises SetupError where it does not even let us in."""
    settings.secret(reference)
    part = getattr(chosen, system) or PARTS[system]()
    trial = chosen.model_copy(update={system: part.model_copy(update={"token": reference, "oauth": None})})
    findings = _findings(home, trial, system)
    if not findings[0].ok:
        problem = findings[0]
        raise SetupError(f"{system} is not connected: {problem.title}: {problem.detail}", hint=problem.fix)
    return findings


def _findings(home: Path, chosen: settings.Settings, system: str) -> Sequence[Finding]:
    store = open_store(chosen.store_url(home))
    try:
        return [one for crm in build_crms(home, chosen, store) if crm.name == system for one in crm.check()]
    finally:
        store.close()


PARTS: Mapping[str, type[settings.HubSpotPart]] = {"hubspot": settings.HubSpotPart}
