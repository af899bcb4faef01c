"""What a foreign value becomes in a column of ours: one named rule each.

Most rules have two ways that agree: `whole` casts a column at once in C, `one` explains itself value by value.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache, partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connector import identifiers

TEXT, BOOL, LONG, DAY = pa.string(), pa.bool_(), pa.int64(), pa.date32()
TIME = pa.timestamp("us", tz="UTC")
MONEY = pa.decimal128(18, 4)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST, _LAST = -62_135_596_800_000_000, 253_402_300_799_999_999
"""The first and last microsecond, since 1970, of the years that Python knows."""
_LARGEST = Decimal(10) ** 14
_STEP = Decimal("0.0001")
_MONEY = re.compile(r"(?:([A-Z]{3})\s*)?([+-]?\d+(?:\.\d+)?)?\s*([A-Z]{3})?")
_YES_NO = {"true": True, "yes": True, "y": True, "1": True, "false": False, "no": False, "n": False, "0": False}


@dataclass(frozen=True)
class Transform:
    """One rule.

    Attributes:
        kind: the Arrow type it makes.
        one: a non-empty value -> ours; ValueError says why not, without repeating the value (it may be private).
        whole: a trimmed text column -> ours, or pa.ArrowInvalid when any value needs `one`.
        regional: `one` also takes the row's country code.
    """

    kind: pa.DataType
    one: Callable[..., Any]
    whole: Callable[[pa.Array], pa.Array] | None = None
    regional: bool = False


def empty(value: Any) -> bool:
    """True for what means "not filled in": None, and text of blanks only."""
    return value is None or (isinstance(value, str) and not value.strip())


def text(value: Any) -> str:
    """A scalar as trimmed text. Raises ValueError for groups of values and for text that is not valid Unicode."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        raise ValueError("a group of values where one was expected")
    found = str(value).strip()
    if not found.isascii() and found.encode("utf-8", "ignore").decode() != found:
        raise ValueError("not valid text")
    return found


def _number(value: Any) -> Decimal:
    found = text(value)
    try:
        number = Decimal(found)
    except InvalidOperation:
        raise ValueError("not a number") from None
    if not number.is_finite() or "_" in found:  # Python would take 1_000
        raise ValueError("not a number")
    return number


def _decimal(value: Any) -> Decimal:
    number = _number(value)
    if number.copy_abs() >= _LARGEST:  # abs() would round, and refuse what is larger than it can
        raise ValueError("a number of more than 14 digits before the point")
    return number.quantize(_STEP, ROUND_HALF_UP)


def _integer(value: Any) -> int:
    number = _number(value)
    if number.copy_abs() >= 2**63 or number != number.to_integral_value():
        raise ValueError("not a whole number")
    return int(number)


def _time(value: Any) -> datetime:
    """ISO 8601 with a zone, or milliseconds since 1970."""
    moment = value if isinstance(value, datetime) else _parsed_time(text(value))
    if moment.tzinfo is None:
        raise ValueError("a time without its zone")
    return _in_utc(moment)


def _times(column: pa.Array) -> pa.Array:
    """A column of texts with zones at once. What the zone moves out of the years 1 to 9999 no reader could read."""
    found = column.cast(TIME)
    ends = pc.min_max(found.cast(LONG)).as_py()
    if found.null_count < len(found) and not _FIRST <= ends["min"] <= ends["max"] <= _LAST:
        raise pa.ArrowInvalid("a time before the year 1 or after 9999")
    return found


def _decimals(column: pa.Array) -> pa.Array:
    """A column of plain numbers at once. Arrow (26) dies of a text such as 1e-9999999."""
    if pc.any(pc.match_substring_regex(column, "[eE]")).as_py():
        raise pa.ArrowInvalid("a number with an exponent")
    return column.cast(MONEY)


def _utc(value: Any) -> datetime:
    """As `_time`; a time that names no zone is in UTC."""
    moment = value if isinstance(value, datetime) else _parsed_time(text(value))
    return _in_utc(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("a time before the year 1 or after 9999") from None


def _since_1970(value: Any, microseconds: int) -> datetime:
    """A number of units, each of so many microseconds, since 1970."""
    number = _number(value)
    if number.copy_abs() >= _LARGEST * 10_000:
        raise ValueError("a time before the year 1 or after 9999")
    try:
        return _EPOCH + timedelta(microseconds=int(number * microseconds))
    except OverflowError:
        raise ValueError("a time before the year 1 or after 9999") from None


def _parsed_time(value: str) -> datetime:
    try:
        if value.lstrip("-").isdecimal():
            return datetime.fromtimestamp(int(value) / 1000, UTC)
        return datetime.fromisoformat(value)
    except (ValueError, OverflowError, OSError):
        raise ValueError("not a time (ISO 8601 with a zone, or milliseconds since 1970)") from None


def _date(value: Any) -> date:
    found = text(value)
    try:
        return date.fromisoformat(found)
    except ValueError:
        return _time(found).date()


def _boolean(value: Any) -> bool:
    found = _YES_NO.get(text(value).lower())
    if found is None:
        raise ValueError("neither true nor false")
    return found


def _money(value: Any) -> Decimal:
    return _decimal(_money_parts(value)[0])


def _currency(value: Any) -> str:
    code = _money_parts(value)[1]
    if not code:
        raise ValueError("no currency code such as EUR in it")
    return code


def _money_parts(value: Any) -> tuple[str, str]:
    found = _MONEY.fullmatch(text(value).upper())
    if found is None:
        raise ValueError("not an amount such as 12.30 EUR")
    return found[2] or "", found[3] or found[1] or ""


def _json(value: Any) -> str:
    try:
        return json.dumps(json.loads(value) if isinstance(value, str) else value, sort_keys=True)
    except (ValueError, TypeError, RecursionError):
        raise ValueError("not JSON") from None


def _email(value: Any) -> str:
    found = identifiers.email(text(value))
    if found is None:
        raise ValueError("not an e-mail address")
    return found


def _salesforce_key(value: Any) -> str:
    found = identifiers.salesforce_id(text(value))
    if found is None:
        raise ValueError("not the id of a Salesforce record")
    return f"salesforce:{found}"


def _phone(value: Any, region: str | None) -> str:
    found = identifiers.phone(text(value), region)
    if found is None:
        raise ValueError("not a phone number that can be dialled" + ("" if region else " (and no country is known)"))
    return found


def _country(value: Any) -> str:
    found = _countries().get(text(value).casefold())
    if found is None:
        raise ValueError("no country of this name or code (ISO 3166-1, or its name in a common language)")
    return found


@lru_cache(maxsize=1)
def _countries() -> dict[str, str]:
    from phonenumbers.geodata.locale import LOCALE_DATA  # half a second to load: only for those who need it

    names = {name.casefold(): code for code, local in LOCALE_DATA.items() for name in local.values() if name[0] != "*"}
    return names | {code.casefold(): code for code in LOCALE_DATA} | {"uk": "GB", "usa": "US"}


TRANSFORMS: dict[str, Transform] = {
    "text": Transform(TEXT, text, lambda column: column),
    "lower": Transform(TEXT, lambda value: text(value).lower(), pc.utf8_lower),
    "email": Transform(TEXT, _email),
    "phone": Transform(TEXT, _phone, regional=True),
    "country": Transform(TEXT, _country),
    "salesforce_key": Transform(TEXT, _salesforce_key),
    "boolean": Transform(BOOL, _boolean),
    "time": Transform(TIME, _time, _times),
    "utc": Transform(TIME, _utc, lambda column: column.cast(pa.timestamp("us")).cast(TIME)),
    "seconds": Transform(TIME, partial(_since_1970, microseconds=1_000_000)),
    "microseconds": Transform(TIME, partial(_since_1970, microseconds=1)),
    "date": Transform(DAY, _date, lambda column: column.cast(DAY)),
    "decimal": Transform(MONEY, _decimal, _decimals),
    "money": Transform(MONEY, _money),
    "currency": Transform(TEXT, _currency),
    "integer": Transform(LONG, _integer, lambda column: column.cast(LONG)),
    "json": Transform(TEXT, _json),
}


def natural(kind: pa.DataType) -> str:
    """The transform for a column that names none."""
    return {TEXT: "text", BOOL: "boolean", LONG: "integer", TIME: "time", DAY: "date", MONEY: "decimal"}[kind]


def apply(
    rule: Transform, values: Sequence[Any], regions: Sequence[str | None] | None
) -> tuple[pa.Array, dict[int, str]]:
    """`values` as a column of ours, and why some of them (by position) could not become one."""
    if rule.whole is not None:
        try:
            return rule.whole(_trimmed(values)), {}
        except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError):
            pass  # some value is odd: look at each
    return _one_by_one(rule, values, regions)


def _trimmed(values: Sequence[Any]) -> pa.Array:
    column = pc.utf8_trim_whitespace(pa.array(values, TEXT))
    return pc.if_else(pc.equal(column, ""), pa.scalar(None, TEXT), column)


def _one_by_one(
    rule: Transform, values: Sequence[Any], regions: Sequence[str | None] | None
) -> tuple[pa.Array, dict[int, str]]:
    found: list[Any] = []
    problems: dict[int, str] = {}
    for index, value in enumerate(values):
        extra = (regions[index] if regions else None,) if rule.regional else ()
        try:
            found.append(None if empty(value) else rule.one(value, *extra))
        except ValueError as error:
            found.append(None)
            problems[index] = str(error)
    return pa.array(found, rule.kind), problems
