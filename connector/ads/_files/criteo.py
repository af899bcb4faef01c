"""Criteo: a contact list, one hashed address a line without a header (Criteo help, "Contact Lists")."""

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
    columns={"email": "email"},
    header=False,
    terms=AdTerms(identifiers=("email",), minimum_size=500, effect=timedelta(hours=24)),
    upload="Criteo Commerce Growth, Assets, Audience library, Contact list, or its SFTP",
)
