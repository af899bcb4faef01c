"""Every call to one org: a token per request, timeouts, retries of what may be repeated, the counting of calls.

simple-salesforce says where the org's resources are; it has no timeout, repeats nothing, forgets headers when it renews
a session, and tells usage of some calls only. All that is done here.
"""

import re
import threading
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import requests
from simple_salesforce.api import Salesforce

from connector import tracing
from connector.crms import OAuthClient, Remembered
from connector.crms._salesforce.answers import CONNECT, EXPIRED, FULL_SECONDS, Answer, codes, judged
from connector.crms._salesforce.oauth import Endpoint, by_assertion, by_client_credentials, by_refresh_token
from connector.crms._salesforce.settings import ClientCredentials, SalesforceSettings
from connector.crms._salesforce.tokens import GivenToken, Sessions, Tokens
from connector.crms._salesforce.wire import Wire, read
from connector.errors import SetupError
from connector.limits import Again, Clock, DailyBudget, Repeat, Retrying
from connector.model import Calls, DailyQuota

T = TypeVar("T")

SYSTEM = "Salesforce"
USAGE = re.compile(r"api-usage=(\d+)/(\d+)")
OLDEST = 41.0
"""API versions below this one are retired, or about to be (Salesforce, API end of life)."""
_ID = re.compile(r"(?<=/)[0-9a-zA-Z]{15}(?:[0-9a-zA-Z]{3})?(?=/|$)|(?<=query/)[^/]+-\d+$|(?<=__c/).+")


class Transport:
    """All calls to one org. May be used from several threads.

    Attributes:
        calls: counted as they leave; those to the token endpoint cost none of the org's calls and are not counted.
        budget: the org's daily calls.
        tokens: where access tokens come from.
    """

    def __init__(self, settings: SalesforceSettings, clock: Clock, remembered: Remembered) -> None:
        self.calls = Calls()
        self.clock = clock
        self.settings = settings
        self.remembered = remembered
        self.budget = DailyBudget(SYSTEM, settings.reserve_percent, clock, self._some_come_back)
        self._lock = threading.Lock()
        self._ahead = timedelta()
        self._sf = _library(settings)
        self.tokens = self._tokens()
        self._retrying = Retrying(system=SYSTEM, policy=settings.retry, clock=clock, on_repeat=self._repeated)

    def close(self) -> None:
        """Close the connections that wait for a next call."""
        self._sf.session.close()

    def _tokens(self) -> Tokens:
        settings, clock = self.settings, self.clock
        endpoint, app = Endpoint(self._sf.session, settings.instance_url, clock), settings.oauth
        if isinstance(app, ClientCredentials):
            return Sessions("OAuth, client credentials", by_client_credentials(endpoint, app), clock)
        if isinstance(app, OAuthClient):
            return Sessions("OAuth, refresh token", by_refresh_token(endpoint, app), clock)
        if app is not None:
            return Sessions("OAuth, JWT", by_assertion(endpoint, app, settings.instance_url, clock), clock)
        if settings.token is not None:
            return GivenToken(settings.token)
        raise SetupError("Salesforce is not connected", hint=CONNECT)

    def token(self) -> str:
        """The access token of this moment, asked for as often as makes sense. Raises RetryLater, SetupError."""
        return self._retrying.call("POST an OAuth token", self.tokens.token)

    def request(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        content: str | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        ok: Collection[int] = (),
        repeatable: bool | None = None,
    ) -> Answer:
        """One call, repeated as far as that makes sense.

        Args:
            path: after `/services/data/vXX.X/`; one that begins with `/` is the whole path.
            body: sent as JSON. content: sent as it is.
            ok: statuses besides 2xx that are answers and no errors.
            repeatable: whether doing it twice leaves the same state. None: unless it is a POST.

        Raises:
            Refused: Salesforce said no.
            RetryLater: it said not now, too often; or the outcome of a call that may not be repeated is unknown.
        """
        again = method != "POST" if repeatable is None else repeatable
        retrying = self._retrying if again else replace(self._retrying, policy=replace(self.settings.retry, attempts=1))
        sent = {"json": body, "data": content.encode() if isinstance(content, str) else content, "params": params}
        named = f"{method} {_anonymous(path)}"
        return retrying.call(named, lambda: self._once(method, path, sent, headers or {}, named, ok))

    def repeated(self, operation: str, once: Callable[[], T]) -> T:
        """`once()`, repeated like a call while it raises Again: for work that takes several calls a time."""
        return self._retrying.call(operation, once)

    def _once(
        self,
        method: str,
        path: str,
        sent: Mapping[str, Any],
        headers: Mapping[str, str],
        named: str,
        ok: Collection[int],
    ) -> Answer:
        token = self.tokens.token()
        answer = self._send(method, path, sent, headers, token)
        expired = answer.status == 401 or EXPIRED in codes(answer.body)
        if expired and (other := self.tokens.renewed(token)):
            answer = self._send(method, path, sent, headers, other)
        return judged(answer, named, ok, self.clock.now())

    def _send(self, method: str, path: str, sent: Mapping[str, Any], headers: Mapping[str, str], token: str) -> Answer:
        """One request, counted. Every one that leaves for the API comes through here."""
        self.budget.spend()
        self._count(method, path)
        authorised = {"Authorization": f"Bearer {token}", **headers}
        with tracing.call(SYSTEM, method, _anonymous(path)) as note:
            try:
                answer = read(self._sf.session.request(method, self._url(path), headers=authorised, **sent))
            except requests.RequestException as error:
                raise Again(f"no answer from Salesforce ({type(error).__name__})") from None
            note(status=answer.status)
        self._hear(answer)
        return answer

    def _url(self, path: str) -> str:
        return f"https://{self._sf.sf_instance}{path}" if path.startswith("/") else self._sf.base_url + path

    def _count(self, method: str, path: str) -> None:
        with self._lock:
            reads = method == "GET" or path in ("jobs/query",)
            self.calls.made += 1
            self.calls.reads += reads
            self.calls.writes += not reads

    def as_reads(self, count: int = 1) -> None:
        """Calls that went out by POST, and only read."""
        with self._lock:
            self.calls.reads += count
            self.calls.writes -= count

    def now(self) -> datetime:
        """Salesforce's time, by the `Date` of its last answer: ours may be wrong. Ours, until it said something."""
        return self.clock.now() + self._ahead

    def _hear(self, answer: Answer) -> None:
        with suppress(KeyError, ValueError, TypeError):
            self._ahead = parsedate_to_datetime(answer.headers["Date"]).astimezone(UTC) - self.clock.now()
            self.calls.clock_ahead = -self._ahead
        told = USAGE.search(answer.headers.get("Sforce-Limit-Info") or "")
        with self._lock:
            if told:
                used, limit = int(told[1]), int(told[2])
                self.budget.heard(limit, max(0, limit - used))
            self.calls.answered(answer.status)
            self.calls.budget_left = self.budget.left

    def _some_come_back(self) -> datetime:
        """The org counts the last 24 hours: in an hour there are a few calls again."""
        return self.clock.now() + timedelta(seconds=FULL_SECONDS)

    def quota(self) -> DailyQuota | None:
        """The daily calls as far as Salesforce told them."""
        budget = self.budget
        if budget.limit is None or budget.left is None:
            return None
        ours_a_day = int(budget.limit - budget.reserve)
        return DailyQuota(limit=budget.limit, left=budget.left, spare=budget.spare or 0, ours=ours_a_day)

    def _repeated(self, repeat: Repeat) -> None:
        with self._lock:
            self.calls.retried += 1
        self.settings.on_repeat(repeat)


def _library(settings: SalesforceSettings) -> Salesforce:
    """The library's object, which never logs in: tokens are ours."""
    number = settings.version.removeprefix("v")
    if not number.replace(".", "", 1).isdecimal() or float(number) < OLDEST:
        hint = f"set salesforce.version in lamplighter.yaml to 66.0 or later; {OLDEST:.1f} is the oldest"
        raise SetupError(f"Salesforce does not serve API version {number[:10]}", hint=hint)
    wire = Wire(settings.instance_url, settings.timeout_seconds)
    return Salesforce(session_id="-", instance_url=settings.instance_url, version=number, session=wire)


def _anonymous(path: str) -> str:
    """A path without ids and values, for messages."""
    return _ID.sub("{id}", path.partition("?")[0])
