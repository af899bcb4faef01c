"""Microsoft Advertising: a customer match list of e-mail addresses (Microsoft Advertising help, "Customer match")."""

from datetime import timedelta

from connector import identifiers
from connector.ads._files.format import Format
from connector.ads._identifiers import key_or_hash
from connector.model import AdTerms


def match(kind: str, value: str) -> str | None:
    """E-mail only: trimmed, in lower case."""
    email = identifiers.email(value) if kind == "email" else None
    return key_or_hash(kind, email) if email else None


FORMAT = Format(
    match=match,
    columns={"email": "Email"},
    differences=True,
    terms=AdTerms(identifiers=("email",), minimum_size=300, maximum_audiences=1_000, effect=timedelta(hours=48)),
    upload="Microsoft Advertising, Shared library, Audiences, Customer match",
)
