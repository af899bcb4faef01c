"""HubSpot's error bodies. Wording follows public threads; clients should go by status, category and policyName."""

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from connector.sandbox.exchange import Answer, Call, Refusal

CATEGORIES = {
    400: "VALIDATION_ERROR",
    401: "INVALID_AUTHENTICATION",
    403: "MISSING_SCOPES",
    404: "OBJECT_NOT_FOUND",
    409: "CONFLICT",
    423: "LOCKED",
    429: "RATE_LIMITS",
}


def error(status: int, message: str, **more: Any) -> Answer:
    """An error in HubSpot's shape; every one carries its own correlationId."""
    body = {
        "status": "error",
        "message": message,
        "correlationId": str(uuid.uuid4()),
        "category": CATEGORIES.get(status, "INTERNAL_ERROR"),
        **more,
    }
    return Answer(status=status, content=body)


def invalid(message: str, **more: Any) -> Refusal:
    """400 VALIDATION_ERROR."""
    return Refusal(error(400, message, **more))


def not_found(message: str = "resource not found", **more: Any) -> Refusal:
    """404 OBJECT_NOT_FOUND."""
    return Refusal(error(404, message, **more))


def conflict(message: str, **more: Any) -> Refusal:
    """409 CONFLICT."""
    return Refusal(error(409, message, **more))


def missing_scopes(groups: Sequence[Sequence[str]]) -> Refusal:
    """403 that names, for each thing the token may not do, the scopes of which one is enough."""
    errors = [
        {
            "message": "One or more of the following scopes are required.",
            "context": {"requiredGranularScopes": list(group)},
        }
        for group in groups
    ]
    message = (
        "This app hasn't been granted all required scopes to make this call. "
        "Read more about required scopes here: https://developers.hubspot.com/scopes."
    )
    return Refusal(error(403, message, errors=errors, links={"scopes": "https://developers.hubspot.com/scopes"}))


def row_error(
    message: str, category: str, context: Mapping[str, Sequence[str]], sub_category: str = ""
) -> dict[str, Any]:
    """One entry of the `errors` of a 207."""
    entry: dict[str, Any] = {
        "status": "error",
        "category": category,
        "message": message,
        "context": {name: list(values) for name, values in context.items()},
        "links": {},
        "errors": [],
    }
    return {**entry, "subCategory": sub_category} if sub_category else entry


def read(call: Call) -> Any:
    """The call's JSON. Refuses what is none."""
    try:
        return json.loads(call.body)
    except ValueError as wrong:
        raise invalid(f"Invalid input JSON: {wrong}") from None


def fields(call: Call, *required: str) -> dict[str, Any]:
    """The call's JSON object. Refuses one that lacks a required field."""
    body = read(call)
    if not isinstance(body, dict):
        raise invalid("Invalid input JSON: an object is wanted")
    if missing := [name for name in required if body.get(name) is None]:
        raise invalid(f"Invalid input JSON: Some required fields were not set: {missing}")
    return body


def inputs(call: Call, most: int) -> list[dict[str, Any]]:
    """The `inputs` of a batch. Refuses more than `most`, and none at all."""
    rows = fields(call, "inputs")["inputs"]
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise invalid("Invalid input JSON: inputs must be a list of at least one object")
    if len(rows) > most:
        raise invalid(f"The maximum number of inputs supported in a batch request is {most}: you sent {len(rows)}")
    return rows


def whole(text: Any, name: str, low: int, high: int) -> int:
    """A number from a request. Refuses anything outside `low` to `high`."""
    try:
        number = int(text)
    except (TypeError, ValueError):
        raise invalid(f"{name} must be a whole number, got {text!r}") from None
    if not low <= number <= high:
        raise invalid(f"{name} must be between {low} and {high}, got {number}")
    return number
