"""How Google spells an identifier before it hashes it.

Source: Data Manager API, "Format user data": e-mail in lower case without any white space, at gmail.com and
googlemail.com without dots and `+tag` before the @; phone as E.164 with its `+`.
"""

import re

from connector import identifiers
from connector.ads._identifiers import key, key_of_hex

DOTLESS = frozenset({"gmail.com", "googlemail.com"})
_SPACE = re.compile(r"\s+")
_HASHED = re.compile(r"[0-9a-fA-F]{64}")
_E164 = re.compile(r"\+[1-9]\d{6,14}")


def match(kind: str, value: str | None) -> str | None:
    """The match key; None for what Google cannot use. A SHA-256 that came hashed already is taken as it is."""
    text = (value or "").strip()
    if _HASHED.fullmatch(text):
        return key_of_hex(kind, text) if kind in ("email", "phone") else None
    spelling = email(text) if kind == "email" else phone(text) if kind == "phone" else None
    return key(kind, spelling) if spelling else None


def email(text: str) -> str | None:
    """`cloudy.sanfrancisco+shopping@Gmail.com` -> `cloudysanfrancisco@gmail.com`."""
    local, at, domain = _SPACE.sub("", text).lower().rpartition("@")
    if domain in DOTLESS:
        local = local.partition("+")[0].replace(".", "")
    return f"{local}@{domain}" if at and local and domain and "@" not in local else None


def phone(text: str) -> str | None:
    """`+1 800-555-0101` -> `+18005550101`. Without a `+` nobody knows the country: None."""
    return text if _E164.fullmatch(text) else identifiers.phone(text)
