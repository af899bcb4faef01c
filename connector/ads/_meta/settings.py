"""What the adapter of Meta is told."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from connector.limits import Repeat, Retry

ActionSource = Literal["system_generated", "physical_store"]

OLDEST: dict[ActionSource, timedelta] = {
    "system_generated": timedelta(days=7),
    "physical_store": timedelta(days=62),
}
"""How old an event may be (Meta, "Server Event Parameters" and "Sending Offline Events")."""


@dataclass(frozen=True, kw_only=True)
class MetaSettings:
    """One ad account.

    Attributes:
        name: what books and ledgers call it.
        account: digits, with or without `act_`.
        token: of a system user; may raise SetupError.
        app_secret: of the app, where it demands proof of it; may raise SetupError.
        dataset: id of the dataset (once a pixel) that is told of sales; empty: no sales are told.
        action_source: how sales came to be, in Meta's words.
        limited_data_use: have Meta limit what it does with the data of people in US states whose law wants that.
        max_lists: audiences of ours at a time; an account may hold 500, ours and others' together.
        reserve_percent: of an hour's calls, left to others.
    """

    account: str
    token: Callable[[], str]
    name: str = "meta"
    app_secret: Callable[[], str] | None = None
    dataset: str = ""
    action_source: ActionSource = "system_generated"
    limited_data_use: bool = False
    max_lists: int = 450
    reserve_percent: float = 20
    base_url: str = "https://graph.facebook.com"
    version: str = "v25.0"
    timeout_seconds: float = 60
    retry: Retry = field(default_factory=Retry)
    on_repeat: Callable[[Repeat], None] = lambda repeat: None

    @property
    def node(self) -> str:
        """The account as paths name it."""
        return f"act_{self.account.removeprefix('act_')}"
