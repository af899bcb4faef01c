"""Pipelines and their stages, `/crm/pipelines/{version}/{type}`, and what HubSpot works out from a deal's stage."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from connector.sandbox.clock import iso
from connector.sandbox.exchange import Answer, Call, Operation
from connector.sandbox.hubspot_errors import fields, invalid, not_found
from connector.sandbox.hubspot_portal import Portal
from connector.sandbox.hubspot_schema import choices
from connector.sandbox.hubspot_scopes import objects
from connector.sandbox.hubspot_types import DEAL, ObjectType

SALES = {
    "appointmentscheduled": "0.2",
    "qualifiedtobuy": "0.4",
    "presentationscheduled": "0.6",
    "decisionmakerboughtin": "0.8",
    "contractsent": "0.9",
    "closedwon": "1.0",
    "closedlost": "0.0",
}
"""Stages of a new account's one pipeline of deals, with the probability that the deal is won."""
WON, LOST = 1.0, 0.0


def furnish(portal: Portal) -> None:
    """Give a new portal its pipeline of deals."""
    stages = [_stage(portal, name, name, place, chance) for place, (name, chance) in enumerate(SALES.items())]
    _keep(portal, DEAL, "default", "Sales Pipeline", 0, stages)


def _keep(
    portal: Portal, kind: ObjectType, number: str, label: str, place: int, stages: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    one = {"id": number, "label": label, "displayOrder": place, "stages": stages, **_dated(portal)}
    portal.state.run("INSERT INTO pipeline VALUES (?, ?, ?)", kind.id, number, json.dumps(one, sort_keys=True))
    _offer(portal, kind)
    return one


def _dated(portal: Portal) -> dict[str, Any]:
    now = iso(portal.clock.milliseconds())
    return {"createdAt": now, "updatedAt": now, "archived": False}


def _stage(portal: Portal, number: str, label: str, place: int, chance: str) -> dict[str, Any]:
    closed = str(float(chance) in (WON, LOST)).lower()
    return {
        "id": number,
        "label": label,
        "displayOrder": place,
        "metadata": {"isClosed": closed, "probability": chance},
        "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
        **_dated(portal),
    }


def _offer(portal: Portal, kind: ObjectType) -> None:
    """Stages and pipelines are the options of two properties of a deal."""
    known = pipelines(portal, kind)
    stages = [stage["id"] for one in known for stage in one["stages"]]
    for name, values in (("dealstage", stages), ("pipeline", [one["id"] for one in known])):
        options = [{"description": "", "hidden": False, "displayOrder": at} | one for at, one in _numbered(values)]
        portal.define(kind, {**portal.definitions(kind)[name], "options": options})


def _numbered(values: Sequence[str]) -> Any:
    return enumerate(choices(values))


def pipelines(portal: Portal, kind: ObjectType) -> list[dict[str, Any]]:
    """All pipelines of a type, in the order people see them."""
    rows = portal.state.rows("SELECT definition FROM pipeline WHERE type = ?", kind.id)
    return sorted((json.loads(text) for (text,) in rows), key=lambda one: (one["displayOrder"], one["label"]))


def computed(portal: Portal, kind: ObjectType, values: Mapping[str, str]) -> Mapping[str, str]:
    """`values` with what follows from a deal's stage: its pipeline, whether it is closed, won or lost."""
    if kind is not DEAL or not values.get("dealstage"):
        return values
    pipeline, stage = _found(portal, kind, values["dealstage"])
    if values.get("pipeline", pipeline) not in ("", pipeline):
        raise invalid(f"Stage {stage['id']} is not part of pipeline {values['pipeline']}")
    chance, closed = stage["metadata"]["probability"], stage["metadata"]["isClosed"]
    return {
        **values,
        "pipeline": pipeline,
        "hs_deal_stage_probability": chance,
        "hs_is_closed": closed,
        "hs_is_closed_won": str(closed == "true" and float(chance) == WON).lower(),
        "hs_is_closed_lost": str(closed == "true" and float(chance) == LOST).lower(),
    }


def _found(portal: Portal, kind: ObjectType, number: str) -> tuple[str, dict[str, Any]]:
    stages = [(one["id"], stage) for one in pipelines(portal, kind) for stage in one["stages"]]
    return next((pipeline, stage) for pipeline, stage in stages if stage["id"] == number)


def list_all(portal: Portal, call: Call) -> Answer:
    """All pipelines of a type."""
    return Answer(content={"results": pipelines(portal, portal.kind(call.params["type"]))})


def get_one(portal: Portal, call: Call) -> Answer:
    """One pipeline by id."""
    return Answer(content=_one(portal, call))


def get_stages(portal: Portal, call: Call) -> Answer:
    """The stages of one pipeline."""
    return Answer(content={"results": _one(portal, call)["stages"]})


def _one(portal: Portal, call: Call) -> dict[str, Any]:
    known = pipelines(portal, portal.kind(call.params["type"]))
    found = [one for one in known if one["id"] == call.params["pipeline"]]
    if not found:
        raise not_found(f"Pipeline {call.params['pipeline']} does not exist")
    return found[0]


def create(portal: Portal, call: Call) -> Answer:
    """A further pipeline of deals; a stage of probability 1.0 wins a deal, one of 0.0 loses it."""
    kind = portal.kind(call.params["type"])
    body = fields(call, "label", "displayOrder", "stages")
    if kind is not DEAL or not isinstance(body["stages"], list) or not body["stages"]:
        raise invalid("A pipeline of deals with at least one stage is wanted")
    stages = [_new_stage(portal, stage, place) for place, stage in enumerate(body["stages"])]
    number = str(portal.state.next_id("pipeline"))
    return Answer(status=201, content=_keep(portal, kind, number, body["label"], body["displayOrder"], stages))


def _new_stage(portal: Portal, stage: Mapping[str, Any], place: int) -> dict[str, Any]:
    chance = str((stage.get("metadata") or {}).get("probability", ""))
    if not stage.get("label") or chance not in {f"{tenth / 10}" for tenth in range(11)}:
        raise invalid("A stage of deals has a label, and a metadata.probability of 0.0 to 1.0 in tenths")
    return _stage(portal, str(portal.state.next_id("stage")), stage["label"], stage.get("displayOrder", place), chance)


PATH = "/crm/pipelines/{version}/{type}"

OPERATIONS = (
    Operation(method="GET", path=PATH, handle=list_all, scopes=objects("read")),
    Operation(method="POST", path=PATH, handle=create, write=True, scopes=objects("write")),
    Operation(method="GET", path=PATH + "/{pipeline}", handle=get_one, scopes=objects("read")),
    Operation(method="GET", path=PATH + "/{pipeline}/stages", handle=get_stages, scopes=objects("read")),
)
