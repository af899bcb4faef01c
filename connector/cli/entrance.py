"""Trying a way into a system before it is written down: asked for, put on trial, looked at as `check` does."""

import getpass
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from connector import settings
from connector.errors import SetupError
from connector.home import build_crm
from connector.model import Finding
from connector.store import open_store

TRIAL = "LAMPLIGHTER_CONNECTING"
"""Environment variable that holds a pasted secret while it is tried."""


def ask(what: str, *, shown: bool = False, optional: bool = False) -> str:
    """What an admin types (a secret without echo), or the next line of stdin where nobody types.

    Raises SetupError where nothing is given that is not `optional`.
    """
    if not sys.stdin.isatty():
        given = sys.stdin.readline()
    elif shown:
        given = input(f"{what}: ")
    else:
        given = getpass.getpass(f"{what} (not shown): ")
    if not given.strip() and not optional:
        raise SetupError(
            f"{what} was not given",
            hint="paste it (docs/hubspot.md, docs/salesforce.md, docs/google.md, docs/meta.md), or name its variable",
        )
    return given.strip()


@contextmanager
def putting_on_trial(secret: str, reference: str, place: str = TRIAL) -> Iterator[str]:
    """A reference to a secret that is not kept yet; `reference` itself where there is none to be kept.

    Args:
        place: variable that holds it meanwhile; of two at a time each needs its own.
    """
    if not secret:
        yield reference
        return
    os.environ[place] = secret
    try:
        yield f"env:{place}"
    finally:
        del os.environ[place]


def let_in(home: Path, chosen: settings.Settings, system: str) -> Sequence[Finding]:
    """What check says of a CRM. Raises SetupError where it does not even let us in."""
    return admitted(system, findings_of(home, chosen, system))


def admitted(system: str, findings: Sequence[Finding]) -> Sequence[Finding]:
    """The same findings. Raises SetupError where the first says that the system does not even let us in."""
    if not findings[0].ok:
        problem = findings[0]
        raise SetupError(f"{system} is not connected: {problem.title}: {problem.detail}", hint=problem.fix)
    return findings


def findings_of(home: Path, chosen: settings.Settings, system: str) -> Sequence[Finding]:
    """What check says of a CRM."""
    store = open_store(chosen.store_url(home))
    try:
        return build_crm(home, chosen, store, system).check()
    finally:
        store.close()
