"""The CRMs: one file each, found by its name. A file offers `build(settings, home, remembered)`."""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connector.errors import SetupError
from connector.ports import CRM, Remembered

__all__ = ["BROUGHT_BACK", "LOST", "OAuthClient", "Remembered", "build", "names"]

LOST, BROUGHT_BACK = "list_lost", "list_brought_back"
"""What adapters remember of a list that somebody deleted: its id, and that it was brought back once already. Who
forgets both lets the list be made anew."""


@dataclass(frozen=True, kw_only=True)
class OAuthClient:
    """An app that an admin has authorised. Secrets are asked for when they are needed, and so never shown.

    Attributes:
        client_secret, refresh_token: may raise SetupError.
        keep_refresh_token: told of one that replaces it; False where it cannot be kept.
        alone: entered around using a refresh token and keeping its successor, so that no other process is at it.
    """

    client_id: str
    client_secret: Callable[[], str]
    refresh_token: Callable[[], str]
    keep_refresh_token: Callable[[str], bool]
    alone: Callable[[], AbstractContextManager[None]] = nullcontext


def names() -> list[str]:
    """The CRMs there are."""
    return sorted(found.name for found in pkgutil.iter_modules(__path__) if not found.name.startswith("_"))


def build(name: str, settings: Mapping[str, Any], home: Path | None, remembered: Remembered) -> CRM:
    """The adapter called `name`.

    Args:
        settings: the adapter's own, by name; its file says which there are.
        home: where the admin's mapping may stand; None: only the packaged one.

    Raises:
        SetupError: there is no such CRM, or its mapping is not valid.
    """
    if name not in names():
        raise SetupError(f"there is no CRM called {name!r}", hint=f"known: {', '.join(names())}")
    crm: CRM = importlib.import_module(f"{__name__}.{name}").build(settings, home, remembered)
    return crm
