"""The sandbox HubSpot: puts the rooms of the API together, and stands at the door with token, limits and scopes."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from starlette.datastructures import QueryParams

from connector.sandbox import (
    hubspot_account,
    hubspot_associations,
    hubspot_batches,
    hubspot_consent,
    hubspot_folders,
    hubspot_lists,
    hubspot_memberships,
    hubspot_merges,
    hubspot_oauth,
    hubspot_objects,
    hubspot_pipelines,
    hubspot_properties,
    hubspot_search,
    hubspot_subscriptions,
    hubspot_validation,
    hubspot_webhooks_journal,
    hubspot_world,
)
from connector.sandbox.clock import Clock
from connector.sandbox.exchange import Answer, Call, Operation, Operations, Refusal
from connector.sandbox.hubspot_answers import batch
from connector.sandbox.hubspot_errors import error, missing_scopes
from connector.sandbox.hubspot_levers import Levers
from connector.sandbox.hubspot_limits import RateLimits
from connector.sandbox.hubspot_portal import Portal, Settings
from connector.sandbox.hubspot_search import contains_token
from connector.sandbox.hubspot_tokens import Token
from connector.sandbox.hubspot_types import CONTACT
from connector.sandbox.state import State

NOT_AUTHENTICATED = (
    "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more "
    "details at https://developers.hubspot.com/docs/methods/auth/oauth-overview"
)


class HubSpot:
    """One portal and its API.

    Args:
        folder: a world to fill it with; its files are those of `connector.sandbox.world`.
        state: where to keep the database; one that holds a portal already is used as it is, without the world.
    """

    operations = Operations(
        [
            *hubspot_batches.OPERATIONS,
            *hubspot_search.OPERATIONS,
            *hubspot_merges.OPERATIONS,
            *hubspot_objects.OPERATIONS,
            *(replace(one, bucket="associations") for one in hubspot_associations.OPERATIONS),
            *hubspot_memberships.OPERATIONS,
            *hubspot_folders.OPERATIONS,
            *hubspot_lists.OPERATIONS,
            *hubspot_properties.OPERATIONS,
            *hubspot_pipelines.OPERATIONS,
            *hubspot_consent.OPERATIONS,
            *hubspot_account.OPERATIONS,
            *hubspot_validation.OPERATIONS,
            *hubspot_oauth.OPERATIONS,
            *hubspot_subscriptions.OPERATIONS,
            *hubspot_webhooks_journal.OPERATIONS,
        ]
    )

    def __init__(self, settings: Settings, folder: Path | None = None, state: Path | None = None) -> None:
        self.clock = Clock()
        self.settings = settings
        self.limits = RateLimits(settings, self.clock)
        self.portal = Portal(state=State(state), clock=self.clock, settings=settings)
        levers = Levers(self.portal, self.act)
        self.levers: Mapping[str, Callable[..., Any]] = {**levers.all(), "usage": self.limits.usage}
        self.create_order, self.create_deal = levers.create_order, levers.create_deal
        self.restore, self.touch, self.index_late = levers.restore, levers.touch, levers.index_late
        self.portal.state.db.create_function("contains_token", 2, contains_token, deterministic=True)
        try:
            hubspot_validation.refuse_unknown(settings.validation_rules)
            if self.portal.state.fresh:
                self._fill(folder)
            hubspot_webhooks_journal.begin(self.portal)
        except BaseException:
            self.close()
            raise

    def _fill(self, folder: Path | None) -> None:
        with self.portal.state.transaction():
            self.portal.furnish()
            hubspot_pipelines.furnish(self.portal)
            hubspot_consent.furnish(self.portal)
        if folder:
            hubspot_world.load(self.portal, folder)
        self.portal.state.finish()

    def answer(self, operation: Operation | None, call: Call) -> Answer:
        """What HubSpot answers."""
        with self.portal.state.lock:
            if operation is None or call.params.get("version") not in (None, *self.settings.versions):
                return error(404, f"resource not found: {call.path}")
            if operation.open:
                return self._carried_out(operation, call)
            oauth = call.bearer in self.portal.tokens.access
            answer = self._stopped(operation, call, oauth) or self._carried_out(operation, call)
            return replace(answer, headers={**self.limits.headers(operation.bucket, oauth=oauth), **answer.headers})

    def _stopped(self, operation: Operation, call: Call, oauth: bool) -> Answer | None:
        """The error of a call that may not go on, if it may not."""
        token = self.portal.tokens.access.get(call.bearer)
        return (
            self._bad_token(call.bearer, token)
            or self.limits.admit(operation.bucket, oauth=oauth)
            or self._bad_scope(operation, call, token)
        )

    def _bad_token(self, text: str, token: Token | None) -> Answer | None:
        if text == self.settings.token or (token and token.ends > self.clock.milliseconds()):
            return None
        if token:
            return error(401, "The OAuth token used to make this call expired.", category="EXPIRED_AUTHENTICATION")
        return error(401, NOT_AUTHENTICATED)

    def _bad_scope(self, operation: Operation, call: Call, token: Token | None) -> Answer | None:
        allowed = hubspot_oauth.allowed(self.portal, token)
        lacking = [group for group in operation.scopes(call) if not allowed.intersection(group)]
        return missing_scopes(lacking).answer if lacking else None

    def _carried_out(self, operation: Operation, call: Call) -> Answer:
        try:
            if not operation.write:
                return operation.handle(self.portal, call)
            with self.portal.state.transaction():
                return operation.handle(self.portal, call)
        except Refusal as refusal:
            self.portal.forget_definitions()
            return refusal.answer

    def act(self, method: str, path: str, body: Any = None) -> Answer:
        """What a person does in the portal: the same API without token, scopes, limits, faults or journal."""
        path, _, query = path.partition("?")
        operation, params = self.operations.find(method, path) or (None, {})
        if operation is None:
            return error(404, f"resource not found: {path}")
        text = b"" if body is None else json.dumps(body).encode()
        call = Call(method=method, path=path, query=QueryParams(query), body=text, params=params)
        with self.portal.state.lock, self.portal.person():
            return self._carried_out(operation, call)

    def trouble(self, status: int) -> Answer:
        """HubSpot's usual error of that status."""
        return error(status, "There was a problem with the request.")

    def nothing(self) -> Answer:
        """A 200 that says that nothing was done."""
        return Answer(content=batch(self.portal, []))

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Change settings by name. Raises ValueError for an unknown one."""
        hubspot_validation.refuse_unknown(settings.get("validation_rules", {}))
        self.settings.change(settings)
        with self.portal.state.transaction():
            hubspot_consent.furnish(self.portal)

    def state(self) -> dict[str, Any]:
        """Lists with their members, and what we wrote on contacts."""
        rows = self.portal.state.rows
        lists: dict[str, Any] = {name: {"id": str(number), "members": []} for number, name in rows(_LISTS)}
        for name, record in rows(_MEMBERS):
            lists[name]["members"].append(str(record))
        contacts = {str(number): _ours(text) for number, text in rows(_WRITTEN, CONTACT.id)}
        return {"lists": lists, "contacts": {number: ours for number, ours in contacts.items() if ours}}

    def close(self) -> None:
        """Let go of the database."""
        self.portal.state.close()


def _ours(text: str) -> dict[str, str]:
    return {name: value for name, value in sorted(json.loads(text).items()) if name.startswith("lamplighter_")}


_LISTS = "SELECT id, name FROM list WHERE deleted IS NULL ORDER BY name"
_MEMBERS = """SELECT list.name, membership.record FROM membership JOIN list ON list.id = membership.list
    WHERE list.deleted IS NULL ORDER BY list.name, membership.record"""
_WRITTEN = """SELECT id, properties FROM record
    WHERE type = ? AND archived IS NULL AND properties LIKE '%"lamplighter_%' ORDER BY id"""
