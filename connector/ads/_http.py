"""One request to an ad platform and its answer: connections, timeouts, JSON, counted calls. Knows no platform."""

import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import urllib3

from connector import tracing, turn
from connector.addresses import keeps_secrets
from connector.errors import SetupError
from connector.limits import Again, Clock, Repeat, Retry, Retrying
from connector.model import Calls

T = TypeVar("T")

_ID = re.compile(r"(?<=/)(?:act_)?\d+(?=[/:]|$)")
"""Of an account, a list or a data set, in a path."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A response. `body` is its JSON, None where it holds none; `sent` and `received` are our monotonic times."""

    status: int
    body: Any
    headers: Mapping[str, str]
    sent: float
    received: float


class Http:
    """Calls to one platform. May be used from several threads.

    Args:
        system: the platform's name, in words for the admin.
        setting: the section of the settings that holds `base_url`, for messages (`ads.google`).

    Attributes:
        calls: counted as they leave.

    Raises:
        SetupError: plain http to another machine.
    """

    def __init__(
        self,
        system: str,
        setting: str,
        base_url: str,
        *,
        timeout_seconds: float,
        retry: Retry,
        clock: Clock,
        on_repeat: Callable[[Repeat], None] = lambda repeat: None,
    ) -> None:
        if not keeps_secrets(base_url):
            raise SetupError(f"{setting}.base_url must begin with https://", hint="edit lamplighter.yaml")
        self.calls = Calls()
        self.clock = clock
        self._system, self._setting, self._base = system, setting, base_url.rstrip("/")
        self._told = on_repeat
        self._lock = threading.Lock()
        timeout = urllib3.Timeout(connect=timeout_seconds / 3, read=timeout_seconds)
        self._pool = urllib3.PoolManager(maxsize=4, timeout=timeout, retries=False)
        self._retrying = Retrying(system=system, policy=retry, clock=clock, on_repeat=self._repeated)

    def repeated(self, operation: str, once: Callable[[], T]) -> T:
        """`once()`, again while it raises Again. Raises RetryLater when it was often enough."""
        return self._retrying.call(operation, once)

    def send(
        self,
        method: str,
        target: str,
        *,
        content: bytes | None = None,
        headers: Mapping[str, str] = {},
        reads: bool = False,
        counted: bool = True,
    ) -> Answer:
        """One request.

        Args:
            target: path and query; or a whole address elsewhere.
            reads: whether it changes nothing.
            counted: False for calls that are none of the platform's API: those for tokens.

        Raises Again where no answer, or half an answer, came; EndPass.
        """
        turn.check()
        if counted:
            self._count(reads)
        url = self._base + target if target.startswith("/") else self._elsewhere(target)
        told = {"Accept-Encoding": "gzip", "User-Agent": "lamplighter", **headers}
        sent = self.clock.monotonic()
        with tracing.call(self._system, method, _route(target)) as note:
            response = self._answered(method, url, content, told)
            note(status=response.status)
        return self._read(response, sent)

    def _answered(
        self, method: str, url: str, content: bytes | None, headers: Mapping[str, str]
    ) -> urllib3.BaseHTTPResponse:
        try:
            return self._pool.request(method, url, body=content, headers=headers, redirect=False)
        except urllib3.exceptions.LocationValueError:
            raise SetupError(f"{self._setting}.base_url is no URL", hint="edit lamplighter.yaml") from None
        except urllib3.exceptions.HTTPError as error:
            raise Again(f"no answer from {self._system} ({type(error).__name__})") from None

    def close(self) -> None:
        """Close the connections that wait for a next call."""
        self._pool.clear()

    def _elsewhere(self, url: str) -> str:
        if not keeps_secrets(url):
            raise SetupError(f"{self._setting} names an address without encryption", hint="edit lamplighter.yaml")
        return url

    def _read(self, response: urllib3.BaseHTTPResponse, sent: float) -> Answer:
        try:
            body = json.loads(response.data) if response.data else None
        except ValueError:
            body = None
            if response.status < 300:
                raise Again(f"{self._system} answered with something that is not JSON") from None
        with self._lock:
            self.calls.answered(response.status)
        received = self.clock.monotonic()
        return Answer(status=response.status, body=body, headers=response.headers, sent=sent, received=received)

    def _count(self, reads: bool) -> None:
        with self._lock:
            self.calls.made += 1
            self.calls.reads += reads
            self.calls.writes += not reads

    def _repeated(self, repeat: Repeat) -> None:
        with self._lock:
            self.calls.retried += 1
        self._told(repeat)


def _route(target: str) -> str:
    """The path without query and ids."""
    return _ID.sub("{id}", urlsplit(target).path)
