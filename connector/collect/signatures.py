"""Who sent a request: write keys and signatures, compared in constant time."""

import base64
import binascii
import hashlib
import hmac
import re
from datetime import datetime

WINDOW = 300.0
"""Seconds that a signed time may be away from ours, before or after ("Validate the v3 request signature", HubSpot)."""
_DECODED = re.compile(r"%(3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)", re.IGNORECASE)
"""What HubSpot decodes in the URI before it signs; other escapes stay as they are."""


def same(wanted: str, given: str) -> bool:
    """Whether two texts are the same, in a time that tells nothing of where they differ."""
    return hmac.compare_digest(wanted.encode(), given.encode("utf-8", "surrogateescape"))


def user_of(authorization: str) -> str:
    """The user name of a Basic authorization header (RFC 7617); empty where there is none."""
    scheme, _, packed = authorization.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(packed.strip(), validate=True).decode().partition(":")[0]
    except (binascii.Error, ValueError):
        return ""


def of_segment(secret: str, body: bytes) -> str:
    """`X-Signature` of Segment's webhook destination: HMAC-SHA1 of the body, in hex."""
    return hmac.new(secret.encode(), body, hashlib.sha1).hexdigest()


def of_hubspot(secret: str, method: str, uri: str, body: bytes, timestamp: str) -> str:
    """`X-HubSpot-Signature-v3`: HMAC-SHA256 of method, URI as HubSpot called it, body and time, in base64."""
    plain = _DECODED.sub(lambda found: chr(int(found[1], 16)), uri)
    signed = method.encode() + plain.encode() + body + timestamp.encode()
    return base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()


def is_recent(timestamp: str, now: datetime) -> bool:
    """Whether a time in milliseconds since 1970 is within WINDOW of now: neither old nor of the future."""
    if not re.fullmatch(r"[0-9]{1,15}", timestamp):
        return False
    return abs(now.timestamp() - int(timestamp) / 1000) <= WINDOW
