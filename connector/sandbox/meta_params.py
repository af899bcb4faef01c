"""What a call to the Graph API holds: parameters of the address, of a form or of a JSON body, nested ones as JSON."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from connector.sandbox.exchange import Call
from connector.sandbox.meta_errors import invalid


def params(call: Call) -> dict[str, Any]:
    """Every parameter by name; the body's win."""
    return {**dict(call.query), **_body(call.body)}


def _body(body: bytes) -> dict[str, Any]:
    if not body:
        return {}
    if not body.lstrip().startswith(b"{"):
        return dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
    found = _parsed(body, "body")
    return dict(found)


def _parsed(text: str | bytes, name: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise invalid(f"param {name} must be valid JSON.") from None


def nested(found: Mapping[str, Any], name: str) -> dict[str, Any]:
    """An object among the parameters, which may have come as text; an empty one where it is not there."""
    value = found.get(name) or {}
    value = _parsed(value, name) if isinstance(value, str) else value
    if not isinstance(value, dict):
        raise invalid(f"param {name} must be an object.")
    return value


def listed(found: Mapping[str, Any], name: str) -> list[Any]:
    """A list among the parameters, likewise."""
    value = found.get(name) or []
    value = _parsed(value, name) if isinstance(value, str) else value
    if not isinstance(value, list):
        raise invalid(f"param {name} must be an array.")
    return value


def number(found: Mapping[str, Any], name: str, default: int | None = None) -> int:
    """A whole number among the parameters, as number or as digits."""
    value = found.get(name, default)
    if isinstance(value, bool) or not str(value).isdecimal():
        raise invalid(f"param {name} must be a number.")
    return int(str(value))
