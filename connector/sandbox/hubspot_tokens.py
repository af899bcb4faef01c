"""Who may come in: access tokens with what they may do, and the codes and refresh tokens that lead to them.

Kept in memory only: a sandbox that is started again asks for a new authorisation, as after an uninstallation.
"""

import secrets
from dataclasses import dataclass, field
from typing import TypeVar

CODE, REFRESH = "sandbox-code", "sandbox-refresh"
"""A code and a refresh token that work from the start and are never used up, for tests that skip the browser."""
CODE_LIFE = 60_000
"""Milliseconds until an authorization code must have been exchanged."""

Scopes = frozenset[str]
Thing = TypeVar("Thing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """An access token. `scopes` None: all that the account grants. `app`: it acts for the app, for no account."""

    ends: int
    client: str = ""
    scopes: Scopes | None = None
    app: bool = False
    refresh: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a person agreed to. An empty `client` or `redirect_uri` fits any; `ends` None: it is not used up."""

    client: str = ""
    redirect_uri: str = ""
    scopes: Scopes | None = None
    ends: int | None = None


@dataclass
class Tokens:
    """All that were given out. Revoked access tokens are forgotten, expired ones are not."""

    access: dict[str, Token] = field(default_factory=dict)
    refresh: dict[str, Grant] = field(default_factory=lambda: {REFRESH: Grant()})
    codes: dict[str, Grant] = field(default_factory=lambda: {CODE: Grant()})

    def code(self, grant: Grant) -> str:
        """A new authorization code."""
        return _kept(self.codes, "sandbox-code", grant)

    def take_code(self, text: str) -> Grant | None:
        """What the code stands for; it works once."""
        found = self.codes.get(text)
        return self.codes.pop(text) if found and found.ends is not None else found

    def refreshing(self, grant: Grant) -> str:
        """A new refresh token."""
        return _kept(self.refresh, "sandbox-refresh", grant)

    def give(self, token: Token) -> str:
        """A new access token."""
        return _kept(self.access, "sandbox-access", token)

    def revoke(self, text: str) -> None:
        """Forget a refresh token and every access token it led to; or one access token."""
        self.refresh.pop(text, None)
        self.access = {name: one for name, one in self.access.items() if text not in (name, one.refresh)}

    def revoke_all(self) -> None:
        """The app was uninstalled: nothing of any person's consent is left."""
        self.refresh.clear()
        self.codes.clear()
        self.access = {name: one for name, one in self.access.items() if one.app}


def _kept(shelf: dict[str, Thing], prefix: str, thing: Thing) -> str:
    text = f"{prefix}-{secrets.token_hex(16)}"
    shelf[text] = thing
    return text
