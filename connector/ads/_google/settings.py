"""What the Google adapter must be told."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from connector.limits import Clock, Repeat, Retry


@dataclass(frozen=True, kw_only=True)
class App:
    """An app that an admin authorised for the scope of the Data Manager API.

    Attributes:
        client_secret, refresh_token: asked when they are needed; may raise SetupError.
    """

    client_id: str
    client_secret: Callable[[], str]
    refresh_token: Callable[[], str]


@dataclass(frozen=True, kw_only=True)
class GoogleSettings:
    """One Google Ads account and how gently to treat it.

    Attributes:
        name: what books and ledgers call it.
        account, login_account: ten digits, with or without hyphens; the latter the manager account through which the
            former is reached, if any.
        service_account: gives the JSON of a service account's key file; may raise SetupError. None: by `oauth`.
        terms_accepted: whether the admin has accepted Google's Customer Match terms, which each upload must say.
        max_lists: most user lists of ours. Google publishes no limit.
        conversion_action: id of the conversion action that is told of sales; empty: none is.
        merchant_id: the Merchant Center account whose ids the catalogue has; empty: the one linked to the account.
        calls_per_minute: of the 300 that a Cloud project has.
        ask_after: so long after a batch was accepted Google is first asked what became of it, and then after twice as
            long each time (Data Manager API, Diagnostics: not before 30 minutes, with exponential backoff).
        on_repeat: told of every repeated call.
    """

    name: str = "google"
    account: str
    login_account: str = ""
    service_account: Callable[[], str] | None = None
    oauth: App | None = None
    terms_accepted: bool = False
    max_lists: int = 100
    conversion_action: str = ""
    merchant_id: str = ""
    base_url: str = "https://datamanager.googleapis.com"
    token_url: str = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
    timeout_seconds: float = 60.0
    calls_per_minute: int = 240
    ask_after: timedelta = timedelta(minutes=30)
    retry: Retry = field(default_factory=Retry)
    clock: Clock = field(default_factory=Clock)
    on_repeat: Callable[[Repeat], None] = lambda repeat: None


def settings_of(told: Mapping[str, Any]) -> GoogleSettings:
    """The settings by name, as a home tells them: accounts without hyphens, the app from its own mapping."""
    app = told.get("oauth")
    accounts = {name: str(told.get(name) or "").replace("-", "") for name in ("account", "login_account")}
    return GoogleSettings(**{**told, **accounts, "oauth": App(**app) if isinstance(app, Mapping) else app})
