"""What a test may set of the sandbox Salesforce: what its org has, what its API grants, how it pages."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from connector.sandbox.salesforce_door_settings import DoorSettings

RIGHTS = frozenset("crud")


@dataclass(kw_only=True)
class Settings(DoorSettings):
    """What may be changed while the org runs.

    Attributes:
        token: an access token of the integration user that is good from the start.
        lowest, highest: API versions that are served.
        person_accounts, individuals, multi_currency: features that the org has; fields and objects come with them.
        duplicate_rule: whether a duplicate rule objects to each change of a contact that is not to be saved anyway.
        negative_quantity: whether order products of ordinary orders may have negative quantities.
        marketing_user: whether the integration user has the Marketing User licence, without which no campaign is made.
        member_status_createable: whether statuses of a campaign's members may be made by the API.
        rights: object -> what the integration user may do with it, of the letters `crud`; not named: everything.
        query_batch: most rows of one page of a query.
        cursor_days: how long a page's address is good.
        updated_days, deleted_days: how far back changes and deletions may be asked for.
        delete_log_days: how far back the org still knows of deletions; less after it trimmed its log.
    """

    token: str = "sandbox-token"  # noqa: S105 - a plain word, no secret
    lowest: int = 41
    highest: int = 68
    person_accounts: bool = True
    individuals: bool = True
    multi_currency: bool = True
    duplicate_rule: bool = False
    negative_quantity: bool = True
    marketing_user: bool = True
    member_status_createable: bool = True
    rights: Mapping[str, str] | None = None
    query_batch: int = 2_000
    cursor_days: float = 2
    updated_days: int = 30
    deleted_days: int = 15
    delete_log_days: float = 15

    def change(self, wanted: Mapping[str, Any]) -> None:
        """Set some by name. Raises ValueError for an unknown name or a wrong value, and then changes nothing."""
        known = {one.name for one in fields(self)}
        if unknown := sorted(wanted.keys() - known):
            raise ValueError(f"the sandbox Salesforce has no settings {unknown}; it has {sorted(known)}")
        for name, value in wanted.items():
            _check(name, value, getattr(self, name))
        for name, value in wanted.items():
            setattr(self, name, value)

    def may(self, kind: str, right: str) -> bool:
        """Whether the integration user may do this with objects of a kind."""
        return right in (self.rights or {}).get(kind, "crud")


def _check(name: str, value: Any, now: Any) -> None:
    if name == "rights":
        if value is not None and not all(set(letters) <= RIGHTS for letters in value.values()):
            raise ValueError("rights are object names with some of the letters c, r, u, d")
    elif isinstance(now, bool) != isinstance(value, bool):
        raise ValueError(f"{name} cannot be {value!r}")
