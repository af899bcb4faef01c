"""HTTP under the SDK: one pool, dated paths, a token per request, limits, retries, and the counting of calls.

The SDK opens a connection per call, knows only undated paths, has no timeout and never repeats a POST. Its
`api_factory` hook lets one object own all of that.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from connector import tracing
from connector.crms import Remembered
from connector.crms._hubspot.answers import Answer, judged
from connector.crms._hubspot.oauth import Endpoint, for_app, refreshing
from connector.crms._hubspot.paths import EXEMPT, GENERAL, SEARCH, dated
from connector.crms._hubspot.quota import SYSTEM, AccountDay, Quota
from connector.crms._hubspot.settings import HubSpotSettings
from connector.crms._hubspot.tokens import CONNECT, ShortLived, StaticToken, Tokens
from connector.crms._hubspot.wire import Call, Wire, call
from connector.errors import Failed, SetupError
from connector.limits import Again, Clock, Repeat, Retry, Retrying
from connector.model import Calls
from connector.server_clock import ServerClock


class Transport:
    """All calls to one HubSpot account. May be used from several threads.

    Attributes:
        calls: counted as they leave.
        server: HubSpot's clock.
        tokens: where access tokens come from.
        quota: what the limits leave us.
        reached: whether the last call was answered at all.
    """

    def __init__(self, settings: HubSpotSettings, clock: Clock, remembered: Remembered) -> None:
        self.calls = Calls()
        self.clock = clock
        self.server = ServerClock(clock)
        self.reached = False
        self._settings = settings
        self._lock = threading.Lock()
        self._apis: dict[tuple[str, str], Any] = {}
        self._wire = Wire(settings, clock)
        self._endpoint = Endpoint(self._send, settings.version)
        self.tokens = self._tokens()
        self.quota = Quota(settings, clock, AccountDay(self.server, remembered, self._details))
        self._asked_usage = not self.tokens.tells_usage
        self._retrying = Retrying(system=SYSTEM, policy=settings.retry, clock=clock, on_repeat=self._repeated)

    def close(self) -> None:
        """Close the connections that wait for a next call."""
        self._wire.close()

    def _tokens(self) -> Tokens:
        if self._settings.oauth is not None:
            return ShortLived(refreshing(self._endpoint, self._settings.oauth), self.clock)
        if self._settings.token is not None:
            return StaticToken(self._settings.token)
        raise SetupError("HubSpot is not connected", hint=CONNECT)

    def token(self) -> str:
        """The access token of this moment, asked for as often as makes sense. Raises RetryLater, SetupError."""
        return self._retrying.call("POST an OAuth token", self.tokens.token)

    def app_tokens(self, scope: str) -> Tokens:
        """Tokens of the app itself, for what belongs to no account. Raises SetupError for an install without OAuth."""
        if self._settings.oauth is None:
            raise SetupError(f"{scope} is for apps that were connected by OAuth", hint=f"{CONNECT} --oauth")
        return ShortLived(for_app(self._endpoint, self._settings.oauth, scope), self.clock)

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
        tokens: Tokens | None = None,
        retry: Retry | None = None,
        **_unused: Any,
    ) -> Answer:
        """One call, repeated as far as that makes sense. The SDK's signature; `url` is its path.

        Args:
            tokens: others than the account's own.
            retry: another policy than that of the settings.

        Raises:
            Refused, RetryLater, SetupError: see `connector.crms._hubspot.answers`.
        """
        wanted = call(method, dated(url, self._settings.version), query_params, body, post_params)
        retrying = replace(self._retrying, policy=retry) if retry else self._retrying
        return retrying.call(wanted.operation, lambda: self._once(wanted, tokens or self.tokens))

    def _once(self, call: Call, tokens: Tokens) -> Answer:
        self.quota.before(call.bucket)
        answer = self._authorised(call, tokens)
        self._hear(call, answer)
        return judged(answer, call.operation, self.quota.ends(answer), tokens.connect)

    def _authorised(self, call: Call, tokens: Tokens) -> Answer:
        """The answer; a token that is refused is renewed once."""
        token = tokens.token()
        answer = self._send(call, token)
        if answer.status == 401 and (other := tokens.renewed(token)):
            answer = self._send(call, other)
        return answer

    def _send(self, call: Call, token: str = "") -> Answer:
        """One request, counted. Every one that leaves comes through here."""
        self._count(call)
        self.reached = False
        answer = self._answered(call, token)
        self.reached = True
        self.server.heard(answer)
        self.calls.clock_ahead = self.server.ahead()
        return answer

    def _answered(self, call: Call, token: str = "") -> Answer:
        with tracing.call(SYSTEM, call.method, call.route, bucket=call.bucket) as note:
            answer = self._wire.send(call, token)
            note(status=answer.status)
        with self._lock:
            self.calls.answered(answer.status)
        return answer

    def _count(self, call: Call) -> None:
        with self._lock:
            self.calls.made += 1
            self.calls.reads += call.reads
            self.calls.writes += not call.reads

    def fetch(self, url: str) -> Answer:
        """A file that an answer points to, from wherever HubSpot keeps it: without a token, apart from all limits.

        Raises:
            Refused, RetryLater: it is not to be had. Failed: the address is none to trust.
        """
        if not url.startswith(("https://", self._settings.base_url)):
            raise Failed("HubSpot named a file at an address that is not encrypted", hint="lamplighter run, later")
        return self._retrying.call("GET a file", lambda: self._fetched(Call(method="GET", path="", target=url)))

    def _fetched(self, call: Call) -> Answer:
        self._count(call)
        return judged(self._answered(call), "GET a file", None, self.tokens.connect)

    def _hear(self, call: Call, answer: Answer) -> None:
        self.quota.heard(call.bucket, answer)
        self._ask_usage_if_due(call)
        with self._lock:
            self.calls.budget_left = self.quota.budget.left

    def _ask_usage_if_due(self, call: Call) -> None:
        """Where a general call's answer tells no daily quota, the account's usage does."""
        if call.bucket in (SEARCH, EXEMPT) or not self.quota.usage_is_due or self._asked_usage:
            return
        self._asked_usage = self.quota.budget.limit is None  # nobody tells: once is enough
        self.learn_usage()

    def learn_usage(self) -> None:
        """Ask how much of the day's calls is used, unless an answer has just told. What HubSpot will not tell stays
        unknown."""
        if not (self.tokens.tells_usage and self.quota.usage_is_due):
            return
        try:
            answer = self._send(call("GET", self._account("api-usage/daily/private-apps")), self.tokens.token())
        except Again:
            return
        self.quota.heard(GENERAL, answer)
        for usage in answer.body.get("results") or []:
            limit, used = usage.get("usageLimit"), usage.get("currentUsage")
            if self.quota.usage_is_due and isinstance(limit, int) and isinstance(used, int):
                self.quota.budget.heard(limit, max(0, limit - used))

    def _details(self) -> Mapping[str, Any]:
        answer = self._send(call("GET", self._account("details")), self.tokens.token())
        self.quota.heard(GENERAL, answer)
        return answer.body

    def _account(self, what: str) -> str:
        return f"/account-info/{self._settings.version}/{what}"

    def _repeated(self, repeat: Repeat) -> None:
        with self._lock:
            self.calls.retried += 1
        self._settings.on_repeat(repeat)
