"""The sandbox Google: the Data Manager API of one Google Ads account, with its token endpoint and what stands in it."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from starlette.datastructures import QueryParams

from connector.sandbox import google_events, google_lists, google_members, google_requests
from connector.sandbox.clock import Clock
from connector.sandbox.exchange import Answer, Call, Operation, Operations
from connector.sandbox.google_account import Account
from connector.sandbox.google_errors import HTTP, Failed, not_found, status
from connector.sandbox.google_levers import Levers
from connector.sandbox.google_oauth import PATH, Tokens
from connector.sandbox.google_payload import denied
from connector.sandbox.google_quota import Quota
from connector.sandbox.google_settings import Settings

_TOKEN = Operation(method="POST", path=PATH, handle=lambda tokens, call: tokens.answer(call), open=True)


class Google:
    """One account and the API in front of it."""

    operations = Operations(
        [
            _TOKEN,
            *google_members.OPERATIONS,
            *google_requests.OPERATIONS,
            *google_events.OPERATIONS,
            *google_lists.OPERATIONS,
        ]
    )

    def __init__(self, settings: Settings) -> None:
        self.clock = Clock()
        self.settings = settings
        self.account = Account(settings, self.clock)
        self.tokens = Tokens(settings, self.clock)
        self.quota = Quota(settings, self.clock)
        self.levers: Mapping[str, Callable[..., Any]] = Levers(self.account, self.tokens).all()

    def answer(self, operation: Operation | None, call: Call) -> Answer:
        """What Google answers."""
        with self.account.lock:
            if operation is _TOKEN:
                return self.tokens.answer(call)
            try:
                self._admit(operation, call)
                return self._carried_out(operation, call)
            except Failed as failed:
                return failed.answer()

    def _admit(self, operation: Operation | None, call: Call) -> None:
        if not self.tokens.good(call.bearer):
            reason, words = "ACCESS_TOKEN_EXPIRED", "Request had invalid authentication credentials."
            raise Failed(status="UNAUTHENTICATED", reason=reason, message=words, domain="googleapis.com")
        if not self.settings.api_enabled:
            words = "Data Manager API has not been used in project before or it is disabled."
            raise Failed(status="PERMISSION_DENIED", reason="SERVICE_DISABLED", message=words, domain="googleapis.com")
        self.quota.admit(operation.bucket if operation else "general")

    def _carried_out(self, operation: Operation | None, call: Call) -> Answer:
        if operation is None:
            raise not_found()
        if call.params.get("account", self.settings.account) != self.settings.account:
            raise denied()
        try:
            return operation.handle(self.account, call)
        except json.JSONDecodeError:
            return status("INVALID_ARGUMENT", "Invalid JSON payload received.")

    def act(self, method: str, path: str, body: Any = None) -> Answer:
        """What a marketer does in Google Ads: the same lists without token, quota, faults or journal."""
        path, _, query = path.partition("?")
        text = b"" if body is None else json.dumps(body).encode()
        call = Call(method=method, path=path, query=QueryParams(query), body=text)
        operation, params = self.operations.find(method, path) or (None, {})
        with self.account.lock:
            try:
                return self._carried_out(operation, replace(call, params=params))
            except Failed as failed:
                return failed.answer()

    def trouble(self, code: int) -> Answer:
        """Google's usual error of that HTTP status."""
        name = next((name for name, http in HTTP.items() if http == code), "INTERNAL")
        return replace(status(name, "The service is currently unavailable."), status=code)

    def nothing(self) -> Answer:
        """A 200 that says nothing."""
        return Answer(content={})

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Change settings by name. Raises ValueError for an unknown one."""
        self.settings.change(settings)

    def state(self) -> dict[str, Any]:
        """User lists with how many identifiers they hold, and the events by transaction id."""
        with self.account.lock:
            lists = {
                id: {"name": one.resource["displayName"], "code": one.resource.get("integrationCode", "")}
                | {"status": one.resource["membershipStatus"], "members": len(one.members)}
                for id, one in self.account.lists.items()
            }
            return {"lists": lists, "events": self.account.events}

    def members(self, list_id: str) -> Sequence[bytes]:
        """The identifiers in a list, for tests in the same process; nobody else is ever told."""
        with self.account.lock:
            found = self.account.lists.get(list_id)
            return list(found.members) if found else []

    def close(self) -> None:
        """Nothing is kept."""
