"""Every call we make to HubSpot, by name. Plain JSON in and out; the SDK knows the paths, Transport does the rest."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol, cast

import hubspot

from connector.crms._hubspot.answers import Answer, Refused, said_nothing, told
from connector.crms._hubspot.transport import Transport
from connector.limits import Retry

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
            records = told(self.read(kind, ids, properties), f"a read of {kind}")
            full = {record["id"]: record for record in records}
            page.body["results"] = [{**one, **full[one["id"]]} for one in page.body["results"] if one["id"] in full]
        return page

    def search(self, kind: str, request: Body) -> Answer:
        """One page of a search. `request` as HubSpot documents it, at most 3,000 characters."""
        return cast(Answer, self._crm.objects.search_api.do_search(kind, request, _preload_content=False))

    def archived(self, kind: str, after: str | None, properties: Sequence[str] = ("hs_object_id",)) -> Answer:
        """One page of the bin: up to 100 archived records, with `archivedAt` and few properties."""
        wanted: Body = {"properties": list(properties), "limit": 100, "archived": True, "_preload_content": False}
        return cast(Answer, self._crm.objects.basic_api.get_page(kind, **wanted, **({"after": after} if after else {})))

    def read(self, kind: str, ids: Sequence[str], properties: Sequence[str], *, archived: bool = False) -> Body:
        """Up to 100 records by id, live or archived ones. Those that are not there are named under `errors`."""
        request = {"inputs": [{"id": one} for one in ids], "properties": list(properties), "propertiesWithHistory": []}
        which = {"archived": True} if archived else {}
        return self._body(self._crm.objects.batch_api.read(kind, request, _preload_content=False, **which))

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

    def property(self, kind: str, name: str) -> Body | None:
        """One property definition, or None where there is none of that name."""
        return self._found(lambda: self._crm.properties.core_api.get_by_name(kind, name, _preload_content=False))

    def change_property(self, kind: str, name: str, changes: Body) -> Body:
        """Change a property definition: its options, always all of them."""
        return self._body(self._crm.properties.core_api.update(kind, name, changes, _preload_content=False))

    def list_named(self, name: str) -> Body | None:
        """The contact list of this name, or None."""
        return self._list(lambda: self._crm.lists.lists_api.get_by_name(name, CONTACTS, _preload_content=False))

    def list_with_id(self, list_id: str) -> Body | None:
        """The list of this id, or None where it is deleted."""
        return self._list(lambda: self._crm.lists.lists_api.get_by_id(list_id, _preload_content=False))

    def lists_with_ids(self, list_ids: Sequence[str]) -> list[Body]:
        """Those of up to 100 lists that are not deleted."""
        found = self._crm.lists.lists_api.get_all(list_ids=list(list_ids), _preload_content=False)
        return cast(list[Body], self._body(found).get("lists") or [])

    def restore_list(self, list_id: str) -> None:
        """Bring back a list that was deleted less than 90 days ago. Refused where that cannot be."""
        self._crm.lists.lists_api.restore(list_id, _preload_content=False)

    def folder(self, folder_id: str) -> Body | None:
        """A folder of lists with those below it (`childNodes`), or None where it is deleted; the top is "0"."""
        found = self._found(lambda: self._crm.lists.folders_api.get_all(folder_id=folder_id, _preload_content=False))
        return None if found is None else _holding(found.get("folder") or found, "id", "a look at a folder")

    def create_folder(self, name: str) -> Body:
        """A folder of lists at the top."""
        made = self._body(self._crm.lists.folders_api.create({"name": name}, _preload_content=False))
        return _holding(made.get("folder") or made, "id", "the making of a folder")

    def create_list(self, name: str, folder: str | None) -> Body:
        """A static list of contacts."""
        request: Body = {"name": name, "objectTypeId": CONTACTS, "processingType": "MANUAL"}
        if folder is not None:
            request["listFolderId"] = int(folder) if folder.isdecimal() else folder
        made = self._body(self._crm.lists.lists_api.create(request, _preload_content=False))
        return _holding(made.get("list") or made, "listId", "the making of a list")

    def members(self, list_id: str, after: str | None, limit: int) -> Body:
        """One page of a list's members, at most 250."""
        wanted: Body = {"limit": limit, "_preload_content": False, **({"after": after} if after else {})}
        return self._body(self._crm.lists.memberships_api.get_page(list_id, **wanted))

    def change_members(self, list_id: str, add: Sequence[str], remove: Sequence[str]) -> Body:
        """Put contacts into a list and take others out, in one call."""
        request = {"recordIdsToAdd": list(add), "recordIdsToRemove": list(remove)}
        return self._body(self._crm.lists.memberships_api.add_and_remove(list_id, request, _preload_content=False))

    def lists_of(self, contacts: Sequence[str]) -> dict[str, set[str]]:
        """Contact -> ids of the lists it is in, for up to 100 contacts."""
        request = {"inputs": [{"objectTypeId": CONTACTS, "recordId": one} for one in contacts]}
        path = f"/crm/lists/{self._version}/records/memberships/batch/read"  # the SDK does not know it
        found = self._results(self.transport.request("POST", path, body=request))
        return {str(each["recordId"]): {str(one["listId"]) for one in each["recordListMemberships"]} for each in found}

    def count(self, kind: str, after: str = "") -> int:
        """How many records of a type there are, of ids above `after` where one is named."""
        behind = [{"propertyName": "hs_object_id", "operator": "GT", "value": after}] if after else []
        groups = [{"filters": behind}] if behind else []
        answer = self.search(kind, {"filterGroups": groups, "properties": ["hs_object_id"], "limit": 1})
        return int(answer.body.get("total") or 0)

    def archived_properties(self, kind: str) -> list[str]:
        """Names of the properties that somebody put into the archive."""
        found = self._crm.properties.core_api.get_all(kind, archived=True, _preload_content=False)
        return [each["name"] for each in self._results(found)]

    def validation_rules(self, kind: str) -> dict[str, list[str]]:
        """Property -> its rules in HubSpot's words (`MAX_LENGTH 3`); properties without one are left out."""
        answer = self.transport.request("GET", f"/crm/property-validations/{self._version}/{kind}")
        return {each["propertyName"]: _rules(each) for each in self._results(answer) if _rules(each)}

    def property_room(self, kind: str) -> tuple[int, int] | None:
        """Properties of its own that the account may define for a type id, and how many it has; None if untold."""
        found = self._body(self.transport.request("GET", f"/crm/limits/{self._version}/custom-properties"))
        rows = [each for each in found.get("byObjectType") or [] if each.get("objectTypeId") == kind]
        return (int(rows[0]["limit"]), int(rows[0]["usage"])) if rows else None

    def subscription_statuses(self, emails: Sequence[str]) -> Body:
        """What up to 100 addresses said of every subscription type. For Marketing Hub Enterprise only."""
        path = f"/communication-preferences/{self._version}/statuses/batch/read"  # the SDK does not know it
        channel = [("channel", "EMAIL")]
        return self._body(self.transport.request("POST", path, query_params=channel, body={"inputs": list(emails)}))

    def account(self, retry: Retry | None = None) -> Body:
        """The account that the token belongs to."""
        return self._body(self.transport.request("GET", f"/account-info/{self._version}/details", retry=retry))

    def scopes(self) -> frozenset[str] | None:
        """What the token may do; None where HubSpot does not tell."""
        if (granted := self.transport.tokens.granted) is not None:
            return granted.scopes
        path = f"/oauth/{self._version}/token/introspect"
        found = self._body(self.transport.request("POST", path, post_params=[("token", self.transport.token())]))
        return frozenset(found["scopes"]) if found.get("scopes") else None

    def _found(self, ask: Callable[[], Any]) -> Body | None:
        """What is there, or None where HubSpot says that it is not."""
        try:
            return self._body(ask())
        except Refused as refused:
            if refused.status != 404:
                raise
            return None

    def _list(self, ask: Callable[[], Any]) -> Body | None:
        found = self._found(ask)
        return None if found is None else _holding(found.get("list") or found, "listId", "a look at a list")

    def _body(self, answer: Any) -> Body:
        return cast(Answer, answer).body

    def _results(self, answer: Any) -> Sequence[Mapping[str, Any]]:
        return self._body(answer).get("results") or []


def _rules(each: Mapping[str, Any]) -> list[str]:
    rules = each.get("propertyValidationRules") or []
    return [" ".join([str(rule["ruleType"]), *map(str, rule.get("ruleArguments") or [])]) for rule in rules]


def _holding(body: Body, name: str, what: str) -> Body:
    """A body that says at least this. Raises RetryLater for a friendly answer that says nothing."""
    if name not in body:
        raise said_nothing(what)
    return body
