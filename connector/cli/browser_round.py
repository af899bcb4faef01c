"""An admin's way through the browser: to a CRM's page on which they agree, and back to this machine with a code."""

import os
import secrets
import sys
import webbrowser
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from connector.cli.loopback import Loopback
from connector.errors import SetupError

PORT = 8976
WAIT = 300.0
"""Seconds that the admin has to agree."""


@dataclass(frozen=True, kw_only=True)
class Round:
    """Whose page it is, and what to say where it ends badly.

    Attributes:
        system: the CRM, as people write it.
        registered: where in the CRM the app's redirect URL is set.
        again: the command that starts the round.
        who: who can agree.
        fixes: what the CRM may send back under `error` -> what to do about it.
        browser: open the page for the admin.
        wait: seconds.
    """

    system: str
    registered: str
    again: str
    who: str
    fixes: Mapping[str, str] = field(default_factory=dict)
    browser: bool = True
    wait: float = WAIT

    def code(self, loopback: Loopback, page: Callable[[str], str], tell: Callable[[str], None]) -> str:
        """The code that the CRM sends back once the admin has agreed.

        Args:
            page: the address of the CRM's page, given the state that must come back.

        Raises:
            SetupError: nobody agreed in time, or the answer is none of ours.
        """
        state = secrets.token_urlsafe(24)
        address = page(state)
        tell(f"The app's redirect URL must be {loopback.redirect_uri} ({self.registered}).")
        tell(f"Open this page, {self.who}, and agree:\n\n{address}\n")
        if self.browser and desktop():
            webbrowser.open(address)
        brought = loopback.visit(self.wait)
        if brought is None:
            raise SetupError(
                f"nobody came back from {self.system} within {self.wait:,.0f} seconds; nothing was changed",
                hint=f"does the page complain? Add {loopback.redirect_uri} and the scopes to the app, "
                f"then {self.again}",
            )
        return self._code(brought, state)

    def _code(self, brought: Mapping[str, str], state: str) -> str:
        if not secrets.compare_digest(brought.get("state", "").encode(), state.encode()):
            raise SetupError(
                "the browser came back from another attempt than this one (its state differs); nothing was changed",
                hint=f"close old windows of {self.system}'s page, then {self.again}",
            )
        named = brought.get("error", "")
        if named == "access_denied":
            raise SetupError(
                f"the answer on {self.system}'s page was no; nothing was changed",
                hint=f"{self.who}, and agree: {self.again} --no-browser prints the page to send to them",
            )
        if not (code := brought.get("code", "")):
            what = f"{self.system} sent no code back{f': {named}' if named.isidentifier() else ''}"
            raise SetupError(what, hint=self.fixes.get(named, self.again))
        return code


def desktop() -> bool:
    """Whether there is a screen: elsewhere a browser of text would take over the terminal."""
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
