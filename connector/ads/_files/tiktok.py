"""TikTok: a customer file (TikTok help, "List of supported IDs and formats for a customer file").

Its pages do not agree on the phone's `+`; the hash in their own example is of the digits without it.
"""

from datetime import timedelta

from connector import identifiers
from connector.ads._files.format import Format
from connector.ads._identifiers import key
from connector.model import AdTerms


def match(kind: str, value: str) -> str | None:
    """E-mail in lower case without `+tag`, which no hash made elsewhere can be known to lack; phone in digits only."""
    if kind == "email":
        local, at, domain = (identifiers.email(value) or "").partition("@")
        return key(kind, f"{local.partition('+')[0]}@{domain}") if at and not local.startswith("+") else None
    phone = identifiers.phone(value) if kind == "phone" else None
    return key(kind, phone.removeprefix("+")) if phone else None


FORMAT = Format(
    match=match,
    columns={"email": "Email_SHA256", "phone": "Phone_SHA256"},
    differences=True,
    terms=AdTerms(minimum_size=1_000, maximum_audiences=400, effect=timedelta(hours=48)),
    upload="TikTok Ads Manager, Audience Manager, Custom Audience, Customer File",
)
