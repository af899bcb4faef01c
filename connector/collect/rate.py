"""So many requests a second of one sender, and a few at once (token buckets)."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

SENDERS = 10_000
"""How many are remembered; whoever was longest silent is forgotten first, and may begin anew."""


class Buckets:
    """One bucket a sender.

    Args:
        per_second: how fast a bucket fills; it holds what comes in within a second, and at least one.
        clock: seconds that only grow.
    """

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = per_second
        self._most = max(1.0, per_second)
        self._clock = clock
        self._senders: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, sender: str) -> float:
        """Take one; seconds until there is one again, where there was none: 0 lets in."""
        now = self._clock()
        left, at = self._senders.pop(sender, (self._most, now))
        left = min(self._most, left + (now - at) * self._rate)
        short = max(0.0, 1 - left)
        self._senders[sender] = (left if short else left - 1, now)
        while len(self._senders) > SENDERS:
            self._senders.popitem(last=False)
        return short / self._rate


class RateLimit:
    """ASGI middleware: 429 with Retry-After. Strangers at the pixel use up nothing of those who sign, from wherever."""

    def __init__(self, app: ASGIApp, buckets: Buckets) -> None:
        self._app = app
        self._buckets = buckets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        wait = self._buckets.wait(_sender(scope)) if scope["type"] == "http" else 0
        app = _too_many(wait) if wait else self._app
        await app(scope, receive, send)


def _sender(scope: Scope) -> str:
    signed = scope["path"].startswith(("/v1/", "/webhooks/"))
    return f"{(scope.get('client') or ('',))[0]} {signed}"


def _too_many(wait: float) -> JSONResponse:
    headers = {"Retry-After": str(math.ceil(wait))}
    return JSONResponse({"error": "too many requests; wait, then send this again"}, 429, headers)
