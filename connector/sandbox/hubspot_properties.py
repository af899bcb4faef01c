"""Property definitions and their groups: `/crm/properties/{version}/{type}`."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from connector.sandbox.clock import iso
from connector.sandbox.exchange import Answer, Call, Operation, Refusal
from connector.sandbox.hubspot_account import refuse_full
from connector.sandbox.hubspot_answers import batch
from connector.sandbox.hubspot_errors import conflict, fields, inputs, invalid, not_found, row_error
from connector.sandbox.hubspot_portal import Portal
from connector.sandbox.hubspot_schema import FIELD_TYPES, definition
from connector.sandbox.hubspot_scopes import schemas
from connector.sandbox.hubspot_types import ObjectType

BATCH = 100
UNIQUE = 10
"""Most properties of a type whose values are unique (source: HubSpot's properties guide)."""
REQUIRED = ("groupName", "name", "label", "type", "fieldType")
CHANGEABLE = {
    "groupName",
    "label",
    "type",
    "fieldType",
    "options",
    "description",
    "displayOrder",
    "hidden",
    "formField",
}


def list_all(portal: Portal, call: Call) -> Answer:
    """All definitions of a type; `archived=true` lists the archived ones instead."""
    kind = portal.kind(call.params["type"])
    portal.definitions(kind)
    rows = portal.state.rows("SELECT definition FROM property WHERE type = ? ORDER BY name", kind.id)
    all_of_them = [json.loads(text) for (text,) in rows]
    return Answer(content={"results": [one for one in all_of_them if one["archived"] == call.flag("archived")]})


def get_one(portal: Portal, call: Call) -> Answer:
    """One definition by name."""
    return Answer(content=_find(portal, portal.kind(call.params["type"]), call.params["name"]))


def _find(portal: Portal, kind: ObjectType, name: str) -> dict[str, Any]:
    if found := portal.definitions(kind).get(name):
        return found
    raise not_found(f"Property {name} does not exist", context={"propertyName": [name]})


def create(portal: Portal, call: Call) -> Answer:
    """A new property."""
    kind = portal.kind(call.params["type"])
    return Answer(status=201, content=_created(portal, kind, fields(call, *REQUIRED)))


def create_many(portal: Portal, call: Call) -> Answer:
    """New properties; a name that is taken is an error row of a 207, any other bad input fails all."""
    kind = portal.kind(call.params["type"])
    results, errors = [], []
    for row in inputs(call, BATCH):
        try:
            results.append(_created(portal, kind, row))
        except Refusal as refusal:
            if refusal.answer.status != 409:
                raise
            errors.append(
                row_error(refusal.answer.content["message"], "OBJECT_ALREADY_EXISTS", {"name": [row["name"]]})
            )
    return Answer(status=207 if errors else 201, content=batch(portal, results, errors))


def _created(portal: Portal, kind: ObjectType, row: Mapping[str, Any]) -> dict[str, Any]:
    _refuse_bad(portal, kind, row)
    name = row["name"]
    if name in portal.definitions(kind):
        message = f"A property named '{name}' already exists."
        raise conflict(message, category="OBJECT_ALREADY_EXISTS", context={"name": [name]})
    refuse_full(portal, kind)
    extra = {key: row[key] for key in (*CHANGEABLE, "hasUniqueValue") if key in row and key not in _BUILT}
    made = definition(
        name,
        row["type"],
        group=row["groupName"],
        label=row["label"],
        field_type=row["fieldType"],
        options=row.get("options") or [],
        at=portal.clock.milliseconds(),
        **extra,
    )
    portal.define(kind, made)
    return made


_BUILT = {"groupName", "label", "type", "fieldType", "options"}


def _refuse_bad(portal: Portal, kind: ObjectType, row: Mapping[str, Any]) -> None:
    if missing := [name for name in REQUIRED if not row.get(name)]:
        raise invalid(f"Invalid input JSON: Some required fields were not set: {missing}")
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,99}", str(row["name"])):
        raise invalid("Property names are lower-case letters, digits and underscores, and begin with a letter")
    _refuse_bad_type(row)
    if row["groupName"] not in _groups(portal, kind):
        raise invalid(f"Property group '{row['groupName']}' does not exist")
    unique = [one for one in portal.definitions(kind).values() if one["hasUniqueValue"]]
    if row.get("hasUniqueValue") and len(unique) >= UNIQUE:
        raise invalid(f"{kind.id} already has {UNIQUE} unique properties")


def _refuse_bad_type(row: Mapping[str, Any]) -> None:
    if row["fieldType"] not in FIELD_TYPES.get(row["type"], ()):
        raise invalid(f"fieldType '{row['fieldType']}' does not go with type '{row['type']}'")
    for option in row.get("options") or []:
        if missing := [name for name in ("label", "value", "displayOrder") if option.get(name) in (None, "")]:
            raise invalid(f"Invalid input JSON: Some required fields were not set: options.{missing}")


def read_many(portal: Portal, call: Call) -> Answer:
    """Definitions by name; names that are not there are one error row of a 207."""
    kind = portal.kind(call.params["type"])
    wanted = [str(row.get("name", "")) for row in inputs(call, BATCH)]
    known = portal.definitions(kind)
    missing = [name for name in wanted if name not in known]
    errors = [row_error("Some properties do not exist", "OBJECT_NOT_FOUND", {"name": missing})] if missing else []
    content = batch(portal, [known[name] for name in wanted if name in known], errors)
    return Answer(status=207 if errors else 200, content=content)


def update(portal: Portal, call: Call) -> Answer:
    """Change how a property of ours looks; HubSpot's own cannot be changed."""
    kind = portal.kind(call.params["type"])
    old = _find(portal, kind, call.params["name"])
    changes = {name: value for name, value in fields(call).items() if name in CHANGEABLE}
    if old["hubspotDefined"]:
        raise invalid(f"Property {old['name']} is defined by HubSpot and cannot be changed")
    new = {**old, **changes, "updatedAt": iso(portal.clock.milliseconds())}
    _refuse_bad_type(new)
    portal.define(kind, new)
    return Answer(content=new)


def delete(portal: Portal, call: Call) -> Answer:
    """Archive a property of ours."""
    kind = portal.kind(call.params["type"])
    old = _find(portal, kind, call.params["name"])
    if old["hubspotDefined"]:
        raise invalid(f"Property {old['name']} is defined by HubSpot and cannot be archived")
    portal.define(kind, {**old, "archived": True, "archivedAt": iso(portal.clock.milliseconds())})
    return Answer(status=204)


def list_groups(portal: Portal, call: Call) -> Answer:
    """The groups of a type."""
    return Answer(content={"results": list(_groups(portal, portal.kind(call.params["type"])).values())})


def get_group(portal: Portal, call: Call) -> Answer:
    """One group by name."""
    groups = _groups(portal, portal.kind(call.params["type"]))
    if call.params["name"] not in groups:
        raise not_found(f"Property group {call.params['name']} does not exist")
    return Answer(content=groups[call.params["name"]])


def create_group(portal: Portal, call: Call) -> Answer:
    """A new group."""
    kind = portal.kind(call.params["type"])
    body = fields(call, "name", "label")
    if body["name"] in _groups(portal, kind):
        raise conflict(f"A property group named '{body['name']}' already exists.", category="OBJECT_ALREADY_EXISTS")
    position = body.get("displayOrder", -1)
    portal.state.run("INSERT INTO property_group VALUES (?, ?, ?, ?)", kind.id, body["name"], body["label"], position)
    return Answer(status=201, content=_groups(portal, kind)[body["name"]])


def _groups(portal: Portal, kind: ObjectType) -> dict[str, dict[str, Any]]:
    portal.definitions(kind)
    rows: Sequence[Any] = portal.state.rows(
        "SELECT name, label, position FROM property_group WHERE type = ? ORDER BY name", kind.id
    )
    return {
        name: {"name": name, "label": label, "displayOrder": position, "archived": False}
        for name, label, position in rows
    }


PATH = "/crm/properties/{version}/{type}"

OPERATIONS = (
    Operation(method="GET", path=PATH, handle=list_all, scopes=schemas("read")),
    Operation(method="POST", path=PATH, handle=create, write=True, scopes=schemas("write")),
    Operation(method="POST", path=PATH + "/batch/create", handle=create_many, write=True, scopes=schemas("write")),
    Operation(method="POST", path=PATH + "/batch/read", handle=read_many, scopes=schemas("read")),
    Operation(method="GET", path=PATH + "/groups", handle=list_groups, scopes=schemas("read")),
    Operation(method="POST", path=PATH + "/groups", handle=create_group, write=True, scopes=schemas("write")),
    Operation(method="GET", path=PATH + "/groups/{name}", handle=get_group, scopes=schemas("read")),
    Operation(method="GET", path=PATH + "/{name}", handle=get_one, scopes=schemas("read")),
    Operation(method="PATCH", path=PATH + "/{name}", handle=update, write=True, scopes=schemas("write")),
    Operation(method="DELETE", path=PATH + "/{name}", handle=delete, write=True, scopes=schemas("write")),
)
