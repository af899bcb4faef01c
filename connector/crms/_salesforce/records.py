"""Ids of contacts, and lists cut into what one call takes."""

import re
from collections.abc import Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")

_CONTACT_ID = re.compile(r"003[0-9A-Za-z]{12}(?:[0-9A-Za-z]{3})?")
CONTACT = "Contact"


def usable(ids: Iterable[str]) -> list[str]:
    """Those that can be ids of contacts at all: a single other one makes Salesforce refuse a whole query."""
    return [one for one in ids if _CONTACT_ID.fullmatch(one)]


def parts(items: Sequence[T], size: int) -> list[Sequence[T]]:
    """`items` cut into pieces of at most `size`."""
    return [items[at : at + size] for at in range(0, len(items), size)]


def listed(ids: Iterable[str]) -> str:
    """Ids as a list of SOQL. Only of `usable` ones."""
    return "(" + ",".join(f"'{one}'" for one in ids) + ")"
