"""People as Meta's uploads hold them: a row each, with the hash in the column of its kind."""

from collections.abc import Mapping, Sequence
from typing import Any

from connector.ads._identifiers import raw
from connector.ads._meta.api import Body
from connector.ads._meta.audiences import not_told

MOST = 10_000
"""Rows of one request (Meta, "Custom Audience Users")."""
INVALID = "Meta says that this entry is not valid"
LIMITED = "DATA_PROCESSING_OPTIONS"


def payload(members: Sequence[str], *, limited: bool = False) -> dict[str, Any]:
    """The upload of some members. `limited`: use of their data is; Meta finds out by itself where they live."""
    options: list[Any] = [["LDU"]] if limited else []
    data = [[*_cells(member), *options] for member in members]
    return {"schema": ["EMAIL", "PHONE", *([LIMITED] if limited else [])], "data": data}


def _cells(member: str) -> list[str]:
    digest = raw(member).hex()
    return [digest, ""] if member.startswith("email:") else ["", digest]


def rejected(members: Sequence[str], body: Body, what: str) -> dict[str, str]:
    """Those of `members` that Meta names as invalid, with the reason.

    Raises RetryLater for an answer that does not account for as many rows as were sent.
    """
    received = body.get("num_received")
    if not isinstance(received, int) or received < len(members):
        raise not_told(what)
    named = set(_samples(body.get("invalid_entry_samples")))
    if not named:
        return {}
    return {one: INVALID for one in members if raw(one).hex() in named}


def _samples(told: Any) -> list[str]:
    """Up to a hundred entries: a list, or an object with entries for values, or such an object as its own text."""
    values = list(told.values()) if isinstance(told, Mapping) else told if isinstance(told, list) else []
    return [one for value in values for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)]
