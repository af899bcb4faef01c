"""HubSpot's own SDK as a referee: its models, with client-side validation on, judge every request and every answer.

`tests/conftest.py` puts `Oracle.watch` behind the adapter's wire, for the whole run. Of long lists the first two
entries and the last are judged. Answers that the sandbox spoilt on purpose are left out, and so are those of servers
that are no sandbox. Programs that a test starts as processes of their own are not watched.
"""

import importlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from types import SimpleNamespace
from typing import Any

SPOILT = "X-Sandbox-Fault"

_PLAIN: Mapping[str, type] = {"str": str, "int": int, "bool": bool, "float": float, "datetime": str}


@dataclass(frozen=True)
class Operation:
    """What the SDK knows of an operation: its package, the request's model, and the answers' models by status.

    `answers` None: an answer without a body.
    """

    package: str
    request: str | None
    answers: Mapping[int, str | None]


def _batch(model: str, *, made: int = 200) -> dict[int, str | None]:
    return {made: f"BatchResponse{model}", 207: f"BatchResponse{model}WithErrors"}


_OBJECT = "SimplePublicObject"
_PAGE = "CollectionResponseSimplePublicObjectWithAssociationsForwardPaging"
_LISTS, _OBJECTS, _PROPERTIES = "crm.lists", "crm.objects", "crm.properties"
_ASSOCIATED = "PublicAssociationMultiWithLabel"
_FOLDER = "ListFolderFetchResponse"
_MEMBERS = "ApiCollectionResponseJoinTimeAndRecordId"

KNOWN: Mapping[str, Operation] = {
    "GET /crm/objects/V/{type}": Operation(_OBJECTS, None, {200: _PAGE}),
    "GET /crm/objects/V/{type}/{id}": Operation(_OBJECTS, None, {200: f"{_OBJECT}WithAssociations"}),
    "POST /crm/objects/V/{type}/search": Operation(
        _OBJECTS, "PublicObjectSearchRequest", {200: f"CollectionResponseWithTotal{_OBJECT}ForwardPaging"}
    ),
    "POST /crm/objects/V/{type}/batch/read": Operation(_OBJECTS, f"BatchReadInput{_OBJECT}Id", _batch(_OBJECT)),
    "POST /crm/objects/V/{type}/batch/update": Operation(_OBJECTS, f"BatchInput{_OBJECT}BatchInput", _batch(_OBJECT)),
    "POST /crm/associations/V/{type}/{other}/batch/read": Operation(
        "crm.associations.v4", "BatchInputPublicFetchAssociationsBatchRequest", _batch(_ASSOCIATED)
    ),
    "GET /crm/properties/V/{type}": Operation(_PROPERTIES, None, {200: "CollectionResponsePropertyNoPaging"}),
    "GET /crm/properties/V/{type}/{name}": Operation(_PROPERTIES, None, {200: "ModelProperty"}),
    "PATCH /crm/properties/V/{type}/{name}": Operation(_PROPERTIES, "PropertyUpdate", {200: "ModelProperty"}),
    "POST /crm/properties/V/{type}/groups": Operation(_PROPERTIES, "PropertyGroupCreate", {201: "PropertyGroup"}),
    "POST /crm/properties/V/{type}/batch/create": Operation(
        _PROPERTIES, "BatchInputPropertyCreate", _batch("Property", made=201)
    ),
    "GET /crm/pipelines/V/{type}": Operation("crm.pipelines", None, {200: "CollectionResponsePipelineNoPaging"}),
    "POST /crm/lists/V/": Operation(_LISTS, "ListCreateRequest", {200: "ListCreateResponse"}),
    "GET /crm/lists/V/": Operation(_LISTS, None, {200: "ListsByIdResponse"}),
    "POST /crm/lists/V/search": Operation(_LISTS, "ListSearchRequest", {200: "ListSearchResponse"}),
    "GET /crm/lists/V/object-type-id/{type}/name/{name}": Operation(_LISTS, None, {200: "ListFetchResponse"}),
    "GET /crm/lists/V/{list}": Operation(_LISTS, None, {200: "ListFetchResponse"}),
    "PUT /crm/lists/V/{list}/restore": Operation(_LISTS, None, {204: None}),
    "PUT /crm/lists/V/{list}/memberships/add-and-remove": Operation(
        _LISTS, "MembershipChangeRequest", {200: "MembershipsUpdateResponse"}
    ),
    "GET /crm/lists/V/{list}/memberships": Operation(_LISTS, None, {200: _MEMBERS}),
    "GET /crm/lists/V/{list}/memberships/join-order": Operation(_LISTS, None, {200: _MEMBERS}),
    "POST /crm/lists/V/folders": Operation(_LISTS, "ListFolderCreateRequest", {200: "ListFolderCreateResponse"}),
    "GET /crm/lists/V/folders": Operation(_LISTS, None, {200: _FOLDER}),
    "PUT /crm/lists/V/folders/move-list": Operation(_LISTS, "ListMoveRequest", {204: None}),
    "PUT /crm/lists/V/folders/{folder}/rename": Operation(_LISTS, None, {200: _FOLDER}),
    "PUT /crm/lists/V/folders/{folder}/move/{parent}": Operation(_LISTS, None, {200: _FOLDER}),
}
"""Operation -> what the SDK says of it; V stands for the dated version."""

UNKNOWN: Mapping[str, str] = {
    "GET /account-info/V/details": "the SDK has no account-info",
    "GET /account-info/V/api-usage/daily": "the SDK has no account-info",
    "GET /account-info/V/api-usage/daily/private-apps": "the SDK has no account-info",
    "GET /crm/limits/V/custom-properties": "the SDK has no limits",
    "GET /crm/property-validations/V/{type}": "the SDK has no property validations",
    "POST /crm/lists/V/records/memberships/batch/read": "newer than the SDK",
    "POST /oauth/V/token": "dated; the SDK has v1 only, with its secrets in other places",
    "POST /oauth/V/token/introspect": "dated; the SDK has v1 only, which asks by path",
    "POST /oauth/V/token/revoke": "dated; the SDK has v1 only, which asks by path",
    "GET /communication-preferences/V/definitions": "the SDK has v3 only, one address a call",
    "POST /communication-preferences/V/statuses/batch/read": "newer than the SDK",
    "GET /webhooks-journal/subscriptions/V": "newer than the SDK",
    "POST /webhooks-journal/subscriptions/V": "newer than the SDK",
    "GET /webhooks-journal/journal-local/V/earliest": "newer than the SDK",
    "GET /webhooks-journal/journal-local/V/latest": "newer than the SDK",
    "GET /webhooks-journal/journal-local/V/offset/{offset}/next": "newer than the SDK",
    "GET /webhooks-journal/journal-local/V/batch/{offset}/next/{count}": "newer than the SDK",
}
"""Operation that the SDK does not have -> why."""

FURTHER: Mapping[str, str] = {
    "Error.status": "HubSpot's error guide shows `status` in every error; the SDK's model leaves it out",
    "Error.errorType": "429s name their kind (usage guidelines)",
    "Error.policyName": "429s name the limit that was met (usage guidelines)",
}
"""Fields of answers that HubSpot documents and the SDK's undated models leave out."""

RETYPED: Mapping[str, str] = {
    "PublicObjectSearchRequest.sorts": "list[object]",  # the search guide shows objects; the model says text
    "PublicListFolder.id": "str",  # the reference of the folders shows text; the model says numbers
    "PublicListFolder.parentFolderId": "str",
}
"""Fields whose documented type is another than the SDK's."""


@dataclass(kw_only=True)
class Oracle:
    """What was seen so far, and what was wrong with it.

    Attributes:
        seen: operation -> how often it was called.
        violations: sentences of operation and field, emptied by `told`.
        sandboxes: base URLs whose answers are judged.
    """

    seen: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    sandboxes: set[str] = field(default_factory=set)

    def watch(self, base_url: str, call: Any, answer: Any) -> None:
        """Judge one exchange: `call` and `answer` are the wire's own. A file elsewhere has no path here."""
        if not call.path:
            return
        name = operation_of(call.method, call.path)
        self.seen[name or f"{call.method} {call.path}"] += 1
        if name is None:
            self.violations.append(f"{call.method} {call.path}: no operation that the oracle knows, or not dated")
        elif known := KNOWN.get(name):
            found = list(_request_problems(known, call.content))
            if base_url.rstrip("/") in self.sandboxes and SPOILT not in answer.headers:
                found += _answer_problems(known, answer.status, answer.body)
            self.violations += [f"{name}: {one}" for one in found]

    def told(self) -> list[str]:
        """What was wrong since the last time, each sentence once."""
        found, self.violations = list(dict.fromkeys(self.violations)), []
        return found


def operation_of(method: str, path: str) -> str | None:
    """The operation's name in KNOWN or UNKNOWN; None for any other path, undated ones among them."""
    return next((name for name, pattern in _patterns()[method] if pattern.fullmatch(path)), None)


@cache
def _patterns() -> Mapping[str, list[tuple[str, re.Pattern[str]]]]:
    found: dict[str, list[tuple[str, re.Pattern[str]]]] = {"GET": [], "POST": [], "PUT": [], "PATCH": [], "DELETE": []}
    for name in sorted([*KNOWN, *UNKNOWN], key=lambda name: name.count("{")):
        method, _, path = name.partition(" ")
        dated = re.sub(r"\{\w+\}", r"[^/]+", re.sub(r"/V(?=/|$)", r"/\\d{4}-\\d{2}", path))
        found[method].append((name, re.compile(dated)))
    return found


def _request_problems(known: Operation, content: bytes | None) -> Iterator[str]:
    if known.request is None:
        if content:
            yield "the request has a body, HubSpot's has none"
        return
    body = json.loads(content or b"null")
    yield from _referee(known.package).problems(known.request, body, {})


def _answer_problems(known: Operation, status: int, body: Any) -> Iterator[str]:
    if status >= 300:
        if body:
            yield from _referee(known.package).problems("Error", body, FURTHER)
    elif status not in known.answers:
        yield f"the answer's status is {status}; HubSpot's are {sorted(known.answers)}"
    elif model := known.answers[status]:
        yield from _referee(known.package).problems(model, body, FURTHER)


@cache
def _referee(package: str) -> "Referee":
    return Referee(package)


class Referee:
    """One package of the SDK, with validation on."""

    def __init__(self, package: str) -> None:
        module = importlib.import_module(f"hubspot.{package}")
        configuration = module.Configuration()
        configuration.client_side_validation = True
        self._client = module.ApiClient(configuration)
        self._models = importlib.import_module(f"hubspot.{package}.models")

    def problems(self, model: str, data: Any, further: Mapping[str, str]) -> Iterator[str]:
        """What the model has against `data`: unknown fields, wrong types, missing fields, values outside an enum.

        Args:
            further: `Model.field` of fields that are documented elsewhere.
        """
        sample = _sample(data)
        found = list(self._shape(model, sample, model, further))
        yield from found
        if not found:
            try:
                self._client.deserialize(SimpleNamespace(data=json.dumps(sample)), model)
            except ValueError as wrong:
                yield f"{model}: {wrong}"

    def _shape(self, kind: str, data: Any, where: str, further: Mapping[str, str]) -> Iterator[str]:
        """The SDK converts and drops what does not fit; this does not."""
        if data is None or kind == "object":
            return
        if kind.startswith(("list[", "dict[")):
            yield from self._many(kind, data, where, further)
        elif plain := _PLAIN.get(kind):
            if not isinstance(data, plain) or (plain is int and isinstance(data, bool)):
                yield f"{where} is no {kind}: {type(data).__name__}"
            elif kind == "datetime" and not _is_time(data):
                yield f"{where} is no time with a zone"
        else:
            yield from self._fields(kind, data, where, further)

    def _many(self, kind: str, data: Any, where: str, further: Mapping[str, str]) -> Iterator[str]:
        wanted: type = list if kind.startswith("list[") else dict
        if not isinstance(data, wanted):
            yield f"{where} is no {kind}: {type(data).__name__}"
            return
        inner = kind[5:-1] if wanted is list else kind[:-1].partition(", ")[2]
        for one in data.values() if isinstance(data, dict) else data:
            yield from self._shape(inner, one, f"{where}[]", further)

    def _fields(self, kind: str, data: Any, where: str, further: Mapping[str, str]) -> Iterator[str]:
        model = getattr(self._models, kind)
        if not model.openapi_types:  # a choice of models; the SDK itself looks no further
            return
        if not isinstance(data, dict):
            yield f"{where} is no {kind}: {type(data).__name__}"
            return
        types = {model.attribute_map[name]: of for name, of in model.openapi_types.items()}
        for name, value in data.items():
            full = f"{kind}.{name}"
            if name in types:
                yield from self._shape(RETYPED.get(full, types[name]), value, f"{where}.{name}", further)
            elif full not in further:
                yield f"{where} has a field that {kind} does not know: {name}"


def _sample(data: Any) -> Any:
    """`data` with every long list cut to its first two entries and its last."""
    if isinstance(data, dict):
        return {name: _sample(value) for name, value in data.items()}
    if isinstance(data, list):
        return [_sample(one) for one in (data if len(data) <= 3 else [*data[:2], data[-1]])]
    return data


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
