"""Record ids: 15 characters that tell upper from lower case, and three more that let a reader do without the case."""

import re
from functools import lru_cache

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
"""In the order of ASCII, so that ids of one object sort in the order they were given out."""
CHECKS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
POD = "Qy"
"""The instance, characters four and five."""

_SHAPE = re.compile(r"[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?")


_PAIRS = [
    (high + low, (high in ALPHABET[10:36]) << 3 | (low in ALPHABET[10:36]) << 4)
    for high in ALPHABET
    for low in ALPHABET
]


def make_id(prefix: str, number: int) -> str:
    """The 18 characters of the record with this number, of the object with this key prefix.

    A world has a million of them, so what neighbours have in common is worked out once.
    """
    rest, last = divmod(number, len(_PAIRS))
    thirteen, checks, bits = _stem(prefix, rest)
    pair, more = _PAIRS[last]
    return f"{thirteen}{pair}{checks}{CHECKS[bits | more]}"


@lru_cache(maxsize=4_096)
def _stem(prefix: str, number: int) -> tuple[str, str, int]:
    """The first 13 characters, their whole check characters, and what they add to the last one."""
    digits = ""
    for _ in range(13 - len(prefix) - len(POD)):
        number, digit = divmod(number, 62)
        digits = ALPHABET[digit] + digits
    thirteen = prefix + POD + digits
    checks = check(f"{thirteen}00")
    return thirteen, checks[:2], CHECKS.index(checks[2])


def check(fifteen: str) -> str:
    """The three last characters: which of each five before are upper case, the first of the five counting one."""
    return "".join(
        CHECKS[sum(1 << place for place, one in enumerate(fifteen[start : start + 5]) if "A" <= one <= "Z")]
        for start in (0, 5, 10)
    )


def long_id(text: object) -> str | None:
    """An id of 15 or 18 characters as 18 with the case put right; None for anything else."""
    if not isinstance(text, str) or not _SHAPE.fullmatch(text):
        return None
    if len(text) == 15:
        return text + check(text)
    fifteen = "".join(_cased(text, place) for place in range(15))
    return fifteen + text[15:].upper() if check(fifteen) == text[15:].upper() else None


def _cased(text: str, place: int) -> str:
    group, bit = divmod(place, 5)
    told = CHECKS.find(text[15 + group].upper())
    return text[place].upper() if told >> bit & 1 else text[place].lower()
