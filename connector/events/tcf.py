"""IAB TCF v2 strings: which purposes somebody consented to.

Layout: "Transparency and Consent String with Global Vendor & CMP List Formats", IAB Tech Lab. Segments stand behind one
another in any order but for the core; each says by its first three bits what it is, which every version 2.x kept.
"""

import base64
import binascii

CORE = 0
"""Type of the core segment: its first six bits are the version, 2, and so its first three are zero."""
_VERSION = (0, 6)
_PURPOSES_CONSENT = (152, 24)
"""Where a field of the core begins, and how many bits it has."""
LONGEST = 20_000
"""Characters. The longest there can be: a bit for each of 65,535 vendors, in base64, with room for other segments."""


def purposes(text: str) -> frozenset[int]:
    """The purposes that a TC string says were consented to; a legitimate interest is not among them.

    Purpose 1 counts as refused where the publisher never asked for it (`PurposeOneTreatment`): nobody has granted it.

    Raises:
        ValueError: it is not a TC string of version 2; the message quotes nothing of it.
    """
    if len(text) > LONGEST:
        raise ValueError("a TC string that is too long")
    core = _core([_bits(segment) for segment in text.split(".")])
    if _number(core, _VERSION) != 2:
        raise ValueError("not a TC string of version 2")
    start, length = _PURPOSES_CONSENT
    if len(core) < start + length:
        raise ValueError("a TC string that ends within its purposes")
    return frozenset(at + 1 for at in range(length) if core[start + at] == "1")


def _core(segments: list[str]) -> str:
    found = [each for each in segments if _number(each, (0, 3)) == CORE]
    if len(found) != 1:
        raise ValueError("not a TC string: it has no core segment, or several")
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
