"""What a test may set of the sandbox Google: its account, its credentials, its limits and its moods."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(kw_only=True)
class Settings:
    """What may be changed while the account runs.

    Attributes:
        account: the Google Ads account, ten digits.
        login_account: the manager account that must be named as `loginAccount`; empty: the account itself will do.
        client_id, client_secret, refresh_token: of the app that an admin authorised.
        service_email, service_key: of the service account: its address and the public half of its key (PEM).
        token_seconds: how long an access token lasts.
        api_enabled: whether the Cloud project may use the Data Manager API.
        test_account: whether it is one of Google's test accounts, which take no user lists.
        terms_signed: whether the account has accepted the Customer Match terms.
        political_declared: whether its campaigns have said if they carry EU political advertising.
        eea: whether its people are in the EEA, where both consents must be granted.
        max_lists: user lists that it holds at most; 0: no limit. Google publishes none.
        conversion_action: id of the conversion action that takes events.
        processing_seconds: how long what was accepted is PROCESSING.
        limits: whether the quota refuses.
        per_minute, per_day: requests of one Cloud project (source: Data Manager API, Limits and quotas).
    """

    account: str = "1234567890"
    login_account: str = ""
    client_id: str = "sandbox-app"
    client_secret: str = "sandbox-secret"  # noqa: S105 - a plain word, no secret
    refresh_token: str = "sandbox-refresh"  # noqa: S105
    service_email: str = "lamplighter@sandbox.iam.gserviceaccount.com"
    service_key: str = ""
    token_seconds: float = 3_599
    api_enabled: bool = True
    test_account: bool = False
    terms_signed: bool = True
    political_declared: bool = True
    eea: bool = True
    max_lists: int = 0
    conversion_action: str = "700001"
    processing_seconds: float = 0
    limits: bool = False
    per_minute: int = 300
    per_day: int = 100_000

    def change(self, wanted: Mapping[str, Any]) -> None:
        """Set some by name. Raises ValueError for an unknown one, and then changes nothing."""
        known = {one.name for one in fields(self)}
        if unknown := sorted(wanted.keys() - known):
            raise ValueError(f"the sandbox Google has no settings {unknown}; it has {sorted(known)}")
        for name, value in wanted.items():
            setattr(self, name, value)
