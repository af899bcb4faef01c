"""The sandbox Meta's custom audiences: made, listed, looked at, renamed, deleted."""

import json
import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from connector.sandbox.exchange import Answer, Call, Operation, Refusal
from connector.sandbox.meta_account import Account
from connector.sandbox.meta_errors import error, invalid, no_such
from connector.sandbox.meta_params import listed, number, params
from connector.sandbox.meta_replace import settle

CUSTOM = "CUSTOM"
SOURCES = ("USER_PROVIDED_ONLY", "PARTNER_PROVIDED_ONLY", "BOTH_USER_AND_PARTNER_PROVIDED")
RESTRICTIONS = ("EXCLUSION_ONLY", "")
LABEL = re.compile(r"[A-Z_]+").fullmatch
"""How `audience_labels` are written; which there are is not published in full."""
NAME = 50
"""Characters that a name may have: the guide does not say; Ads Manager takes 50."""


def found(account: Account, id: str, what: str = "get") -> sqlite3.Row:
    """An audience that is there."""
    if audience := account.audience(id):
        return audience
    raise no_such(id, what)


def flags(account: Account, name: str) -> bool:
    """Whether a name tells what no audience may."""
    return any(word in name.lower() for word in account.settings.flagged_words)


def create(account: Account, call: Call) -> Answer:
    """POST /act_{id}/customaudiences."""
    told = params(call)
    values = _wanted(account, told)
    if not account.settings.terms_accepted:
        raise Refusal(error(400, 200, "Permissions error", 1_870_090, error_user_title=_TERMS))
    ours = sum(one["subtype"] == CUSTOM for one in account.audiences())
    if values["subtype"] == CUSTOM and ours >= account.settings.audience_limit:
        words = f"You have reached the limit of {account.settings.audience_limit} custom audiences."
        raise Refusal(error(400, 2654, "Failed to create custom audience", 1_713_007, error_user_msg=words))
    return Answer(content={"id": str(account.make(**values))})


_TERMS = "Custom Audience Terms Not Accepted"


def _wanted(account: Account, told: Mapping[str, Any]) -> dict[str, Any]:
    name, subtype = str(told.get("name", "")), told.get("subtype", CUSTOM)
    restriction, labels = told.get("usage_restriction", ""), listed(told, "audience_labels")
    if not name or len(name) > NAME:
        raise invalid(f"param name must have between 1 and {NAME} characters.")
    if subtype == CUSTOM and told.get("customer_file_source") not in SOURCES:
        raise invalid("The parameter customer_file_source is required", 1_870_115)
    if restriction not in RESTRICTIONS or not all(LABEL(str(one)) for one in labels):
        raise invalid("param usage_restriction or audience_labels must be one of the values that there are.")
    known = {"name": name, "subtype": subtype, "restriction": restriction, "labels": json.dumps(labels)}
    return {**known, "description": str(told.get("description", "")), "flagged": flags(account, name)}


def shown(account: Account, audience: sqlite3.Row, fields: Sequence[str]) -> dict[str, Any]:
    """The fields of an audience that were asked for; its id always."""
    return {"id": str(audience["id"])} | {name: _FIELDS[name](account, audience) for name in fields if name in _FIELDS}


def _status(account: Account, audience: sqlite3.Row) -> dict[str, Any]:
    """What stands with an audience. Codes other than 200 and 471 are not published; the words are."""
    if audience["flagged"]:
        return {"code": 471, "description": "This audience has been flagged and cannot be used in ads."}
    if audience["id"] in account.replacing:
        return {"code": 414, "description": "replace_in_progress"}
    if audience["id"] in account.failed:
        return {"code": 415, "description": "replace_error"}
    return {"code": 200, "description": "Normal"}


_FIELDS: Mapping[str, Callable[[Account, sqlite3.Row], Any]] = {
    "name": lambda account, audience: audience["name"],
    "description": lambda account, audience: audience["description"],
    "subtype": lambda account, audience: audience["subtype"],
    "usage_restriction": lambda account, audience: audience["restriction"],
    "audience_labels": lambda account, audience: json.loads(audience["labels"]),
    "time_created": lambda account, audience: audience["created"] // 1_000,
    "operation_status": _status,
    "account_id": lambda account, audience: account.settings.account,
    "approximate_count_lower_bound": lambda account, audience: max(1_000, account.size(audience["id"])),
}


def _fields(told: Mapping[str, Any]) -> list[str]:
    return [name for name in str(told.get("fields", "")).split(",") if name]


def every(account: Account, call: Call) -> Answer:
    """GET /act_{id}/customaudiences, page by page; a cursor is the last id of the page before."""
    told, settings = params(call), account.settings
    limit = min(number(told, "limit", 25), settings.page)
    after = number(told, "after", 2**62)
    rest = [one for one in account.audiences() if one["id"] < after]
    answer: dict[str, Any] = {"data": [shown(account, one, _fields(told)) for one in rest[:limit]]}
    if rest:
        cursor = str(rest[:limit][-1]["id"])
        more = {"next": f"{call.url}{call.path}?after={cursor}"} if len(rest) > limit else {}
        answer["paging"] = {"cursors": {"before": str(rest[0]["id"]), "after": cursor}, **more}
    return Answer(content=answer)


def look(account: Account, call: Call) -> Answer:
    """GET /{audience}."""
    settle(account)
    audience = found(account, call.params["audience"])
    return Answer(content=shown(account, audience, _fields(params(call))))


def change(account: Account, call: Call) -> Answer:
    """POST /{audience}: its name or description."""
    audience, told = found(account, call.params["audience"], "post"), params(call)
    account.change(audience["id"], {name: told[name] for name in ("name", "description") if name in told})
    if "name" in told and flags(account, told["name"]):
        account.change(audience["id"], {"flagged": True})
    return Answer(content={"success": True})


def delete(account: Account, call: Call) -> Answer:
    """DELETE /{audience}."""
    account.delete(found(account, call.params["audience"], "delete")["id"])
    return Answer(content={"success": True})


_LIST = "/{version}/act_{account}/customaudiences"
ROOM = (
    Operation(method="POST", path=_LIST, handle=create, write=True),
    Operation(method="GET", path=_LIST, handle=every),
)
"""Those of the account."""
ONE = (
    Operation(method="GET", path="/{version}/{audience}", handle=look),
    Operation(method="POST", path="/{version}/{audience}", handle=change, write=True),
    Operation(method="DELETE", path="/{version}/{audience}", handle=delete, write=True),
)
"""Those of one audience; their paths match almost anything, so they come last."""
