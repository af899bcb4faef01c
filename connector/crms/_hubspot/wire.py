"""One request to HubSpot and its answer: the pool of connections, timeouts, gzip. Knows no token, limit or retry."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import urllib3

from connector import turn
from connector.addresses import keeps_secrets
from connector.crms._hubspot.answers import Answer
from connector.crms._hubspot.paths import anonymous, bucket, reads
from connector.crms._hubspot.settings import HubSpotSettings
from connector.errors import SetupError
from connector.limits import Again, Clock

FORM = "application/x-www-form-urlencoded"

logging.getLogger("hubspot").setLevel(logging.CRITICAL)  # it would log bodies


class NoAnswer(Again):
    """Nobody answered at `hubspot.base_url`."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request on its way. `target` is the path with its query, or a whole address elsewhere."""

    method: str
    path: str
    target: str
    content: bytes | None = None
    content_type: str = "application/json"

    @property
    def operation(self) -> str:
        """What it does, for logs and messages: no ids, no names."""
        return f"{self.method} {self.route}"

    @property
    def route(self) -> str:
        """Its path without ids and names."""
        return anonymous(self.path)

    @property
    def reads(self) -> bool:
        """Whether it changes nothing."""
        return reads(self.method, self.path)

    @property
    def bucket(self) -> str:
        """The limit that it counts against."""
        return bucket(self.path)


def call(
    method: str,
    path: str,
    query: Sequence[tuple[str, Any]] | None = None,
    body: Any = None,
    form: Sequence[tuple[str, Any]] | None = None,
) -> Call:
    """A call with a JSON body, with a form, or with neither."""
    target = f"{path}?{urlencode(query)}" if query else path
    if form:
        return Call(method=method, path=path, target=target, content=urlencode(form).encode(), content_type=FORM)
    content = None if body is None else json.dumps(body, separators=(",", ":")).encode()
    return Call(method=method, path=path, target=target, content=content)


class Wire:
    """Sends calls to one address. May be used from several threads."""

    def __init__(self, settings: HubSpotSettings, clock: Clock) -> None:
        if not keeps_secrets(settings.base_url):
            raise SetupError("hubspot.base_url must begin with https://", hint="edit lamplighter.yaml")
        self._base = settings.base_url.rstrip("/")
        self._clock = clock
        timeout = urllib3.Timeout(connect=settings.timeout_seconds / 3, read=settings.timeout_seconds)
        self._pool = urllib3.PoolManager(maxsize=4, timeout=timeout, retries=False)

    def send(self, call: Call, token: str = "") -> Answer:
        """Send it, with `token` where there is one. Raises Again where no answer, or half an answer, came; EndPass."""
        turn.check()
        sent = self._clock.monotonic()
        url = self._base + call.target if call.target.startswith("/") else call.target
        try:
            response = self._pool.request(
                call.method, url, body=call.content, headers=_headers(call, token), redirect=False
            )
        except urllib3.exceptions.LocationValueError:
            raise SetupError("hubspot.base_url is no URL", hint="edit lamplighter.yaml") from None
        except urllib3.exceptions.HTTPError as error:
            raise NoAnswer(f"no answer from HubSpot ({type(error).__name__})") from None
        received = self._clock.monotonic()
        return Answer(
            status=response.status, body=_parsed(response), headers=response.headers, sent=sent, received=received
        )

    def close(self) -> None:
        """Close the connections that wait for a next call."""
        self._pool.clear()


def _headers(call: Call, token: str) -> dict[str, str]:
    headers = {"Accept-Encoding": "gzip", "User-Agent": "lamplighter"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if call.content is not None:
        headers["Content-Type"] = call.content_type
    return headers


def _parsed(response: urllib3.BaseHTTPResponse) -> dict[str, Any]:
    """The JSON object of a response. Raises Again where a good answer holds none; of a bad one it does not matter."""
    try:
        found = json.loads(response.data) if response.data else {}
    except ValueError:
        found = None
    if isinstance(found, dict) and _readable(found):
        return found
    if response.status < 300:
        raise Again("HubSpot answered with something that is not a JSON object")
    return {}


def _readable(body: dict[str, Any]) -> bool:
    """Whether rows and the way to the next page, where an answer has them, are what their readers take them for."""
    rows, paging = body.get("results"), body.get("paging")
    listed = rows is None or (isinstance(rows, list) and all(isinstance(row, dict) for row in rows))
    return listed and (paging is None or isinstance(paging, dict))
