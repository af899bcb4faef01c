"""What check says of the org's data storage: who is in our lists takes some of it, and the customer pays for it."""

from collections.abc import Iterator

from connector.crms._salesforce.answers import CHECK
from connector.crms._salesforce.api import Api
from connector.errors import LamplighterError
from connector.model import Finding

MEMBER_KB = 1
"""One contact in one campaign (Salesforce help, "Salesforce record size overview"). Our fields take nothing."""
LISTS_EACH = 3
"""In so many lists a contact is, to be on the safe side: most are in fewer of the packaged ones."""


def room(api: Api, contacts: int) -> Iterator[Finding]:
    """Whether the org has room for the lists of so many contacts; nothing where it does not tell."""
    try:
        told = api.limits()["DataStorageMB"]
    except (LamplighterError, KeyError):
        return
    left, most = int(told["Remaining"]), int(told["Max"])
    taken = -(-contacts * LISTS_EACH * MEMBER_KB // 1024)
    detail = (
        f"{left:,} of {most:,} MB are free; a member of a list takes 1 KB: {taken:,} MB if all contacts are in three"
    )
    fix = f"free or buy data storage, or keep fewer and smaller lists in mappings/audiences.yaml, then {CHECK}"
    yield Finding(ok=taken <= left, title="Salesforce storage", detail=detail, fix="" if taken <= left else fix)
