"""The access token of each request: a given one, or sessions that one caller gets anew for all."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from connector.crms._salesforce.answers import CONNECT
from connector.errors import SetupError
from connector.limits import Clock

LIFE_SECONDS = 1_800.0
"""After so long a session is replaced before it ends: Salesforce does not say when it will (two hours, or as little as
fifteen minutes, of which an unused session lives that long)."""


@dataclass(frozen=True, kw_only=True)
class Granted:
    """What the token endpoint gave. Secrets do not show.

    Attributes:
        refresh_token: empty for a flow that has none.
        instance_url: where Salesforce says the org is.
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(default="", repr=False)
    instance_url: str = ""


class Tokens(Protocol):
    """Where access tokens come from. `kind` says it in words for the admin."""

    kind: str

    def token(self) -> str:
        """The token of this moment. Raises SetupError where there is none."""
        ...

    def renewed(self, refused: str) -> str | None:
        """Another token than the one that was refused, or None."""
        ...


class GivenToken:
    """An access token from elsewhere. Asked for before each request: it may be replaced.

    Args:
        ask: gives the token; may raise SetupError.
    """

    kind = "an access token"

    def __init__(self, ask: Callable[[], str]) -> None:
        self._ask = ask

    def token(self) -> str:
        """The token. Raises SetupError for text that cannot be one."""
        token = self._ask()
        if not possible(token):
            raise SetupError("the Salesforce token holds characters that no token has", hint=CONNECT)
        return token

    def renewed(self, refused: str) -> str | None:
        """The token, where it was replaced since."""
        token = self.token()
        return token if token != refused else None


def possible(token: str) -> bool:
    """Whether this text can be a token."""
    return bool(token) and token.isascii() and token.isprintable() and " " not in token


class Sessions:
    """Sessions by OAuth: one is used for half an hour, or until it is refused; then one caller gets the next for all.

    Args:
        grant: asks the token endpoint; may raise Again or SetupError.
    """

    def __init__(self, kind: str, grant: Callable[[], Granted], clock: Clock) -> None:
        self.kind = kind
        self.granted: Granted | None = None
        self._grant = grant
        self._clock = clock
        self._lock = threading.Lock()
        self._ends = 0.0

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
        self.granted = self._grant()
        self._ends = self._clock.monotonic() + LIFE_SECONDS
        return self.granted.access_token
