"""Every call we make to HubSpot, by name. Plain JSON in and out; the SDK knows the paths, Transport does the rest."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol, cast

import hubspot

from connector.crms._hubspot.answers import Answer, Refused
from connector.crms._hubspot.transport import Transport

Body = dict[str, Any]

CONTACTS = "0-1"
LONGEST_URL = 5_000
"""Characters; longer ones risk a 414 on the way."""


class _Sdk(Protocol):
    crm: Any


class Api:
    """HubSpot's operations. Ids are text; `body` of an answer is returned unless times matter."""

    def __init__(self, transport: Transport, version: str) -> None:
        self.transport = transport
        self._version = version

    @cached_property
    def _crm(self) -> Any:
        return cast(_Sdk, hubspot.Client.create(api_factory=self.transport.api_factory)).crm

    def page(self, kind: str, properties: Sequence[str], associations: Sequence[str], after: str | None) -> Answer:
        """One page of a listing: up to 100 records in the order of their ids, with the ids associated to them."""
        if sum(len(name) + len("&properties=") for name in properties) > LONGEST_URL:
            return self._page_then_read(kind, properties, associations, after)
        return self._page(kind, properties, associations, after)

    def _page(self, kind: str, properties: Sequence[str], associations: Sequence[str], after: str | None) -> Answer:
        wanted: Body = {"properties": list(properties), "limit": 100, "_preload_content": False}
        if associations:
            wanted["associations"] = list(associations)
        if after is not None:
            wanted["after"] = after
        return cast(Answer, self._crm.objects.basic_api.get_page(kind, **wanted))

    def _page_then_read(
        self, kind: str, properties: Sequence[str], associations: Sequence[str], after: str | None
    ) -> Answer:
        page = self._page(kind, ["hs_object_id"], associations, after)
        if ids := [record["id"] for record in page.body.get("results") or []]:
            full = {record["id"]: record for record in self.read(kind, ids, properties).get("results") or []}
            page.body["results"] = [{**record, **full.get(record["id"], {})} for record in page.body["results"]]
        return page

    def search(self, kind: str, request: Body) -> Answer:
        """One page of a search. `request` as HubSpot documents it, at most 3,000 characters."""
        return cast(Answer, self._crm.objects.search_api.do_search(kind, request, _preload_content=False))

    def read(self, kind: str, ids: Sequence[str], properties: Sequence[str]) -> Body:
        """Up to 100 records by id. Those that are not there are named under `errors`."""
        request = {"inputs": [{"id": one} for one in ids], "properties": list(properties), "propertiesWithHistory": []}
        return self._body(self._crm.objects.batch_api.read(kind, request, _preload_content=False))

    def update(self, kind: str, inputs: Sequence[Body]) -> Body:
        """Set properties of up to 100 records."""
        return self._body(self._crm.objects.batch_api.update(kind, {"inputs": list(inputs)}, _preload_content=False))

    def associated(self, kind: str, other: str, inputs: Sequence[Body]) -> Body:
        """Ids of `other` that up to 1,000 records of `kind` are associated with."""
        found = self._crm.associations.v4.batch_api.get_page(
            kind, other, {"inputs": list(inputs)}, _preload_content=False
        )
        return self._body(found)

    def properties(self, kind: str) -> list[Body]:
        """Every property definition of an object type."""
        return cast(list[Body], self._results(self._crm.properties.core_api.get_all(kind, _preload_content=False)))

    def create_group(self, kind: str, name: str, label: str) -> None:
        """A property group. Refused where it exists."""
        self._crm.properties.groups_api.create(kind, {"name": name, "label": label}, _preload_content=False)

    def create_properties(self, kind: str, inputs: Sequence[Body]) -> Body:
        """Property definitions. Some may come back under `errors`."""
        return self._body(self._crm.properties.batch_api.create(kind, {"inputs": list(inputs)}, _preload_content=False))

    def list_named(self, name: str) -> Body | None:
        """The contact list of this name, or None."""
        try:
            found = self._crm.lists.lists_api.get_by_name(name, CONTACTS, _preload_content=False)
        except Refused as refused:
            if refused.status != 404:
                raise
            return None
        return cast(Body, self._body(found).get("list") or self._body(found))

    def create_list(self, name: str, folder: str | None) -> Body:
        """A static list of contacts."""
        request: Body = {"name": name, "objectTypeId": CONTACTS, "processingType": "MANUAL"}
        if folder is not None:
            request["listFolderId"] = int(folder) if folder.isdecimal() else folder
        made = self._body(self._crm.lists.lists_api.create(request, _preload_content=False))
        return cast(Body, made.get("list") or made)

    def change_members(self, list_id: str, add: Sequence[str], remove: Sequence[str]) -> Body:
        """Put contacts into a list and take others out, in one call."""
        request = {"recordIdsToAdd": list(add), "recordIdsToRemove": list(remove)}
        return self._body(self._crm.lists.memberships_api.add_and_remove(list_id, request, _preload_content=False))

    def lists_of(self, contacts: Sequence[str]) -> dict[str, set[str]]:
        """Contact -> ids of the lists it is in, for up to 100 contacts."""
        request = {"inputs": [{"objectTypeId": CONTACTS, "recordId": one} for one in contacts]}
        path = f"/crm/lists/{self._version}/records/memberships/batch/read"  # the SDK does not know it
        found = self._results(self.transport.request("POST", path, body=request))
        return {each["recordId"]: {one["listId"] for one in each["recordListMemberships"]} for each in found}

    def account(self) -> Body:
        """The account that the token belongs to."""
        return self._body(self.transport.request("GET", f"/account-info/{self._version}/details"))

    def scopes(self) -> frozenset[str] | None:
        """What the token may do; None where HubSpot does not tell."""
        path = f"/oauth/{self._version}/token/introspect"
        found = self._body(self.transport.request("POST", path, post_params=[("token", self.transport.token())]))
        return frozenset(found["scopes"]) if found.get("scopes") else None

    def _body(self, answer: Any) -> Body:
        return cast(Answer, answer).body

    def _results(self, answer: Any) -> Sequence[Mapping[str, Any]]:
        return self._body(answer).get("results") or []
