"""Who may come in: sessions that end, refresh tokens that are used once, and the codes that lead to both.

Kept in memory only: a sandbox that is started again asks everybody to log in again.
"""

import secrets
from dataclasses import dataclass, field
from itertools import count

from connector.sandbox.salesforce_org import Org, User

CODE_LIFE = 15 * 60_000
"""Milliseconds until an authorization code must have been exchanged (source: "OAuth 2.0 Web Server Flow")."""
MOST_GRANTS = 5
"""Approvals of one app by one user; a further one ends the oldest (source: "Manage OAuth-Enabled Connected Apps")."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What was agreed to: an app may act as a user. Whatever comes of one grant has its number."""

    number: int
    user: User
    scope: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """A session. `ends` and `began` are milliseconds of the sandbox clock."""

    grant: Grant
    began: int
    ends: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """What an authorization code stands for. `challenge` is empty where the app did not use PKCE."""

    grant: Grant
    redirect_uri: str
    challenge: str
    ends: int


@dataclass
class Tokens:
    """All that were given out. `used` are refresh tokens that were exchanged for newer ones."""

    org: Org
    access: dict[str, Access] = field(default_factory=dict)
    refresh: dict[str, Grant] = field(default_factory=dict)
    used: dict[str, int] = field(default_factory=dict)
    codes: dict[str, Code] = field(default_factory=dict)
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    def grant(self, user: User, scope: str) -> Grant:
        """Note a new agreement."""
        return Grant(number=next(self._numbers), user=user, scope=scope)

    def give_access(self, grant: Grant) -> str:
        """A new session. Its text begins with the id of the org, as clients expect."""
        began = self.org.clock.milliseconds()
        text = f"{self.org.id[:15]}!AQ{secrets.token_hex(40)}"
        self.access[text] = Access(grant=grant, began=began, ends=began + self.life())
        return text

    def life(self) -> int:
        """Milliseconds that a session lasts."""
        return round(self.org.settings.session_minutes * 60_000)

    def give_refresh(self, grant: Grant) -> str:
        """A new refresh token; the user's oldest approval ends where it is one too many."""
        standing = sorted({one.number for one in self.refresh.values() if one.user == grant.user} - {grant.number})
        if len(standing) >= MOST_GRANTS:
            self.end(standing[0])
        text = f"5Aep861{secrets.token_hex(32)}"
        self.refresh[text] = grant
        return text

    def rotate(self, text: str) -> str:
        """A new refresh token in place of this one."""
        grant = self.refresh.pop(text)
        self.used[text] = grant.number
        return self.give_refresh(grant)

    def give_code(self, grant: Grant, redirect_uri: str, challenge: str) -> str:
        """A new authorization code."""
        text = f"aPrx{secrets.token_hex(24)}"
        ends = self.org.clock.milliseconds() + CODE_LIFE
        self.codes[text] = Code(grant=grant, redirect_uri=redirect_uri, challenge=challenge, ends=ends)
        return text

    def take_code(self, text: str) -> Code | None:
        """What a code stands for; it works once."""
        return self.codes.pop(text, None)

    def user(self, text: str) -> User | None:
        """Whose session this is, if it still lasts. The token of the settings never ends."""
        if text and text == self.org.settings.token:
            return self.org.integration
        found = self.access.get(text)
        return found.grant.user if found and found.ends > self.org.clock.milliseconds() else None

    def revoke(self, text: str) -> bool:
        """End one session; or with a refresh token, everything that came of its grant. False for an unknown one."""
        if text in self.refresh:
            self.end(self.refresh[text].number)
            return True
        return self.access.pop(text, None) is not None

    def end(self, number: int) -> None:
        """Revoke everything that came of one grant."""
        self.refresh = {text: one for text, one in self.refresh.items() if one.number != number}
        self.access = {text: one for text, one in self.access.items() if one.grant.number != number}

    def end_sessions(self) -> int:
        """Log everybody out at once; refresh tokens stay good, and so does the token of the settings."""
        ended = len(self.access)
        self.access.clear()
        return ended
