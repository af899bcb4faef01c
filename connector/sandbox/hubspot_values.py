"""Checks property values as HubSpot does before it stores them: known, writable, and of their type."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from connector.sandbox.clock import DAY, iso, milliseconds_of
from connector.sandbox.hubspot_errors import invalid
from connector.sandbox.hubspot_portal import Portal
from connector.sandbox.hubspot_schema import BY_PEOPLE, STAGES
from connector.sandbox.hubspot_types import CONTACT, ObjectType
from connector.sandbox.hubspot_validation import broken

LONGEST = 65_536
"""Characters of a string property."""

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def checked(portal: Portal, kind: ObjectType, properties: Any) -> dict[str, str]:
    """Values as they are stored; empty text clears. Refuses the whole record, naming every bad property."""
    if not isinstance(properties, Mapping):
        raise invalid("Invalid input JSON: properties must be an object")
    definitions = portal.definitions(kind)
    stored: dict[str, str] = {}
    issues = []
    for name, raw in properties.items():
        try:
            by_person = portal.by_person and name in BY_PEOPLE
            stored[name] = _checked_value(definitions.get(name), name, _text(raw), kind, by_person=by_person)
        except _Bad as bad:
            issues.append(bad.shown(name))
    issues += [_Bad(rule, message).shown(name) for name, rule, message in broken(portal, kind, stored)]
    if issues:
        raise invalid(f"Property values were not valid: {json.dumps(issues)}", errors=_errors(issues))
    return stored


def _errors(issues: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"message": one["message"], "code": one["error"], "context": {"propertyName": [one["name"]]}} for one in issues
    ]


def forward_only(
    portal: Portal, kind: ObjectType, before: Mapping[str, str], values: Mapping[str, str]
) -> Mapping[str, str]:
    """`values` without an earlier lifecycle stage: the API passes over it and says nothing; people may set it.

    Source: HubSpot's community, answers of its staff on `lifecyclestage`; clearing it first is the way back.
    """
    stage = values.get("lifecyclestage")
    if kind is not CONTACT or not stage or portal.by_person or furthest(stage, before.get("lifecyclestage")) == stage:
        return values
    return {name: value for name, value in values.items() if name != "lifecyclestage"}


def furthest(*stages: str | None) -> str | None:
    """The last of these lifecycle stages; None where there is none."""
    order = STAGES.split()
    return max((stage for stage in stages if stage), key=order.index, default=None)


class _Bad(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code

    def shown(self, name: str) -> dict[str, Any]:
        return {"isValid": False, "message": str(self), "error": self.code, "name": name}


def _text(raw: Any) -> str:
    if raw is None:
        return ""
    if isinstance(raw, bool):
        return str(raw).lower()
    if isinstance(raw, str | int | float):
        return str(raw)
    raise _Bad("INVALID_STRING", "a property value must be text, a number or a boolean")


def _checked_value(
    definition: Mapping[str, Any] | None, name: str, text: str, kind: ObjectType, *, by_person: bool
) -> str:
    if definition is None:
        raise _Bad("PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist')
    if definition["modificationMetadata"]["readOnlyValue"] and not by_person:
        raise _Bad("READ_ONLY_VALUE", f'"{name}" is a read only property; its value cannot be set.')
    if text == "":
        return ""
    if kind is CONTACT and name == "email":
        return _email(text)
    return _CHECKS[definition["type"]](text, definition)


def _email(text: str) -> str:
    if not _EMAIL.fullmatch(text):
        raise _Bad("INVALID_EMAIL", "Email address is invalid")
    return text.lower()


def _string(text: str, definition: Mapping[str, Any]) -> str:
    if len(text) > LONGEST:
        raise _Bad("STRING_TOO_LONG", f"longer than {LONGEST} characters")
    return text


def _number(text: str, definition: Mapping[str, Any]) -> str:
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text):
        raise _Bad("INVALID_NUMBER", "was not a valid number.")
    return text


def _date(text: str, definition: Mapping[str, Any]) -> str:
    try:
        moment = milliseconds_of(text)
    except ValueError:
        raise _Bad("INVALID_DATE", "was not a valid date.") from None
    if moment % DAY:
        raise _Bad("INVALID_DATE", "is not midnight UTC.")
    return f"{datetime.fromtimestamp(moment // 1000, UTC):%Y-%m-%d}"


def _datetime(text: str, definition: Mapping[str, Any]) -> str:
    try:
        return iso(milliseconds_of(text))
    except ValueError:
        raise _Bad("INVALID_DATE", "was not a valid time.") from None


def _bool(text: str, definition: Mapping[str, Any]) -> str:
    if text.lower() not in ("true", "false"):
        raise _Bad("INVALID_OPTION", "was not one of the allowed options: [true, false]")
    return text.lower()


def _enumeration(text: str, definition: Mapping[str, Any]) -> str:
    allowed = [option["value"] for option in definition["options"]]
    if bad := [one for one in text.strip(";").split(";") if one not in allowed]:
        raise _Bad("INVALID_OPTION", f"{bad[0]} was not one of the allowed options: {allowed}")
    return text


_CHECKS: dict[str, Callable[[str, Mapping[str, Any]], str]] = {
    "string": _string,
    "number": _number,
    "date": _date,
    "datetime": _datetime,
    "bool": _bool,
    "enumeration": _enumeration,
}
