"""User lists: made, shown, changed, deleted.

Source: google/ads/datamanager/v1/user_list.proto, user_list_service.proto and the enum ErrorReason.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from connector.sandbox.exchange import Answer, Call, Operation
from connector.sandbox.google_account import Account, UserList
from connector.sandbox.google_errors import Failed, invalid, not_found

PARENT = "/v1/accountTypes/{kind}/accounts/{account}/userLists"
DAY = 86_400
LONGEST_DAYS = 540
"""A membership lasts no longer (source: Google Ads developer blog, 2025-02, on membership durations)."""
DEFAULT_PAGE, LARGEST_PAGE = 50, 1_000
CHANGEABLE = frozenset({"displayName", "description", "membershipStatus", "integrationCode", "membershipDuration"})
_CONDITION = re.compile(r'(\w+)\s*(=|!=)\s*"?([^"]*?)"?')
_FILTERED = {
    "id": "id",
    "display_name": "displayName",
    "description": "description",
    "membership_status": "membershipStatus",
    "integration_code": "integrationCode",
    "access_reason": "accessReason",
}


def create(account: Account, call: Call) -> Answer:
    """A new list."""
    wanted = _body(call)
    _check_account(account)
    _check(account, wanted, "")
    if _keys(wanted) != ["CONTACT_ID"]:
        raise invalid("UNSUPPORTED_USER_LIST_UPLOAD_KEY_TYPES", "user_list.ingested_user_list_info", "Not supported.")
    if call.flag("validateOnly"):
        return Answer(content={})
    id = account.next_id()
    account.lists[id] = UserList(resource={**_given(wanted), **_made(account, id)})
    return Answer(content=shown(account.lists[id]))


def _check_account(account: Account) -> None:
    settings = account.settings
    if settings.test_account:
        raise invalid("USER_LIST_TYPE_NOT_SUPPORTED_FOR_ACCOUNT", "user_list", "Test accounts have no user lists.")
    if settings.max_lists and len(account.lists) >= settings.max_lists:
        raise invalid("TOO_MANY_ELEMENTS", "user_list", "The account holds as many user lists as it may.")


def _check(account: Account, wanted: Mapping[str, Any], id: str) -> None:
    name = wanted.get("displayName")
    if not isinstance(name, str) or not 0 < len(name) <= 255:
        raise invalid("INVALID_DISPLAY_NAME", "user_list.display_name", "The display name is not valid.")
    if any(one.resource["displayName"] == name for other, one in account.lists.items() if other != id):
        raise invalid("DISPLAY_NAME_ALREADY_USED", "user_list.display_name", "Another user list has this name.")
    _check_duration(str(wanted.get("membershipDuration", f"{30 * DAY}s")))


def _check_duration(text: str) -> None:
    seconds = int(text[:-1]) if text.endswith("s") and text[:-1].isdecimal() else -1
    if seconds < 0 or seconds % DAY:
        raise invalid("INVALID_FORMAT", "user_list.membership_duration", "Must be a multiple of 24 hours.")
    if seconds > LONGEST_DAYS * DAY:
        raise invalid("MEMBERSHIP_DURATION_TOO_LONG", "user_list.membership_duration", "Too long.")


def _keys(wanted: Mapping[str, Any]) -> Any:
    return (wanted.get("ingestedUserListInfo") or {}).get("uploadKeyTypes")


def _given(wanted: Mapping[str, Any]) -> dict[str, Any]:
    defaults = {"membershipStatus": "OPEN", "membershipDuration": f"{30 * DAY}s"}
    return {**defaults, **{name: wanted[name] for name in (*CHANGEABLE, "ingestedUserListInfo") if name in wanted}}


def _made(account: Account, id: str) -> dict[str, Any]:
    name = f"accountTypes/GOOGLE_ADS/accounts/{account.settings.account}/userLists/{id}"
    rights = {"readOnly": False, "accessReason": "OWNED", "accountAccessStatus": "ENABLED"}
    return {"name": name, "id": id, **rights}


def shown(found: UserList) -> dict[str, Any]:
    """A list as Google shows it. How many members matched is half of them, rounded down: Google only estimates."""
    matched = str(len(found.members) // 2)
    size = {"displayNetworkMembersCount": matched, "searchNetworkMembersCount": matched}
    network = {"eligibleForDisplay": True, "eligibleForSearch": True}
    return {**found.resource, "sizeInfo": size, "targetNetworkInfo": network}


def get(account: Account, call: Call) -> Answer:
    """One list."""
    return Answer(content=shown(_found(account, call)))


def _found(account: Account, call: Call) -> UserList:
    try:
        return account.lists[call.params["id"]]
    except KeyError:
        raise not_found() from None


def change(account: Account, call: Call) -> Answer:
    """Change the fields that `updateMask` names."""
    found, wanted = _found(account, call), _body(call)
    names = [_camel(name) for name in call.values("updateMask")] or [name for name in wanted if name in CHANGEABLE]
    if unknown := [name for name in names if name not in CHANGEABLE]:
        raise invalid("INVALID_UPDATE_MASK", "update_mask", f"{unknown[0]} cannot be changed.")
    changed = {**found.resource, **{name: wanted.get(name) for name in names}}
    _check(account, changed, found.resource["id"])
    if changed["membershipStatus"] == "OPEN":
        changed.pop("closingReason", None)
    found.resource = changed
    return Answer(content=shown(found))


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)


def delete(account: Account, call: Call) -> Answer:
    """Delete a list, and forget its members."""
    _found(account, call)
    del account.lists[call.params["id"]]
    return Answer(content={})


def page(account: Account, call: Call) -> Answer:
    """Lists page by page, those that `filter` lets through."""
    size = min(int(call.query.get("pageSize") or DEFAULT_PAGE), LARGEST_PAGE)
    start = int(call.query.get("pageToken") or 0)
    found = [shown(one) for one in account.lists.values() if _passes(one.resource, call.query.get("filter", ""))]
    more = {"nextPageToken": str(start + size)} if len(found) > start + size else {}
    return Answer(content={"userLists": found[start : start + size], **more} if found else {})


def _passes(resource: Mapping[str, Any], text: str) -> bool:
    return all(_holds(resource, part.strip()) for part in text.split(" AND ")) if text else True


def _holds(resource: Mapping[str, Any], condition: str) -> bool:
    match = _CONDITION.fullmatch(condition)
    if match is None or match[1] not in _FILTERED:
        raise Failed(status="INVALID_ARGUMENT", reason="INVALID_FILTER", message="The query filter is invalid.")
    return (str(resource.get(_FILTERED[match[1]], "")) == match[3]) == (match[2] == "=")


def _body(call: Call) -> dict[str, Any]:
    wanted = json.loads(call.body or b"{}")
    return wanted if isinstance(wanted, dict) else {}


OPERATIONS = (
    Operation(method="POST", path=PARENT, handle=create, write=True, bucket="lists"),
    Operation(method="GET", path=PARENT, handle=page, bucket="lists"),
    Operation(method="GET", path=f"{PARENT}/{{id}}", handle=get, bucket="lists"),
    Operation(method="PATCH", path=f"{PARENT}/{{id}}", handle=change, write=True, bucket="lists"),
    Operation(method="DELETE", path=f"{PARENT}/{{id}}", handle=delete, write=True, bucket="lists"),
)
