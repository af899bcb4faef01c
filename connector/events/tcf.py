"""IAB TCF v2 strings: which purposes somebody consented to, and which vendors.

Layout: "Transparency and Consent String with Global Vendor & CMP List Formats", IAB Tech Lab. Segments stand behind one
another in any order but for the core; each says by its first three bits what it is, which every version 2.x kept.
"""

import base64
import binascii
from collections.abc import Set
from dataclasses import dataclass

CORE = 0
"""Type of the core segment: its first six bits are the version, 2, and so its first three are zero."""
DISCLOSED = 1
"""Type of the segment that lists the vendors that somebody was asked about."""
LONGEST = 20_000
"""Characters. The longest there can be: a bit for each of 65,535 vendors, in base64, with room for other segments."""
_VERSION = (0, 6)
_PURPOSES_CONSENT = (152, 24)
"""Where a field of the core begins, and how many bits it has."""
_VENDORS = 213
"""Where the core's vendors begin: those consented to, then those of a legitimate interest, then restrictions."""
_REQUIRE_CONSENT = 1
"""The restriction by a publisher that leaves a vendor a purpose by consent; the others do not."""


@dataclass
class _Bits:
    """A segment as zeroes and ones, read field by field. Raises ValueError at its end."""

    text: str
    at: int = 0

    def take(self, length: int) -> str:
        start, self.at = self.at, self.at + length
        if self.at > len(self.text):
            raise ValueError("a TC string that ends within its fields")
        return self.text[start : self.at]

    def number(self, length: int) -> int:
        return int(self.take(length), 2)


def purposes(text: str) -> frozenset[int]:
    """The purposes that a TC string says were consented to; a legitimate interest is not among them.

    Purpose 1 counts as refused where the publisher never asked for it (`PurposeOneTreatment`): nobody has granted it.

    Raises:
        ValueError: it is not a TC string of version 2; the message quotes nothing of it.
    """
    start, length = _PURPOSES_CONSENT
    given = _Bits(_core(_segments(text)), start).take(length)
    return frozenset(at for at, bit in enumerate(given, 1) if bit == "1")


def vendors(text: str, asked: Set[int], purposes: Set[int]) -> frozenset[int]:
    """Those of the vendors `asked` about that a TC string says were consented to; a legitimate interest is no consent.

    Left out is whom nobody was told of, and whom the publisher lets have one of `purposes` by no consent.

    Args:
        asked: numbers of the Global Vendor List.

    Raises:
        ValueError: it is not a TC string of version 2; the message quotes nothing of it.
    """
    segments = _segments(text)
    core = _Bits(_core(segments), _VENDORS)
    granted = _listed(core, asked)
    _listed(core, asked)  # those of a legitimate interest, which stand before the restrictions
    granted -= _restricted(core, asked, purposes)
    for segment in map(_Bits, segments):
        if segment.number(3) == DISCLOSED:
            granted &= _listed(segment, asked)
    return granted


def _listed(bits: _Bits, asked: Set[int]) -> frozenset[int]:
    """Those of `asked` that are in a list of vendors: a bit for each, or ranges."""
    last, in_ranges = bits.number(16), bits.number(1)
    if in_ranges:
        return _in_ranges(bits, asked)
    flags = bits.take(last)
    return frozenset(one for one in asked if 0 < one <= last and flags[one - 1] == "1")


def _in_ranges(bits: _Bits, asked: Set[int]) -> frozenset[int]:
    """The same of ranges. Only whom we ask about is looked for: a short text can name every vendor a thousand times."""
    found = set[int]()
    for _ in range(bits.number(12)):
        several, start = bits.number(1), bits.number(16)
        end = bits.number(16) if several else start
        found |= {one for one in asked if start <= one <= end}
    return frozenset(found)


def _restricted(bits: _Bits, asked: Set[int], purposes: Set[int]) -> frozenset[int]:
    found = frozenset[int]()
    for _ in range(bits.number(12)):
        purpose, restriction = bits.number(6), bits.number(2)
        named = _in_ranges(bits, asked)
        if purpose in purposes and restriction != _REQUIRE_CONSENT:
            found |= named
    return found


def _segments(text: str) -> list[str]:
    if len(text) > LONGEST:
        raise ValueError("a TC string that is too long")
    return [_bits(segment) for segment in text.split(".")]


def _core(segments: list[str]) -> str:
    found = [each for each in segments if _number(each, (0, 3)) == CORE]
    if len(found) != 1:
        raise ValueError("not a TC string: it has no core segment, or several")
    if _number(found[0], _VERSION) != 2:
        raise ValueError("not a TC string of version 2")
    return found[0]


def _bits(segment: str) -> str:
    """A segment as zeroes and ones; some write base64's padding, most leave it out."""
    plain = segment.rstrip("=")
    try:
        data = base64.b64decode(plain + "=" * (-len(plain) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("not a TC string: a segment is not base64url") from None
    if not data:
        raise ValueError("not a TC string: a segment is empty")
    return f"{int.from_bytes(data):0{8 * len(data)}b}"


def _number(bits: str, field: tuple[int, int]) -> int:
    start, length = field
    return int(bits[start : start + length] or "0", 2)
