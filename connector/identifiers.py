"""One spelling for one identifier. Pure, shared by pull and merge: two spellings would be two persons."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

import phonenumbers

_ODD = r"@\s,;:<>()\[\]\"\\\x00-\x1f\u200b-\u200f\ufeff"
_EMAIL = re.compile(rf"[^{_ODD}]{{1,64}}@(?:[^{_ODD}.]+\.)+[^{_ODD}.]{{2,63}}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_EDGES = " \t\r\n\x0b\x0c\u00a0\u200b\ufeff"  # what copying from a web page leaves behind
_SALESFORCE = re.compile(r"[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?")
_CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_ZEROES = re.compile(r"[0\-]*")

LONGEST_EMAIL = 254
"""RFC 5321, section 4.5.3.1.3, without the angle brackets."""

NOBODY = frozenset({"-1", "null", "none", "nan", "undefined", "anonymous", "unknown", "guest", "[object object]"})
"""Values that sites send when they know nobody; zeroes and dashes besides. The first two and `anonymous` are among the
values Segment advises to block (its "Identity Resolution Settings"); the others are how code prints nothing."""


def email(text: str | None) -> str | None:
    """An e-mail address trimmed and in lower case, or a SHA-256 of one (64 hex digits); None if it is neither."""
    found = (text or "").strip(_EDGES).lower()
    if len(found) <= LONGEST_EMAIL and (_EMAIL.fullmatch(found) or _SHA256.fullmatch(found)):
        return found
    return None


@lru_cache(maxsize=100_000)
def phone(text: str | None, default_region: str | None = None) -> str | None:
    """A phone number as E.164 (`+442079460123`), or None.

    Args:
        text: as people write it; without `+` it needs the region.
        default_region: ISO 3166-1 alpha-2 code of the country it is dialled in.

    Its length must fit the country. Whether its range is in use is not asked: numbering plans change monthly.
    """
    try:
        number = phonenumbers.parse(text or "", default_region.upper() if default_region else None)
    except phonenumbers.NumberParseException:
        return None
    if number.extension or not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def opaque(text: str | None) -> str | None:
    """A cookie, device or customer id: trimmed, otherwise as it came; None for what stands for nobody."""
    found = (text or "").strip()
    if _ZEROES.fullmatch(found) or found.lower() in NOBODY:
        return None
    return found


def salesforce_id(text: str | None) -> str | None:
    """The 18 characters of a record's id in Salesforce, also from the 15 that people copy; None if it is neither.

    The last three say which of the others are capitals, five a character (Salesforce help, "Convert 15 Character IDs").
    """
    found = (text or "").strip(_EDGES)
    if not _SALESFORCE.fullmatch(found):
        return None
    fives = (found[at : at + 5] for at in (0, 5, 10))
    return found[:15] + "".join(_CHECK[sum(one.isupper() << place for place, one in enumerate(five))] for five in fives)


NORMALISERS: Mapping[str, Callable[[str | None], str | None]] = {
    "anonymous_id": opaque,
    "user_id": opaque,
    "email": email,
    "phone": phone,
}
"""Identifier type (as in the warehouse's `interaction` and `identity_link`) -> its normaliser."""
