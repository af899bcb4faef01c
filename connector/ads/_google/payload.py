"""Request bodies of the Data Manager API: destinations, members with their consent, the terms."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from connector.ads._google.settings import GoogleSettings

GRANTED = {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_GRANTED"}
"""Only who has granted reaches an adapter; in the EEA Google processes nobody else."""
TERMS = {"customerMatchTermsOfServiceStatus": "ACCEPTED"}
ENCODING = "BASE64"
_KEY = re.compile(r"(?:email|phone):[A-Za-z0-9_-]{43}")
_FIELDS = {"email": "emailAddress", "phone": "phoneNumber"}
_STANDARD = str.maketrans("-_", "+/")


def usable(member: str) -> bool:
    """Whether a match key holds a hash that Google can read."""
    return _KEY.fullmatch(member) is not None


def identifier(member: str) -> dict[str, str]:
    """A match key as Google's user identifier: base64 in its standard alphabet, padded."""
    kind, _, digest = member.partition(":")
    return {_FIELDS[kind]: digest.translate(_STANDARD) + "="}


def rows(members: Iterable[str]) -> list[dict[str, Any]]:
    """Audience members, one a match key."""
    return [{"compositeData": {"userData": {"userIdentifiers": [identifier(one)]}}} for one in members]


def granted(told: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same, each with the consent of its own."""
    return [{**one, "consent": GRANTED} for one in told]


def destinations(settings: GoogleSettings, targets: Sequence[str]) -> list[dict[str, Any]]:
    """User lists, or a conversion action, of the account."""
    accounts = {"operatingAccount": _account(settings.account)}
    if settings.login_account:
        accounts["loginAccount"] = _account(settings.login_account)
    return [{**accounts, "productDestinationId": one} for one in targets]


def _account(number: str) -> dict[str, str]:
    return {"accountType": "GOOGLE_ADS", "accountId": number}
