"""Values as event files hold them: texts, times, parts of an object, identifiers in one spelling."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from math import isnan
from typing import Any

from connector.identifiers import NORMALISERS
from connector.model import aware

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Unusable(ValueError):
    """Why an event that should have been of use is not."""


def text(value: Any) -> str | None:
    """A text or whole number as trimmed text; None for anything else, and for nothing."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value.strip() or None if isinstance(value, str) else None


def within(parent: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The object that `parent` holds under a name; empty where there is none."""
    found = parent.get(name)
    return found if isinstance(found, dict) else {}


def several(parent: Mapping[str, Any], name: str) -> Sequence[Any]:
    """The list that `parent` holds under a name; empty where there is none."""
    found = parent.get(name)
    return found if isinstance(found, list) else ()


def identifiers(given: Mapping[str, Any]) -> dict[str, str]:
    """Type -> identifier, in one spelling and in the order of NORMALISERS; what names nobody is left out."""
    found = {kind: normal(text(given[kind])) for kind, normal in NORMALISERS.items() if given.get(kind) is not None}
    return {kind: value for kind, value in found.items() if value}


def moment(value: Any) -> datetime | None:
    """ISO 8601 with a time zone; None for anything else."""
    try:
        return aware(datetime.fromisoformat(value)) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None


def since_1970(value: Any, unit: timedelta) -> datetime | None:
    """A whole number of units since 1970, as number or text; None for anything else."""
    try:
        return _EPOCH + int(text(value) or "") * unit
    except (ValueError, OverflowError):
        return None


def digest(*values: Any) -> str:
    """A short name for some values taken together."""
    return hashlib.sha256("\0".join(str(value) for value in values).encode()).hexdigest()[:32]


def plain(value: Any) -> Any:
    """A value of a database or a table file as JSON would have it: whole floats (a column of numbers with gaps) as
    whole numbers, NaN as nothing, bytes as text, times as they are. Raises Unusable for what no table keeps."""
    if isinstance(value, float):
        return None if isnan(value) else int(value) if value.is_integer() else value
    if isinstance(value, bytes | bytearray | memoryview):
        return plain(_decoded(bytes(value)))
    if isinstance(value, str) and "\0" in value:
        raise Unusable("holds NUL characters")
    if isinstance(value, dict):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value


def _decoded(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise Unusable("holds bytes that are no text") from None
