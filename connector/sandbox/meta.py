"""The sandbox Meta: one ad account and its dataset behind the Graph API, with token, permissions and limits."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from connector.sandbox import meta_about, meta_audiences, meta_events, meta_users
from connector.sandbox.clock import Clock
from connector.sandbox.exchange import Answer, Call, Operation, Operations, Refusal
from connector.sandbox.meta_account import Account
from connector.sandbox.meta_errors import error, no_such, trouble
from connector.sandbox.meta_levers import Levers
from connector.sandbox.meta_limits import RateLimits
from connector.sandbox.meta_params import params
from connector.sandbox.meta_replace import settle
from connector.sandbox.meta_settings import Settings

NEEDED = "ads_management"


class Meta:
    """The stand-in for graph.facebook.com, as far as custom audiences and server events go."""

    operations = Operations(
        [
            *meta_about.OPERATIONS,
            *meta_audiences.ROOM,
            *meta_users.OPERATIONS,
            *(replace(one, bucket="exempt") for one in meta_events.OPERATIONS),
            *meta_audiences.ONE,
        ]
    )

    def __init__(self, settings: Settings | None = None) -> None:
        self.clock = Clock()
        self.settings = settings or Settings()
        self.account = Account(settings=self.settings, clock=self.clock)
        self.limits = RateLimits(self.account)
        self.levers: Mapping[str, Callable[..., Any]] = Levers(self.account).all()

    def answer(self, operation: Operation | None, call: Call) -> Answer:
        """What Meta answers."""
        with self.account.lock:
            try:
                told = params(call)
                return self._outside(operation, call, told) or self._inside(operation, call)
            except Refusal as refusal:
                return refusal.answer

    def _outside(self, operation: Operation | None, call: Call, told: Mapping[str, Any]) -> Answer | None:
        """The error of a call that may not come in, if it may not."""
        return self._bad_token(call.bearer or str(told.get("access_token", "")), told) or self._bad_place(
            operation, call
        )

    def _bad_token(self, token: str, told: Mapping[str, Any]) -> Answer | None:
        if token != self.settings.token:
            return error(400, 190, "Error validating access token: the session is invalid.", 460)
        if not self.settings.app_secret:
            return None
        if "appsecret_proof" not in told:
            return error(400, 100, "API calls from the server require an appsecret_proof argument")
        good = hmac.new(self.settings.app_secret.encode(), token.encode(), hashlib.sha256).hexdigest()
        if hmac.compare_digest(str(told["appsecret_proof"]), good):
            return None
        return error(400, 100, "Invalid appsecret_proof provided in the API argument")

    def _bad_place(self, operation: Operation | None, call: Call) -> Answer | None:
        if operation is None:
            return error(404, 2500, f"Unknown path components: {call.path}")
        if call.params["version"] not in self.settings.versions:
            return error(400, 2635, "You are calling a deprecated version of the Ads API.")
        if call.params.get("account", self.settings.account) != self.settings.account:
            return no_such(f"act_{call.params['account']}").answer
        about = call.path.endswith(("/me", "/me/permissions"))
        if NEEDED not in self.settings.permissions and not about:
            message = f"(#200) Ad account owner has NOT grant {NEEDED} or ads_read permission"
            return error(403, 200, message)
        return None

    def _inside(self, operation: Operation | None, call: Call) -> Answer:
        assert operation is not None  # noqa: S101 - _bad_place saw to it
        if operation.bucket == "exempt":
            return self._carried_out(operation, call)
        answer = self.limits.admit() or self._carried_out(operation, call)
        return replace(answer, headers={**self.limits.headers(), **answer.headers})

    def _carried_out(self, operation: Operation, call: Call) -> Answer:
        settle(self.account)
        try:
            if call.params.get("audience") == self.settings.dataset and call.method == "GET":
                return meta_about.dataset(self.account, replace(call, params={"dataset": self.settings.dataset}))
            return operation.handle(self.account, call)
        except Refusal as refusal:
            return refusal.answer

    def act(self, method: str, path: str, body: Any = None) -> Answer:
        """Nothing that a person does here goes through the API: see the levers."""
        return error(404, 2500, f"Unknown path components: {path}")

    def trouble(self, status: int) -> Answer:
        """Meta's usual error of that status."""
        return trouble(status)

    def nothing(self) -> Answer:
        """A 200 that says nothing."""
        return Answer(content={})

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Change settings by name. Raises ValueError for an unknown one."""
        self.settings.change(settings)

    def state(self) -> dict[str, Any]:
        """Audiences by id with their members (`email:` and the hash in hexadecimal), and the events that count."""
        with self.account.lock:
            settle(self.account)
            rooms = {
                str(one["id"]): {"name": one["name"], "members": self.members(str(one["id"]))}
                for one in self.account.audiences()
            }
            return {"audiences": rooms, "events": list(self.account.events.values())}

    def members(self, id: str) -> list[str]:
        """Who is in an audience, as `state` tells it; empty where it is not there."""
        with self.account.lock:
            settle(self.account)
            return [f"{kind}:{digest.hex()}" for kind, digest, _ in self.account.members(int(id))]

    def close(self) -> None:
        """Let go of the database."""
        self.account.db.close()
