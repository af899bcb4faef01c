"""How Meta spells identifiers before it hashes them (Meta, "Hashing and Normalization for Multi-Key")."""

from connector import identifiers
from connector.ads._identifiers import key, key_or_hash


def match(kind: str, value: str) -> str | None:
    """The match key of an identifier; None for what Meta could not use.

    E-mail: trimmed, in lower case; one that is hashed already is taken as it is, as most systems hash just so.
    Phone: country code and number, digits only.
    """
    if kind == "email" and (email := identifiers.email(value)):
        return key_or_hash(kind, email)
    if kind == "phone" and (phone := identifiers.phone(value)):
        return key(kind, phone.removeprefix("+"))
    return None
