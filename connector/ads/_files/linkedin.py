"""LinkedIn: a contact list in the headers of its template, which must stay as they are (LinkedIn help, a1489764)."""

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
    template=("email", "firstname", "lastname", "jobtitle", "employeecompany", "country", "googleaid"),
    terms=AdTerms(identifiers=("email",), minimum_size=300, effect=timedelta(hours=48)),
    upload="LinkedIn Campaign Manager, Audiences, Upload a list, Contact",
)
