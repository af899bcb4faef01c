"""How a match key is written: `email:` or `phone:` and the base64url SHA-256 of a platform's own spelling.

Only the writing is shared. What is hashed is each platform's own business: their rules differ, and a hash made for one
names nobody, or somebody else, at another.
"""

import base64
import hashlib
import re
from collections.abc import Sequence

_HASHED = re.compile(r"[0-9a-f]{64}")
_KEY = re.compile(r"(?:email|phone):[A-Za-z0-9_-]{43}")
UNREADABLE = "this is no match key"


def key(kind: str, spelling: str) -> str:
    """The match key of an identifier as the platform spells it."""
    digest = hashlib.sha256(spelling.encode()).digest()
    return f"{kind}:{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


def key_of_hex(kind: str, digest: str) -> str:
    """The match key of an identifier that came hashed already: 64 hexadecimal digits."""
    return f"{kind}:{base64.urlsafe_b64encode(bytes.fromhex(digest)).decode().rstrip('=')}"


def key_or_hash(kind: str, spelling: str) -> str:
    """The match key of an identifier as the platform spells it, or of one that came hashed just so already."""
    return key_of_hex(kind, spelling) if _HASHED.fullmatch(spelling) else key(kind, spelling)


def readable(members: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Those of `members` that are match keys, and the others with the reason why nobody can be told of them."""
    good = [one for one in members if _KEY.fullmatch(one)]
    bad = set(members).difference(good) if len(good) < len(members) else ()
    return good, dict.fromkeys(bad, UNREADABLE)


def kind_of(member: str) -> str:
    """`email` or `phone`."""
    return member.partition(":")[0]


def raw(member: str) -> bytes:
    """The 32 bytes of the hash in a match key."""
    return base64.urlsafe_b64decode(member.partition(":")[2] + "=")
