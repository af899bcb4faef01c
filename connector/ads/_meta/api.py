"""Every call to one ad account: a token and its proof, dated paths, limits, retries."""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar
from urllib.parse import urlencode

from connector.ads._http import Http
from connector.ads._meta.answers import TOKEN_FIX, judged
from connector.ads._meta.settings import MetaSettings
from connector.ads._meta.usage import Reserve
from connector.errors import RetryLater, SetupError
from connector.limits import Clock

T = TypeVar("T")
Body = dict[str, Any]

SYSTEM = "Meta"
PAGE = 100
"""Audiences to a page; Meta recommends 20, which an account with 500 would pay with 25 calls."""
PAGES = 200
"""More than an account can fill: whoever pages on is led in a circle."""


class Api:
    """The Graph API of one account. May be used from several threads."""

    def __init__(self, settings: MetaSettings, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        self.http = Http(
            SYSTEM,
            "ads.meta",
            settings.base_url,
            timeout_seconds=settings.timeout_seconds,
            retry=settings.retry,
            clock=clock,
            on_repeat=settings.on_repeat,
        )
        self._reserve = Reserve(settings.reserve_percent, clock)

    def call(self, method: str, path: str, what: str, params: Mapping[str, Any] | None = None) -> Body:
        """One call, repeated as far as that makes sense. Only for what leaves the same state when it is done twice.

        Args:
            path: after the version. params: go in the body, in the address of a GET.
            what: the call in words, for messages.

        Raises:
            Refused: Meta said no. RetryLater: not now, too often. SetupError: no usable token.
        """
        return self.repeated(what, lambda: self.once(method, path, what, params))

    def repeated(self, what: str, once: Callable[[], T]) -> T:
        """`once()`, repeated while it raises Again."""
        return self.http.repeated(what, once)

    def once(self, method: str, path: str, what: str, params: Mapping[str, Any] | None = None) -> Body:
        """One request. Raises Again where it may work later."""
        self._reserve.before()
        token = self._token()
        told = {**(params or {}), **self._proof(token)}
        target, content = f"/{self.settings.version}/{path}", None
        headers = {"Authorization": f"Bearer {token}"}
        if method == "GET":
            target += f"?{urlencode(told)}" if told else ""
        else:
            content, headers["Content-Type"] = _form(told) if method == "DELETE" else _json(told)
        answer = self.http.send(method, target, content=content, headers=headers, reads=method == "GET")
        self._reserve.heard(answer.headers)
        return judged(answer, what, self.clock.now())

    def _token(self) -> str:
        token = self.settings.token()
        if token and token.isascii() and token.isprintable() and " " not in token:
            return token
        raise SetupError("this is no token of Meta", hint=TOKEN_FIX)

    def _proof(self, token: str) -> dict[str, str]:
        if self.settings.app_secret is None:
            return {}
        secret = self.settings.app_secret().encode()
        return {"appsecret_proof": hmac.new(secret, token.encode(), hashlib.sha256).hexdigest()}

    def pages(self, path: str, what: str, fields: str) -> Iterator[Body]:
        """Everything in a list, page by page; the addresses of next pages hold the token and are not used."""
        told: dict[str, Any] = {"fields": fields, "limit": PAGE}
        for _ in range(PAGES):
            body = self.call("GET", path, what, told)
            yield from rows(body, what)
            paging = body.get("paging") or {}
            after = (paging.get("cursors") or {}).get("after")
            if not (after and paging.get("next")):
                return
            told["after"] = after
        raise RetryLater(f"Meta's {what} does not end; what is done is kept", hint="lamplighter run, later")


def rows(body: Body, what: str) -> list[Body]:
    """What a list holds. Raises RetryLater where the answer holds none, or rows that are none."""
    data = body.get("data")
    if isinstance(data, list) and all(isinstance(row, Mapping) for row in data):
        return data
    raise RetryLater(f"Meta answered {what} with nothing; what is done is kept", hint="lamplighter run, later")


def _json(told: Mapping[str, Any]) -> tuple[bytes, str]:
    return json.dumps(told, separators=(",", ":")).encode(), "application/json"


def _form(told: Mapping[str, Any]) -> tuple[bytes, str]:
    """What is deleted is documented to travel so, its parts as JSON."""
    parts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in told.items()}
    return urlencode(parts).encode(), "application/x-www-form-urlencoded"
