"""The referee itself: it sees every call of the adapter, knows every operation, and catches what is wrong."""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from bench_hubspot import Bench
from crm_promises import LOYAL, change, ids, pulled, rows, writing
from sdk_oracle import KNOWN, SPOILT, UNKNOWN, Oracle, operation_of

from connector import limits
from connector.crms._hubspot.api import Api
from connector.errors import LamplighterError, ListGone

METHODS: dict[str, tuple[str, ...]] = {
    "page": ("GET /crm/objects/V/{type}",),
    "archived": ("GET /crm/objects/V/{type}",),
    "search": ("POST /crm/objects/V/{type}/search",),
    "count": ("POST /crm/objects/V/{type}/search",),
    "read": ("POST /crm/objects/V/{type}/batch/read",),
    "update": ("POST /crm/objects/V/{type}/batch/update",),
    "associated": ("POST /crm/associations/V/{type}/{other}/batch/read",),
    "properties": ("GET /crm/properties/V/{type}",),
    "archived_properties": ("GET /crm/properties/V/{type}",),
    "property": ("GET /crm/properties/V/{type}/{name}",),
    "change_property": ("PATCH /crm/properties/V/{type}/{name}",),
    "create_group": ("POST /crm/properties/V/{type}/groups",),
    "create_properties": ("POST /crm/properties/V/{type}/batch/create",),
    "list_named": ("GET /crm/lists/V/object-type-id/{type}/name/{name}",),
    "list_with_id": ("GET /crm/lists/V/{list}",),
    "lists_with_ids": ("GET /crm/lists/V/",),
    "restore_list": ("PUT /crm/lists/V/{list}/restore",),
    "folder": ("GET /crm/lists/V/folders",),
    "create_folder": ("POST /crm/lists/V/folders",),
    "create_list": ("POST /crm/lists/V/",),
    "members": ("GET /crm/lists/V/{list}/memberships",),
    "change_members": ("PUT /crm/lists/V/{list}/memberships/add-and-remove",),
    "lists_of": ("POST /crm/lists/V/records/memberships/batch/read",),
    "validation_rules": ("GET /crm/property-validations/V/{type}",),
    "property_room": ("GET /crm/limits/V/custom-properties",),
    "subscription_statuses": ("POST /communication-preferences/V/statuses/batch/read",),
    "account": ("GET /account-info/V/details",),
    "scopes": ("POST /oauth/V/token/introspect",),
}
"""Method of Api -> the operations it stands for."""

HELD = pa.schema(
    [
        ("key", pa.string()),
        ("version", pa.timestamp("us", "UTC")),
        ("gone", pa.bool_()),
        ("bare", pa.bool_()),
        ("points_to", pa.string()),
        ("replaces", pa.string()),
    ]
)
"""See `connector.ports.Held`."""

ELSEWHERE = frozenset({"subscription_statuses"})
"""Methods that only another kind of account has; their own tests are watched like all others."""

CONTACT = {"id": "1", "properties": {}, "createdAt": "2026-01-01T00:00:00Z", "updatedAt": "2026-01-01T00:00:00Z"}


def watched(
    method: str, path: str, *, body: Any = None, status: int = 200, answer: Any = None, **headers: str
) -> list[str]:
    """What a fresh oracle says of one exchange with a sandbox."""
    oracle = Oracle(sandboxes={"http://there"})
    content = None if body is None else json.dumps(body).encode()
    call = SimpleNamespace(method=method, path=path, content=content)
    oracle.watch("http://there/", call, SimpleNamespace(status=status, body=answer or {}, headers=headers))
    return oracle.told()


@pytest.mark.parametrize(
    ("method", "path", "body", "wrong"),
    [
        ("POST", "/crm/objects/2026-09/contacts/search", {"limit": "200"}, "limit is no int"),
        ("POST", "/crm/objects/2026-09/contacts/search", {"filter": []}, "does not know: filter"),
        (
            "POST",
            "/crm/objects/2026-09/contacts/search",
            {"filterGroups": [{"filters": [{"propertyName": "x", "operator": "ABOUT"}]}]},
            "`operator` (ABOUT)",
        ),
        ("POST", "/crm/objects/2026-09/contacts/batch/read", {"inputs": [{"id": "1"}]}, "`properties_with_history`"),
        ("POST", "/crm/objects/2026-09/contacts/batch/update", {"inputs": [{"id": "1"}]}, "`properties`"),
        ("POST", "/crm/objects/2026-09/contacts/batch/update", {"inputs": {"id": "1"}}, "inputs is no list"),
        ("PUT", "/crm/lists/2026-09/7/memberships/add-and-remove", {"recordIdsToAdd": ["1"]}, "record_ids_to_remove"),
        ("POST", "/crm/lists/2026-09/", {"name": "L", "objectTypeId": "0-1"}, "`processing_type`"),
        ("GET", "/crm/objects/2026-09/contacts", {"limit": 5}, "has a body"),
        ("GET", "/crm/v3/objects/contacts", None, "not dated"),
        ("DELETE", "/crm/objects/2026-09/contacts/1", None, "no operation that the oracle knows"),
    ],
)
def test_wrong_requests(method: str, path: str, body: Any, wrong: str) -> None:
    """A request that HubSpot's models do not allow is told with its operation and field, wherever it was sent."""
    told = watched(method, path, body=body, status=500)
    assert any(wrong in one for one in told), told


@pytest.mark.parametrize(
    ("status", "answer", "wrong"),
    [
        (200, {"results": [{**CONTACT, "id": 1}]}, "results[].id is no str"),
        (200, {"results": [{**CONTACT, "updatedAt": "2026-01-01 00:00"}]}, "no time with a zone"),
        (200, {"results": [{**CONTACT, "modified": 1}]}, "does not know: modified"),
        (200, {"results": [{"id": "1", "properties": {}}]}, "`created_at`"),
        (200, {"results": {}}, "results is no list"),
        (200, {"total": 1}, "does not know: total"),
        (201, {"results": []}, "status is 201"),
        (404, {"message": "no", "category": "OBJECT_NOT_FOUND"}, "`correlation_id`"),
    ],
)
def test_wrong_answers(status: int, answer: Any, wrong: str) -> None:
    """An answer that HubSpot would not give is told too."""
    told = watched("GET", "/crm/objects/2026-09/contacts", status=status, answer=answer)
    assert any(wrong in one for one in told), told


def test_right_ones_and_spoilt_ones() -> None:
    """What fits passes, and so does what the sandbox spoilt on purpose, or what came from elsewhere."""
    page = "/crm/objects/2026-09/contacts"
    assert watched("GET", page, answer={"results": [CONTACT] * 5}) == []
    assert watched("GET", page, answer={"nonsense": 1}, **{SPOILT: "1"}) == []
    elsewhere = Oracle()
    call = SimpleNamespace(method="GET", path=page, content=None)
    elsewhere.watch("http://elsewhere", call, SimpleNamespace(status=200, body={"nonsense": 1}, headers={}))
    assert elsewhere.told() == []


def test_the_last_of_a_long_list_is_judged() -> None:
    """Of a long list the first two and the last are looked at."""
    rows = [*[CONTACT] * 99, {**CONTACT, "id": None}]
    assert watched("GET", "/crm/objects/2026-09/contacts", answer={"results": rows})


def test_every_method_of_the_api_is_known() -> None:
    """A new call to HubSpot needs a line here, and an operation that the oracle knows or is told why it cannot."""
    methods = {name for name, one in vars(Api).items() if callable(one) and not name.startswith("_")}
    assert methods == METHODS.keys()
    assert {one for operations in METHODS.values() for one in operations} <= KNOWN.keys() | UNKNOWN.keys()
    assert not KNOWN.keys() & UNKNOWN.keys()


def test_an_operation_is_found_by_its_path() -> None:
    """Words of a path win over what stands for anything."""
    assert operation_of("GET", "/crm/lists/2026-09/folders") == "GET /crm/lists/V/folders"
    assert operation_of("GET", "/crm/lists/2026-09/77") == "GET /crm/lists/V/{list}"
    assert operation_of("GET", "/crm/lists/v3/77") is None


@pytest.fixture
def hubspot(world: Path) -> Iterator[Bench]:
    """HubSpot's bench with the small shop. Retries do not sleep."""
    limits.never_wait()
    with Bench(world) as bench:
        yield bench
    limits.never_wait(False)


def everything(bench: Bench) -> None:
    """An install, its first pull, its sweeps and its pushes, with both ways to keep audiences; and what goes wrong."""
    crm = bench.crm()
    crm.check()
    first = {stream: pulled(crm, stream) for stream in crm.streams()}
    cursors = {stream: batches[-1].cursor for stream, batches in first.items()}
    held = {stream: as_held(rows(batches)) for stream, batches in first.items()}
    crm.forecast(dict.fromkeys(cursors))
    bench.touch(ids(bench, 2), "Bath")
    for stream, cursor in cursors.items():
        pulled(crm, stream, cursor)
    for name in crm.sweeps():
        list(crm.sweep(name, None, lambda table: held[table], approved=True))
    pushed(bench)
    bench.kept.clear()
    bench.use("properties")
    pushed(bench)
    crm.check()


def as_held(seen: dict[str, dict[str, Any]]) -> pa.Table:
    """What a warehouse would tell a sweep of these rows."""
    points_to = ("contact_key", "order_key")
    told = [
        {
            "key": key,
            "version": row["version"],
            "gone": False,
            "bare": False,
            "points_to": next((row[name] for name in points_to if name in row), None),
            "replaces": None,
        }
        for key, row in sorted(seen.items())
    ]
    return pa.Table.from_pylist(told, schema=HELD)


def pushed(bench: Bench) -> None:
    """A list and properties, written, read back, deleted by somebody and restored; as many lists as may be."""
    crm = bench.crm(max_lists=1)
    crm.provision()
    bench.delete_list(crm.ensure([LOYAL]).ids[LOYAL.name])
    with suppress(ListGone):
        crm.deliver(change(add=ids(bench, 2)))
    crm.ensure([LOYAL])
    crm.ensure([replace(LOYAL, name="more", label="More")])
    crm.deliver(change(add=ids(bench, 2)))
    crm.deliver(writing({one: {"last_purchase": "2026-09-01"} for one in ids(bench, 2)}))
    crm.read_back(change(add=ids(bench, 3)))
    assert sorted(one for page in crm.members(LOYAL.name) for one in page) == ids(bench, 2)
    crm.alive(ids(bench, 2))


def test_a_full_pass_makes_every_call_there_is(hubspot: Bench, oracle: Oracle) -> None:
    """Every operation that the adapter knows is made here at least once, and none is refused by the SDK's models."""
    before = oracle.seen.copy()
    everything(hubspot)
    made = oracle.seen - before
    wanted = {one for name, operations in METHODS.items() if name not in ELSEWHERE for one in operations}
    assert wanted - made.keys() == set()
    assert oracle.violations == []


def test_a_call_that_the_models_refuse_fails_its_test(
    hubspot: Bench, oracle: Oracle, request: pytest.FixtureRequest
) -> None:
    """The oracle hears what the adapter sends, and a test that says nothing of it fails all the same."""
    with pytest.raises(LamplighterError):
        hubspot.crm()._api.search("contacts", {"limit": "many"})
    plugins = request.config.pluginmanager.get_plugins()
    hook = next(one for one in plugins if hasattr(one, "ORACLE")).pytest_runtest_call(request.node)
    next(hook)
    with pytest.raises(pytest.fail.Exception, match="limit is no int"):
        hook.send(None)
    assert oracle.told() == []
