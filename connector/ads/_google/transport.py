"""Every call to the Data Manager API: a token, the rate of the Cloud project, retries, Google's own clock."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from connector.ads._google.answers import Refused, judged
from connector.ads._google.settings import GoogleSettings
from connector.ads._google.tokens import Tokens
from connector.ads._http import Answer, Http
from connector.limits import Again, Rate
from connector.server_clock import ServerClock

SYSTEM = "Google"


class Transport:
    """All calls for one account. Every one may be repeated: what it does twice is the same as once."""

    def __init__(self, settings: GoogleSettings) -> None:
        self.settings = settings
        self.clock = settings.clock
        self.http = Http(
            SYSTEM,
            "ads.google",
            settings.base_url,
            timeout_seconds=settings.timeout_seconds,
            retry=settings.retry,
            clock=settings.clock,
            on_repeat=settings.on_repeat,
        )
        self.server = ServerClock(settings.clock)
        self.tokens = Tokens(settings, self.http, self.server.heard)
        self._rate = Rate(settings.calls_per_minute, 60.0, settings.clock)
        login = settings.login_account
        self._login = {"login-account": f"accountTypes/GOOGLE_ADS/accounts/{login}"} if login else {}

    def call(
        self, operation: str, method: str, target: str, body: Mapping[str, Any] | None = None, *, reads: bool = False
    ) -> Mapping[str, Any]:
        """One call, repeated as far as that makes sense.

        Args:
            operation: what it does, for messages: no ids, no names.

        Raises:
            Refused: Google said no.
            RetryLater: it said not now, too often.
        """
        content = None if body is None else json.dumps(body, separators=(",", ":")).encode()
        return self.http.repeated(operation, lambda: self._once(operation, method, target, content, reads))

    def accepted(self, operation: str, target: str, body: Mapping[str, Any]) -> str:
        """Hand in a batch; returns the request id under which Google works it through. Raises as `call` does."""
        content = json.dumps(body, separators=(",", ":")).encode()
        return self.http.repeated(operation, lambda: _request_id(self._once(operation, "POST", target, content, False)))

    def _once(self, operation: str, method: str, target: str, content: bytes | None, reads: bool) -> Mapping[str, Any]:
        token = self.tokens.token()
        answer = self._send(method, target, content, reads, token)
        if answer.status == 401:
            answer = self._send(method, target, content, reads, self.tokens.renewed(token))
        if answer.status == 429:
            self._rate.pushed_back()
        return judged(answer, operation, self.clock.now())

    def _send(self, method: str, target: str, content: bytes | None, reads: bool, token: str) -> Answer:
        self._rate.take()
        headers = {"Authorization": f"Bearer {token}", **self._login}
        if content is not None:
            headers["Content-Type"] = "application/json"
        answer = self.http.send(method, target, content=content, headers=headers, reads=reads)
        self.server.heard(answer)
        return answer

    def moment(self) -> datetime:
        """A moment by Google's clock that is after everything said so far, and before everything said from now on.

        Google tells whole seconds; what was said just before must be older than what is uncertain, so this waits.
        """
        self.http.repeated("get a token", self.tokens.token)  # its answer tells the time
        at = self.clock.monotonic()
        self.clock.sleep((self.server.latest(at) - self.server.earliest(at)).total_seconds())
        return self.server.now()


def _request_id(body: Mapping[str, Any]) -> str:
    """The id in an answer. One that has none accounts for nothing: nothing is known to have been taken."""
    if found := body.get("requestId"):
        return str(found)
    raise Again("Google answered without saying what it took")


__all__ = ["SYSTEM", "Refused", "Transport"]
