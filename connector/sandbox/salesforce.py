"""The sandbox Salesforce: puts the rooms of the API together, with a door in front of them and an org behind."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from starlette.datastructures import QueryParams

from connector.sandbox import (
    salesforce_bulk_ingest,
    salesforce_bulk_query,
    salesforce_changes,
    salesforce_collections,
    salesforce_composite,
    salesforce_describe,
    salesforce_identity,
    salesforce_limits,
    salesforce_oauth,
    salesforce_query_api,
    salesforce_soap,
    salesforce_sobjects,
)
from connector.sandbox.clock import Clock
from connector.sandbox.exchange import Answer, Call, Operation, Operations
from connector.sandbox.salesforce_composite import Inside
from connector.sandbox.salesforce_door import Door
from connector.sandbox.salesforce_errors import Failed, failed, not_found
from connector.sandbox.salesforce_exchange import ApiOperation, Request, tidy
from connector.sandbox.salesforce_furniture import furnish
from connector.sandbox.salesforce_levers import Levers
from connector.sandbox.salesforce_org import Org, Session, savepoint
from connector.sandbox.salesforce_settings import Settings
from connector.sandbox.salesforce_transactions import commit_due
from connector.sandbox.salesforce_world import load

LONGEST_QUERY = 16_384
"""Characters of an address; a longer query must travel in a body (source: REST API guide, "Status Codes", 414)."""
TROUBLES = {
    401: ("INVALID_SESSION_ID", "Session expired or invalid"),
    403: ("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
    404: ("NOT_FOUND", "The requested resource does not exist"),
    503: ("SERVER_UNAVAILABLE", "The server is temporarily unavailable."),
}
RETIRED = 31
"""API versions below this are gone for good."""


class Salesforce:
    """One org and its API.

    Args:
        folder: a world to fill it with; its files are those of `connector.sandbox.world`.
        person_accounts: the world's people become person accounts instead of contacts.
        state: where to keep the database; one that holds an org already is used as it is, without the world.
    """

    operations = Operations(
        [
            *salesforce_oauth.OPERATIONS,
            *salesforce_identity.OPERATIONS,
            *salesforce_soap.OPERATIONS,
            *salesforce_limits.OPERATIONS,
            *salesforce_bulk_query.OPERATIONS,
            *salesforce_bulk_ingest.OPERATIONS,
            *salesforce_bulk_query.OPERATIONS,
            *salesforce_bulk_ingest.OPERATIONS,
            *salesforce_query_api.OPERATIONS,
            *salesforce_composite.OPERATIONS,
            *salesforce_collections.OPERATIONS,
            *salesforce_describe.OPERATIONS,
            *salesforce_changes.OPERATIONS,
            *salesforce_sobjects.OPERATIONS,
        ]
    )

    def __init__(
        self,
        settings: Settings,
        folder: Path | None = None,
        state: Path | None = None,
        *,
        person_accounts: bool = False,
    ) -> None:
        self.clock = Clock()
        self.settings = settings
        self.org = Org(settings, self.clock, state)
        self.org.part(Inside).dispatch = self._inside
        try:
            if self.org.state.fresh:
                self._fill(folder, person_accounts)
            self.door = self.org.part(Door)
        except BaseException:
            self.close()
            raise
        self.levers: Mapping[str, Callable[..., Any]] = {**Levers(self.org).all(), **self.door.levers()}

    def _fill(self, folder: Path | None, person_accounts: bool) -> None:
        with self.org.state.transaction():
            furnish(self.org)
            if folder:
                load(self.org, folder, person_accounts=person_accounts)
        self.org.state.index(self.org.schema.values())

    def answer(self, operation: Operation | None, call: Call) -> Answer:
        """What Salesforce answers."""
        request = call if isinstance(call, Request) else _headed(call)
        if len(str(request.query)) > LONGEST_QUERY:
            return Answer(status=414, content=b"URI Too Long", headers={"Content-Type": "text/html"})
        with self.org.state.lock:
            if operation is not None and operation.open:
                return self._carried_out(Session(self.org, self.org.automated), operation, request)
            try:
                session = self.door.enter(operation or _NOWHERE, request)
                answer = self._carried_out(session, operation, request)
            except Failed as error:
                answer = error.answer()
            return replace(answer, headers={**self.door.headers(), **answer.headers})

    def _carried_out(self, session: Session, operation: Operation | None, request: Request) -> Answer:
        try:
            commit_due(self.org)
            _check_version(self.settings, request)
            if operation is None:
                raise not_found()
            if not operation.write or (isinstance(operation, ApiOperation) and operation.in_steps):
                return operation.handle(session, request)
            with savepoint(self.org):
                return operation.handle(session, request)
        except Failed as error:
            return error.answer()

    def _inside(self, session: Session, request: Request) -> Answer:
        """A request within a request: past the door."""
        operation, params = self.operations.find(request.method, tidy(request.path)) or (None, {})
        return self._carried_out(session, operation, replace(request, params=params))

    def act(self, method: str, path: str, body: Any = None) -> Answer:
        """What an admin does in the org: the same API without session, limits, faults or journal."""
        path, _, query = path.partition("?")
        text = b"" if body is None else json.dumps(body).encode()
        with self.org.state.lock:
            request = Request(method=method, path=path, query=QueryParams(query), body=text)
            return self._inside(Session(self.org, self.org.admin), request)

    def trouble(self, status: int) -> Answer:
        """Salesforce's usual error of that status."""
        code, message = TROUBLES.get(status, ("UNKNOWN_EXCEPTION", "An unexpected error occurred."))
        return failed(code, message, status=status).answer()

    def nothing(self) -> Answer:
        """A 200 that says that nothing was done."""
        return Answer(content=[])

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Change settings by name. Raises ValueError for an unknown one."""
        self.settings.change(settings)

    def state(self) -> dict[str, Any]:
        """Campaigns with their members, and what we wrote on contacts."""
        campaigns: dict[str, Any] = {}
        for name, id in self.org.state.rows(_CAMPAIGNS):
            members = self.org.state.rows(_MEMBERS, id)
            campaigns[name] = {"id": id, "members": dict(members)}
        return {"campaigns": campaigns, "contacts": self._written()}

    def _written(self) -> dict[str, Any]:
        ours = [name for name in self.org.schema["Contact"].fields if name.startswith("Lamplighter_")]
        if not ours:
            return {}
        listed = ", ".join(f'"{name}"' for name in ours)
        rows = self.org.state.rows(f"SELECT Id, {listed} FROM Contact WHERE IsDeleted = 0 ORDER BY Id")  # noqa: S608
        kept = {row[0]: {name: value for name, value in zip(ours, row[1:], strict=True) if value} for row in rows}
        return {id: values for id, values in kept.items() if values}

    def close(self) -> None:
        """Let go of the database."""
        self.org.close()


def _headed(call: Call) -> Request:
    slots = ("method", "path", "query", "body", "bearer", "url", "params")
    headers = {"authorization": f"Bearer {call.bearer}"} if call.bearer else {}
    return Request(**{slot: getattr(call, slot) for slot in slots}, headers=headers)


def _check_version(settings: Settings, request: Request) -> None:
    text = request.params.get("version")
    if text is None:
        return
    number = int(text[1:-2]) if text.startswith("v") and text.endswith(".0") and text[1:-2].isdigit() else 0
    if 0 < number < RETIRED:
        raise failed("UNSUPPORTED_API_VERSION", "The API version you are trying to access is no longer supported.")
    if not settings.lowest <= number <= settings.highest:
        raise not_found()


_NOWHERE = Operation(method="", path="", handle=lambda session, call: Answer(status=404))
_CAMPAIGNS = "SELECT Name, Id FROM Campaign WHERE IsDeleted = 0 ORDER BY Name, Id"
_MEMBERS = """SELECT LeadOrContactId, Status FROM CampaignMember
    WHERE CampaignId = ? AND IsDeleted = 0 ORDER BY LeadOrContactId"""
