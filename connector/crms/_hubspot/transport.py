"""HTTP under the SDK: one pool, dated paths, a token per request, limits, retries, and the counting of calls.

The SDK opens a connection per call, knows only undated paths, has no timeout and never repeats a POST. Its
`api_factory` hook lets one object own all of that.
"""

import json
import logging
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import urllib3

from connector.crms._hubspot.answers import Answer, judged
from connector.crms._hubspot.server_clock import ServerClock
from connector.crms._hubspot.settings import HubSpotSettings
from connector.errors import LamplighterError, SetupError
from connector.limits import Again, Clock, DailyBudget, Rate, Repeat, Retrying
from connector.model import Calls

SYSTEM = "HubSpot"
HEADROOM = 0.8
"""Share of the ten-second limit that we use."""

_READS = re.compile(r"/(search|batch/read|introspect)$")
_UNDATED = re.compile(r"^/crm/v\d+/(\w+)")
_PRIVATE = re.compile(r"/\d+(?=/|$)|(?<=/name)/.+")

logging.getLogger("hubspot").setLevel(logging.CRITICAL)  # it would log bodies


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request on its way. `target` is the path with its query."""

    method: str
    path: str
    target: str
    content: bytes | None = None
    content_type: str = "application/json"

    @property
    def operation(self) -> str:
        """What it does, for logs and messages: no ids, no names."""
        return f"{self.method} {_PRIVATE.sub('/…', self.path)}"

    @property
    def reads(self) -> bool:
        """Searches and batch reads are reads, although they travel as POST."""
        return self.method == "GET" or bool(_READS.search(self.path))


class Transport:
    """All calls to one HubSpot account. May be used from several threads."""

    def __init__(self, settings: HubSpotSettings, clock: Clock) -> None:
        if not settings.base_url.startswith(("https://", "http://")):
            raise SetupError("hubspot.base_url must begin with https://", hint="edit lamplighter.yaml")
        self.calls = Calls()
        self.clock = clock
        self.server = ServerClock(clock)
        self._settings = settings
        self._lock = threading.Lock()
        self._apis: dict[tuple[str, str], Any] = {}
        timeout = urllib3.Timeout(connect=settings.timeout_seconds / 3, read=settings.timeout_seconds)
        self._pool = urllib3.PoolManager(maxsize=4, timeout=timeout, retries=False)
        self._retrying = Retrying(system=SYSTEM, policy=settings.retry, clock=clock, on_repeat=self._repeated)
        self._general = Rate(settings.requests_per_10s, 10.0, clock)
        self._search = Rate(settings.searches_per_second, 1.0, clock)
        self.budget = DailyBudget(SYSTEM, settings.reserve_percent, clock, self._day_ends)

    def api_factory(self, package: Any, name: str, config: Any) -> Any:
        """The SDK's hook: its API object `name`, with our `request` under it. One per kind, kept."""
        key = (package.__name__, name)
        if key not in self._apis:
            client = package.ApiClient(package.Configuration(host=""))
            client.request = self.request
            self._apis[key] = getattr(package, name)(client)
        return self._apis[key]

    def request(
        self,
        method: str,
        url: str,
        query_params: Sequence[tuple[str, Any]] | None = None,
        body: Any = None,
        post_params: Sequence[tuple[str, Any]] | None = None,
        **_unused: Any,
    ) -> Answer:
        """One call, repeated as far as that makes sense. The SDK's signature; `url` is its path.

        Raises:
            Refused, RetryLater, SetupError: see `connector.crms._hubspot.answers`.
        """
        path = _UNDATED.sub(rf"/crm/\1/{self._settings.version}", url)
        target = f"{path}?{urlencode(query_params)}" if query_params else path
        call = Call(method=method, path=path, target=target, **_encoded(body, post_params))
        return self._retrying.call(call.operation, lambda: self._once(call))

    def _once(self, call: Call) -> Answer:
        self.budget.spend()
        (self._search if call.path.endswith("/search") else self._general).take()
        answer = self._send(call)
        self._hear(answer)
        return judged(answer, call.operation, self._day_ends_if_daily(answer))

    def _send(self, call: Call) -> Answer:
        headers = {"Authorization": f"Bearer {self.token()}", "Accept-Encoding": "gzip", "User-Agent": "lamplighter"}
        if call.content is not None:
            headers["Content-Type"] = call.content_type
        url = self._settings.base_url.rstrip("/") + call.target
        self._count(call.reads)
        sent = self.clock.monotonic()
        try:
            response = self._pool.request(call.method, url, body=call.content, headers=headers, redirect=False)
        except urllib3.exceptions.LocationValueError:
            raise SetupError("hubspot.base_url is no URL", hint="edit lamplighter.yaml") from None
        except urllib3.exceptions.HTTPError as error:
            raise Again(f"no answer from HubSpot ({type(error).__name__})") from None
        received = self.clock.monotonic()
        return Answer(
            status=response.status, body=_parsed(response), headers=response.headers, sent=sent, received=received
        )

    def token(self) -> str:
        """The access token of this moment. Raises SetupError for text that cannot be one."""
        token = self._settings.token()
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise SetupError("the HubSpot token holds characters that no token has", hint="lamplighter connect hubspot")
        return token

    def _count(self, reads: bool) -> None:
        with self._lock:
            self.calls.made += 1
            self.calls.reads += reads
            self.calls.writes += not reads

    def _hear(self, answer: Answer) -> None:
        """Learn the server's time and what is left of the limits."""
        header = answer.headers.get
        self.server.heard(answer)
        with self._lock:
            self.budget.heard(header("X-HubSpot-RateLimit-Daily"), header("X-HubSpot-RateLimit-Daily-Remaining"))
            self.calls.budget_left = self.budget.left
            most = header("X-HubSpot-RateLimit-Max") or ""
            if self._settings.requests_per_10s is None and most.isdecimal():
                self._general.calls = max(1, int(int(most) * HEADROOM))

    def _repeated(self, repeat: Repeat) -> None:
        with self._lock:
            self.calls.retried += 1
        self._settings.on_repeat(repeat)

    def _day_ends_if_daily(self, answer: Answer) -> datetime | None:
        return self._day_ends() if answer.status == 429 and answer.body.get("policyName") == "DAILY" else None

    def _day_ends(self) -> datetime:
        """The next midnight of the account's own time zone, in which HubSpot counts days; of UTC if it will not say."""
        path = f"/account-info/{self._settings.version}/details"
        try:
            answer = self._send(Call(method="GET", path=path, target=path))
            zone = timedelta(milliseconds=int(answer.body["utcOffsetMilliseconds"]))
        except (Again, LamplighterError, KeyError, TypeError, ValueError):
            zone = timedelta()
        local = self.server.now().astimezone(UTC) + zone
        return local.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1) - zone


def _encoded(body: Any, form: Sequence[tuple[str, Any]] | None) -> dict[str, Any]:
    if form:
        return {"content": urlencode(form).encode(), "content_type": "application/x-www-form-urlencoded"}
    return {"content": None if body is None else json.dumps(body, separators=(",", ":")).encode()}


def _parsed(response: urllib3.BaseHTTPResponse) -> dict[str, Any]:
    """The JSON object of a response. Raises Again where a good answer holds none; of a bad one it does not matter."""
    try:
        found = json.loads(response.data) if response.data else {}
    except ValueError:
        found = None
    if isinstance(found, dict):
        return found
    if response.status < 300:
        raise Again("HubSpot answered with something that is not a JSON object")
    return {}
