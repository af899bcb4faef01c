"""Errors of the Graph API: one shape, told apart by code and subcode. Messages follow Meta's error reference."""

import uuid
from typing import Any

from connector.sandbox.exchange import Answer, Refusal

UPDATING, NOT_BEGUN, TIMED_OUT, FINISHED, TOO_BIG = 1_870_145, 1_870_147, 1_870_158, 1_870_159, 1_870_144
"""Subcodes of usersreplace (Meta, "Replace Users API common errors")."""
_REPLACING = {
    UPDATING: "Audience Update In Progress",
    NOT_BEGUN: "Invalid Upload Batch for Replace",
    TIMED_OUT: "Replace Session Timed Out",
    FINISHED: "Replace Session Finished",
}
_USUAL = {401: 190, 403: 200, 404: 803, 429: 4, 500: 1, 503: 2}
"""HTTP status -> the code that usually comes with it."""


def error(status: int, code: int, message: str, subcode: int = 0, **more: Any) -> Answer:
    """An error as the Graph API tells it; `more` are further fields of it."""
    body = {"message": message, "type": "OAuthException", "code": code, **more, "fbtrace_id": uuid.uuid4().hex[:23]}
    if subcode:
        body["error_subcode"] = subcode
    return Answer(status=status, content={"error": body})


def invalid(message: str, subcode: int = 0, **more: Any) -> Refusal:
    """100, a parameter that is wrong."""
    return Refusal(error(400, 100, f"(#100) {message}", subcode, **more))


def no_such(id: str, what: str = "get") -> Refusal:
    """100 with subcode 33: what is not there, or not ours to see."""
    return invalid(
        f"Unsupported {what} request. Object with ID '{id}' does not exist, cannot be loaded due to missing "
        "permissions, or does not support this operation",
        33,
    )


def flagged() -> Refusal:
    """An audience whose name tells something that no audience may."""
    return invalid(
        "Invalid parameter",
        1_713_230,
        error_user_title="Audience Upload Blocked",
        error_user_msg="Before updating user memberships, you must resolve integrity restrictions on this audience.",
    )


def replacing(subcode: int) -> Refusal:
    """2650: a replace session does not allow that."""
    title = _REPLACING[subcode]
    return Refusal(error(400, 2650, "Failed to update the custom audience", subcode, error_user_title=title))


def trouble(status: int) -> Answer:
    """The usual error of a status."""
    return error(status, _USUAL.get(status, 100), "An unknown error occurred", is_transient=status >= 500)
