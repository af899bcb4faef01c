"""What a test may set of the sandbox Meta: whose ad account it is, what its token may do, and which limits it has."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

PERMISSIONS = frozenset({"ads_management", "ads_read", "business_management"})


@dataclass(kw_only=True)
class Settings:
    """What may be changed while it runs. Sources: Meta, "Customer File Custom Audiences", "Rate Limits".

    Attributes:
        token: the access token that is good.
        app_secret: of the app; where there is one, calls must prove that they know it.
        account, business: ids of the ad account, and of the business that owns it.
        dataset: id of the dataset (once a pixel) that takes events.
        permissions: what the token may do.
        terms_accepted: whether somebody accepted the Custom Audience Terms for the account.
        versions: API versions that are served.
        audience_limit: customer-file audiences that an account may have.
        rows: of one request. events: the same of events.
        page: most audiences of one page of their list.
        limits: whether the limit of calls refuses; calls are counted either way.
        hourly: calls of an hour, to which 40 an audience are added.
        session_minutes: how long a replace session stays open.
        replace_seconds: how long a finished session is worked through, in which nothing else may be done.
        replace_fails: whether that work fails, and leaves the audience as it was.
        flagged_words: names that hold one of these are taken to tell something that no audience may.
    """

    token: str = "sandbox-token"  # noqa: S105 - a plain word, no secret
    app_secret: str = ""
    account: str = "4711"
    business: str = "66782684"
    dataset: str = "880055"
    permissions: frozenset[str] = PERMISSIONS
    terms_accepted: bool = True
    versions: tuple[str, ...] = ("v25.0", "v26.0")
    audience_limit: int = 500
    rows: int = 10_000
    events: int = 1_000
    page: int = 100
    limits: bool = False
    hourly: int = 5_000
    session_minutes: float = 90
    replace_seconds: float = 0
    replace_fails: bool = False
    flagged_words: tuple[str, ...] = ("diabetes", "arthritis", "cancer", "credit score", "high income")

    def change(self, wanted: Mapping[str, Any]) -> None:
        """Set some by name. Raises ValueError for an unknown name or a wrong value, and then changes nothing."""
        known = {one.name for one in fields(self)}
        if unknown := sorted(wanted.keys() - known):
            raise ValueError(f"the sandbox Meta has no settings {unknown}; it has {sorted(known)}")
        changed = {name: _like(getattr(self, name), value, name) for name, value in wanted.items()}
        for name, value in changed.items():
            setattr(self, name, value)


def _like(now: Any, value: Any, name: str) -> Any:
    """The value in the type of the one that it replaces; JSON knows no sets and no tuples."""
    if isinstance(now, bool) != isinstance(value, bool) or isinstance(now, str) != isinstance(value, str):
        raise ValueError(f"{name} cannot be {value!r}")
    return type(now)(value) if isinstance(now, frozenset | tuple) else value
