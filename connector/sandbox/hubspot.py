"""The sandbox HubSpot: puts the rooms of the API together, and stands at the door with token, limits and scopes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from starlette.datastructures import QueryParams

from connector.sandbox import (
    hubspot_account,
    hubspot_associations,
    hubspot_batches,
    hubspot_lists,
    hubspot_memberships,
    hubspot_merges,
    hubspot_objects,
    hubspot_properties,
    hubspot_search,
    hubspot_world,
)
from connector.sandbox.clock import Clock, iso
from connector.sandbox.exchange import Answer, Call, Operation, Operations, Refusal
from connector.sandbox.hubspot_answers import batch
from connector.sandbox.hubspot_errors import error, missing_scopes
from connector.sandbox.hubspot_limits import RateLimits
from connector.sandbox.hubspot_portal import Portal, Settings
from connector.sandbox.hubspot_search import contains_token
from connector.sandbox.hubspot_types import ASSOCIATIONS, CONTACT, PRODUCT
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
            *hubspot_associations.OPERATIONS,
            *hubspot_memberships.OPERATIONS,
            *hubspot_lists.OPERATIONS,
            *hubspot_properties.OPERATIONS,
            *hubspot_account.OPERATIONS,
        ]
    )

    def __init__(self, settings: Settings, folder: Path | None = None, state: Path | None = None) -> None:
        self.clock = Clock()
        self.settings = settings
        self.limits = RateLimits(settings, self.clock)
        self.portal = Portal(state=State(state), clock=self.clock, settings=settings)
        self.portal.state.db.create_function("contains_token", 2, contains_token, deterministic=True)
        try:
            if self.portal.state.fresh:
                self._fill(folder)
        except BaseException:
            self.close()
            raise

    def _fill(self, folder: Path | None) -> None:
        with self.portal.state.transaction():
            self.portal.furnish()
        if folder:
            hubspot_world.load(self.portal, folder)
        self.portal.state.finish()

    def answer(self, operation: Operation | None, call: Call) -> Answer:
        """What HubSpot answers."""
        with self.portal.state.lock:
            if operation is None or call.params.get("version") not in self.settings.versions:
                return error(404, f"resource not found: {call.path}")
            if operation.open:
                return self._carried_out(operation, call)
            answer = self._stopped(operation, call) or self._carried_out(operation, call)
            return replace(answer, headers={**self.limits.headers(operation.bucket), **answer.headers})

    def _stopped(self, operation: Operation, call: Call) -> Answer | None:
        """The error of a call that may not go on, if it may not."""
        return self._bad_token(call.bearer) or self.limits.admit(operation.bucket) or self._bad_scope(operation, call)

    def _bad_token(self, token: str) -> Answer | None:
        if token == self.settings.token or self.portal.granted.get(token, 0) > self.clock.milliseconds():
            return None
        if token in self.portal.granted:
            return error(401, "The OAuth token used to make this call expired.", category="EXPIRED_AUTHENTICATION")
        return error(401, NOT_AUTHENTICATED)

    def _bad_scope(self, operation: Operation, call: Call) -> Answer | None:
        lacking = [group for group in operation.scopes(call) if not self.settings.scopes.intersection(group)]
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
        with self.portal.state.lock:
            return self._carried_out(operation, call)

    def trouble(self, status: int) -> Answer:
        """HubSpot's usual error of that status."""
        return error(status, "There was a problem with the request.")

    def nothing(self) -> Answer:
        """A 200 that says that nothing was done."""
        return Answer(content=batch(self.portal, []))

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Change settings by name. Raises ValueError for an unknown one."""
        self.settings.change(settings)

    def state(self) -> dict[str, Any]:
        """Lists with their members, and what we wrote on contacts."""
        rows = self.portal.state.rows
        lists: dict[str, Any] = {name: {"id": str(number), "members": []} for number, name in rows(_LISTS)}
        for name, record in rows(_MEMBERS):
            lists[name]["members"].append(str(record))
        contacts = {str(number): _ours(text) for number, text in rows(_WRITTEN, CONTACT.id)}
        return {"lists": lists, "contacts": {number: ours for number, ours in contacts.items() if ours}}

    def create_order(
        self,
        contact: str | None,
        lines: Sequence[tuple[str, str, str]],
        *,
        status: str = "fulfilled",
        currency: str = "GBP",
        ordered_at: datetime | None = None,
    ) -> str:
        """A person places an order (or returns one). `lines`: SKU, quantity, unit price. Returns its record id."""
        at = iso(round(ordered_at.timestamp() * 1000) if ordered_at else self.clock.milliseconds())
        properties = {"hs_external_created_date": at, "hs_external_order_status": status, "hs_currency_code": currency}
        order = self._made("orders", properties, ("0-123", "0-1", contact))
        self._made_change("orders", order, {"hs_external_order_id": f"S{order}", "hs_order_name": f"Order S{order}"})
        for sku, quantity, price in lines:
            line = {"quantity": quantity, "price": price, "hs_line_item_currency_code": currency, **self._item(sku)}
            self._made("line_items", line, ("0-8", "0-123", order))
        return order

    def _item(self, sku: str) -> dict[str, str]:
        row = self.portal.state.row(_PRODUCT, PRODUCT.id, sku)
        return {"hs_sku": sku, **({"hs_product_id": str(row[0]), "name": row[1] or sku} if row else {"name": sku})}

    def _made(self, name: str, properties: Mapping[str, str], tie: tuple[str, str, str | None]) -> str:
        start, end, other = tie
        types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": ASSOCIATIONS[start, end]}]
        associations = [{"to": {"id": other}, "types": types}] if other else []
        body = {"properties": properties, "associations": associations}
        return str(self._done("POST", f"/{name}", body)["id"])

    def _made_change(self, name: str, number: str, properties: Mapping[str, str]) -> None:
        self._done("PATCH", f"/{name}/{number}", {"properties": properties})

    def _done(self, method: str, path: str, body: Any) -> Any:
        answer = self.act(method, f"/crm/objects/{self.settings.versions[0]}{path}", body)
        if answer.status >= 300:
            raise ValueError(answer.content["message"])
        return answer.content

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
_PRODUCT = """SELECT id, json_extract(properties, '$.name') FROM record
    WHERE type = ? AND archived IS NULL AND json_extract(properties, '$.hs_sku') = ?"""
