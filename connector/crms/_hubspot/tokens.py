"""The access token of each request: a static one from the settings, or short-lived ones by OAuth."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from connector.errors import SetupError
from connector.limits import Clock

CONNECT, CONNECT_OAUTH = "lamplighter connect hubspot", "lamplighter connect hubspot --oauth"
MARGIN = 120.0
"""Seconds before its end at which a short-lived token is no longer used: a call may take long."""


@dataclass(frozen=True, kw_only=True)
class Granted:
    """What the token endpoint gave. Secrets do not show.

    Attributes:
        expires_in: seconds.
        refresh_token: empty for a grant that has none.
        scopes: what the token may do; None where HubSpot did not tell.
        hub_id: the account's number, as text; empty where it did not tell.
    """

    access_token: str = field(repr=False)
    expires_in: float
    refresh_token: str = field(default="", repr=False)
    scopes: frozenset[str] | None = None
    hub_id: str = ""


class Tokens(Protocol):
    """Where access tokens come from.

    Attributes:
        kind: in words for the admin.
        connect: the command that makes a new authorisation.
        tells_usage: whether HubSpot tells the daily quota of such a token (of apps authorised by OAuth it does not).
        granted: what the token endpoint gave last; None where it gave nothing yet, or is not asked at all.
    """

    kind: str
    connect: str
    tells_usage: bool
    granted: Granted | None

    def token(self) -> str:
        """The token of this moment. Raises SetupError where there is none."""
        ...

    def renewed(self, refused: str) -> str | None:
        """Another token than the one that was refused, or None."""
        ...


class StaticToken:
    """A service key, or the static token of a project app. Asked for before each request: it may be rotated.

    Args:
        ask: gives the token; may raise SetupError.
    """

    kind = "a service key or an app's static token"
    connect = CONNECT
    tells_usage = True
    granted: Granted | None = None

    def __init__(self, ask: Callable[[], str]) -> None:
        self._ask = ask

    def token(self) -> str:
        """The token. Raises SetupError for text that cannot be one."""
        token = self._ask()
        if not possible(token):
            raise SetupError("the HubSpot token holds characters that no token has", hint=CONNECT)
        return token

    def renewed(self, refused: str) -> str | None:
        """The token, where it was rotated since."""
        token = self.token()
        return token if token != refused else None


def possible(token: str) -> bool:
    """Whether this text can be a token."""
    return bool(token) and token.isascii() and token.isprintable() and " " not in token


class ShortLived:
    """Access tokens that end: one is used until shortly before its end, then one caller gets the next for all.

    Args:
        grant: asks the token endpoint; may raise Again or SetupError.
    """

    kind = "OAuth"
    connect = CONNECT_OAUTH
    tells_usage = False

    def __init__(self, grant: Callable[[], Granted], clock: Clock) -> None:
        self._grant = grant
        self._clock = clock
        self._lock = threading.Lock()
        self._ends = 0.0
        self.granted: Granted | None = None

    def token(self) -> str:
        """The access token of this moment."""
        with self._lock:
            if self.granted is not None and self._clock.monotonic() < self._ends:
                return self.granted.access_token
            return self._next()

    def renewed(self, refused: str) -> str | None:
        """A new one, unless somebody else has just got it."""
        with self._lock:
            if self.granted is not None and self.granted.access_token != refused:
                return self.granted.access_token
            return self._next()

    def _next(self) -> str:
        granted = self._grant()
        self._ends = self._clock.monotonic() + granted.expires_in - min(MARGIN, granted.expires_in / 2)
        self.granted = granted
        return granted.access_token
