"""What a request to the sandbox Google carries: destinations, user identifiers, consent; each checked, all fast.

Source: google/ads/datamanager/v1/{destination,audience,user_data,consent}.proto and the enum ErrorReason.
"""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from connector.sandbox.google_account import Account, Identifier
from connector.sandbox.google_errors import Failed, Violation, invalid

MOST_DESTINATIONS, MOST_IDENTIFIERS = 10, 10
GRANTED = "CONSENT_GRANTED"
CONSENTS = ("adUserData", "adPersonalization")
Decode = Callable[[str], bytes]
_KINDS = {"emailAddress": b"e", "phoneNumber": b"p"}


class Malformed(Exception):
    """One identifier that cannot be read. `reason` is of ErrorReason."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def destinations(account: Account, body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The request's destinations, all in this account."""
    found = body.get("destinations")
    if not isinstance(found, list) or not found:
        raise invalid("REQUIRED_FIELD_MISSING", "destinations", "A destination is required.")
    if len(found) > MOST_DESTINATIONS:
        raise invalid("TOO_MANY_DESTINATIONS", "destinations", "At most 10 destinations.")
    for one in found:
        _check_account(account, one)
    return found


def _check_account(account: Account, destination: Mapping[str, Any]) -> None:
    operating, login = destination.get("operatingAccount") or {}, destination.get("loginAccount") or {}
    if (operating.get("accountType"), operating.get("accountId")) != ("GOOGLE_ADS", account.settings.account):
        raise denied()
    if account.settings.login_account and login.get("accountId") != account.settings.login_account:
        raise denied()


def denied() -> Failed:
    """The account is not there for these credentials."""
    words = "The caller does not have permission."
    return Failed(status="PERMISSION_DENIED", reason="PERMISSION_DENIED", message=words)


def decoder(body: Mapping[str, Any]) -> Decode:
    """Reads a hash in the encoding that the request names."""
    encodings: dict[Any, Decode] = {"HEX": _hex, "BASE64": _base64}
    try:
        return encodings[body.get("encoding")]
    except KeyError:
        raise invalid("REQUIRED_FIELD_MISSING", "encoding", "The encoding of user identifiers is required.") from None


def _hex(text: str) -> bytes:
    try:
        return _hash(bytes.fromhex(text))
    except ValueError:
        raise Malformed("INVALID_HEX_ENCODING") from None


def _base64(text: str) -> bytes:
    try:
        return _hash(base64.b64decode(text, validate=True))
    except binascii.Error:
        raise Malformed("INVALID_BASE64_ENCODING") from None


def _hash(raw: bytes) -> bytes:
    if len(raw) != 32:
        raise Malformed("INVALID_SHA256_FORMAT")
    return raw


def read_all(
    rows: Sequence[Mapping[str, Any]],
    path: str,
    data: Callable[[Mapping[str, Any]], Mapping[str, Any]],
    decode: Decode,
    refused: set[Identifier],
) -> list[list[Identifier]]:
    """The identifiers of each row. One row that is wrong fails them all, with a violation for each wrong one.

    Args:
        path: of a row, as violations name it, with `{}` for its index.
        data: where the user data of a row is.
    """
    found, wrong = [], []
    for at, row in enumerate(rows):
        try:
            found.append(_identifiers(data(row), decode, refused))
        except Malformed as malformed:
            field = f"{path.format(at)}.user_data.user_identifiers"
            words = "The value of the user identifier is not valid."
            wrong.append(Violation(field=field, description=words, reason=malformed.reason))
    if wrong:
        raise Failed(status="INVALID_ARGUMENT", reason="INVALID_ARGUMENT", violations=wrong)
    return found


def _identifiers(data: Mapping[str, Any], decode: Decode, refused: set[Identifier]) -> list[Identifier]:
    told = data.get("userIdentifiers")
    if not told:
        raise Malformed("NO_IDENTIFIERS_PROVIDED")
    if len(told) > MOST_IDENTIFIERS:
        raise Malformed("TOO_MANY_USER_IDENTIFIERS")
    found = [_KINDS[kind] + decode(text) for one in told for kind, text in one.items() if kind in _KINDS]
    if len(found) != len(told) or (refused and not refused.isdisjoint(found)):
        raise Malformed("INVALID_AUDIENCE_MEMBER")
    return found


def objection(account: Account, row: Mapping[str, Any], request: Mapping[str, Any]) -> str:
    """Why a row is not processed for want of consent; empty: it is. What a row says beats what the request says."""
    said = {**(request.get("consent") or {}), **(row.get("consent") or {})}
    words = [said.get(name, "CONSENT_STATUS_UNSPECIFIED") for name in CONSENTS]
    if "CONSENT_DENIED" in words:
        return "PROCESSING_ERROR_REASON_DENIED_CONSENT"
    if account.settings.eea and words != [GRANTED, GRANTED]:
        return "PROCESSING_ERROR_REASON_NO_CONSENT"
    return ""
