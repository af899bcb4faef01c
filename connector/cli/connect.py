"""`lamplighter connect hubspot`: try a token, then keep it in the keyring or as a reference to the environment."""

import getpass
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from connector import settings
from connector.cli import options
from connector.cli.check import show
from connector.cli.settings_file import set_token
from connector.cli.terminal import say
from connector.errors import SetupError
from connector.home import build_crms
from connector.model import Finding
from connector.store import open_store

TRIAL = "LAMPLIGHTER_CONNECTING"
"""Environment variable that holds a pasted token while it is tried."""

TokenEnv = Annotated[
    str, typer.Option("--token-env", metavar="NAME", help="Environment variable that holds the token, now and later.")
]


def command(
    system: Annotated[Literal["hubspot"], typer.Argument(help="Which CRM.")],
    token_env: TokenEnv = "",
    home: options.Home = options.HOME,
) -> None:
    """Try a CRM's token (typed, from stdin or the environment) and keep it out of every file."""
    reference, findings = connect(home, system, token_env)
    show(findings)
    say(f"{system} is connected; {home / settings.FILE} says token: {reference}")
    say("next: lamplighter run --dry-run")


def connect(home: Path, system: str, token_env: str = "") -> tuple[str, Sequence[Finding]]:
    """Verify the token of a CRM and keep it; lamplighter.yaml gets a reference to it, never the token.

    Returns:
        The reference, and what was found out about the account.

    Raises:
        SetupError: there is no token, the CRM does not take it, or there is no place to keep it.
    """
    chosen = settings.load(home)
    if token_env:
        reference = f"env:{token_env}"
        findings = _verify(home, chosen, system, reference)
    else:
        token = _ask(system)
        findings = _tried(home, chosen, system, token)
        reference = _kept(system, token)
    set_token(home, system, reference)
    return reference, findings


def _ask(system: str) -> str:
    """The token, typed without echo, or the first line of stdin where nobody types."""
    prompt = f"Token of {system} (not shown): "
    token = getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline()
    if not token.strip():
        raise SetupError(
            "no token was given", hint="create one (docs/hubspot.md) and paste it, or use --token-env NAME"
        )
    return token.strip()


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
    """Ask the CRM. Raises SetupError, naming each fix, where something must be put right first."""
    settings.secret(reference)
    store = open_store(chosen.store_url(home))
    try:
        part = getattr(chosen, system) or PARTS[system]()
        trial = chosen.model_copy(update={system: part.model_copy(update={"token": reference})})
        findings = [one for crm in build_crms(home, trial, store) if crm.name == system for one in crm.check()]
    finally:
        store.close()
    wrong = [one for one in findings if not one.ok]
    if wrong:
        problems = "; ".join(f"{one.title}: {one.detail}" for one in wrong)
        raise SetupError(f"{system} is not connected: {problems}", hint="; ".join(one.fix for one in wrong))
    return findings


PARTS: Mapping[str, type[settings.HubSpotPart]] = {"hubspot": settings.HubSpotPart}
