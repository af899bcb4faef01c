"""The Trade Desk: CRM data as hashed UID2 or EUID input, one kind a file, which replaces the one before.

Source: UID2 documentation, "Normalization and Encoding": base64 of the raw SHA-256, dots and `+tag` dropped at
gmail.com only.
"""

import base64
from datetime import timedelta

from connector import identifiers
from connector.ads._files.format import Format
from connector.ads._identifiers import key
from connector.model import AdTerms


def match(kind: str, value: str) -> str | None:
    """E-mail trimmed, in lower case, at gmail.com without dots and `+tag`; phone as E.164 with its `+`."""
    if kind == "email":
        local, at, domain = (identifiers.email(value) or "").partition("@")
        local = local.partition("+")[0].replace(".", "") if domain == "gmail.com" else local
        return key(kind, f"{local}@{domain}") if at and local else None
    phone = identifiers.phone(value) if kind == "phone" else None
    return key(kind, phone) if phone else None


FORMAT = Format(
    match=match,
    columns={"email": "email", "phone": "phone"},
    header=False,
    encode=lambda digest: base64.b64encode(digest).decode(),
    apart=True,
    terms=AdTerms(minimum_size=1_500, longest=timedelta(days=180), effect=timedelta(hours=24)),
    upload="The Trade Desk, Data, CRM data: hashed e-mail or hashed phone, merge mode Replace",
)
