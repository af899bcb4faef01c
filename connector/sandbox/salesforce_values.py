"""Values on their way in and out: JSON or text to what a column keeps, and back to JSON or CSV text.

Columns keep times as milliseconds since 1970, dates as ISO text, booleans as 0 and 1, everything empty as NULL.
"""

import json
import re
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import Any

from connector.sandbox.clock import iso, milliseconds_of
from connector.sandbox.salesforce_errors import Failed, failed
from connector.sandbox.salesforce_fields import NUMBERS, TEXTS, Field
from connector.sandbox.salesforce_ids import long_id

_EMAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>.]+(\.[^@\s,;<>.]+)*")
_BOOLEANS = {"true": 1, "false": 0, "1": 1, "0": 0}


def stored(one: Field, value: Any) -> Any:
    """What a column keeps of a value given as JSON or as text. Fails in Salesforce's words for another type's."""
    if isinstance(value, str) and not (value := value.strip()):
        value = None
    if value is None:
        if one.type == "boolean":
            raise failed("INVALID_TYPE_ON_FIELD_IN_RECORD", f"{one.label}: value not of required type: ", one.name)
        return None
    if one.type in TEXTS:
        return _text(one, value)
    kept: Any = _KINDS[one.type](one, value)
    return kept


def _text(one: Field, value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    if one.length and len(text) > one.length:
        message = f"{one.label}: data value too large: {text[:255]} (max length={one.length})"
        raise failed("STRING_TOO_LONG", message, one.name)
    if one.type == "email" and not _EMAIL.fullmatch(text):
        raise failed("INVALID_EMAIL_ADDRESS", f"{one.label}: invalid email address: {text}", one.name)
    if one.restricted and text not in one.values:
        message = f"{one.label}: bad value for restricted picklist field: {text}"
        raise failed("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, one.name)
    return text


def _boolean(one: Field, value: Any) -> int:
    key = str(value).lower()
    if key not in _BOOLEANS:
        raise _not_of(one, value)
    return _BOOLEANS[key]


def _number(one: Field, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise _not_of(one, value) from None
    if abs(number) >= 10 ** (one.precision - one.scale):
        message = f"{one.label}: value outside of valid range on numeric field: {value}"
        raise failed("NUMBER_OUTSIDE_VALID_RANGE", message, one.name)
    return round(number, one.scale)


def _int(one: Field, value: Any) -> int:
    try:
        return round(float(value))
    except (TypeError, ValueError):
        raise _not_of(one, value) from None


def _date(one: Field, value: Any) -> str:
    try:
        return date.fromisoformat(str(value)[:10]).isoformat()
    except ValueError:
        raise _not_of(one, value) from None


def _datetime(one: Field, value: Any) -> int:
    try:
        return milliseconds_of(re.sub(r"([+-]\d\d)(\d\d)$", r"\1:\2", str(value))) // 1000 * 1000
    except ValueError:
        raise _not_of(one, value) from None


def _reference(one: Field, value: Any) -> str:
    found = long_id(value)
    if found is None:
        raise failed("MALFORMED_ID", f"{one.label}: id value of incorrect type: {value}", one.name)
    return found


def _not_of(one: Field, value: Any) -> Failed:
    message = (
        f"Cannot deserialize instance of {one.type} from VALUE_STRING value {value} or request may be missing a "
        "required field at [line:1, column:1]"
    )
    return failed("JSON_PARSER_ERROR", message)


_KINDS: dict[str, Callable[[Field, Any], Any]] = {
    "boolean": _boolean,
    "int": _int,
    "date": _date,
    "datetime": _datetime,
    "reference": _reference,
    "id": _reference,
    **dict.fromkeys(NUMBERS, _number),
}


@lru_cache(maxsize=65_536)
def moment(milliseconds: int) -> str:
    """A time as the REST API tells it: `2026-11-21T20:32:00.000+0000`."""
    return f"{iso(milliseconds)[:-1]}+0000"


def shown(kind: str, value: Any) -> Any:
    """A column's value as JSON has it."""
    if value is None or kind in TEXTS:
        return value
    if kind == "datetime":
        return moment(value)
    if kind == "boolean":
        return bool(value)
    return json.loads(value) if kind == "address" else value


def csv_text(kind: str, value: Any) -> str:
    """A column's value as the Bulk API's CSV has it; empty for null."""
    if value is None:
        return ""
    if kind == "datetime":
        return iso(value)
    if kind == "boolean":
        return "true" if value else "false"
    return str(value)
