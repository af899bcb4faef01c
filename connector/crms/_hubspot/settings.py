"""What the HubSpot adapter must be told."""

from collections.abc import Callable
from dataclasses import dataclass, field

from connector.crms import OAuthClient
from connector.limits import Repeat, Retry


@dataclass(frozen=True, kw_only=True)
class HubSpotSettings:
    """One account and how gently to treat it.

    Attributes:
        token: asked before every request, so that a rotated token counts at once; may raise SetupError. None: by OAuth.
        oauth: the app that an admin authorised; None: by token.
        authorize_url: where HubSpot shows the page on which an admin agrees.
        version: of the API, as its paths have it.
        lag_seconds: HubSpot's search does not see a change at once; changes younger than this wait for the next run.
        overlap_seconds: how far behind the watermark each incremental pull looks again.
        delayed_seconds: so far behind now, and about so often, a second pass looks for what was indexed late; 0: never.
        lists: `static` ones, or `properties` that the admin's active lists filter on.
        max_lists: most static lists of ours.
        membership_chunk: people in one change of a list; HubSpot documents no maximum, its first API took 500.
        batch_records: about how many records one Batch holds.
        reserve_percent: of the account's daily calls, left to others.
        requests_per_10s: most calls in ten seconds; None: four fifths of what HubSpot's answers say.
        searches_per_second: HubSpot allows five to the whole account (usage guidelines).
        timeout_seconds: for an answer; connecting may take a third of it.
        purchases: what counts as one: `orders`, won `deals`, or `both` (a deal that has an order counts by the order).
        subscription: id of the e-mail subscription type whose opt-outs count besides those of all mail; empty: none.
        subscription_status: where these are read: `properties` of the contact, or the `api` (Marketing Enterprise).
        journal: whether the webhooks journal is read too; needs `oauth`.
        on_repeat: told of every repeated call.
    """

    token: Callable[[], str] | None = None
    oauth: OAuthClient | None = None
    base_url: str = "https://api.hubapi.com"
    authorize_url: str = "https://app.hubspot.com"
    version: str = "2026-09"
    lag_seconds: float = 60.0
    overlap_seconds: float = 600.0
    delayed_seconds: float = 3_600.0
    lists: str = "static"
    max_lists: int = 100
    membership_chunk: int = 500
    batch_records: int = 5_000
    reserve_percent: float = 20.0
    requests_per_10s: int | None = None
    searches_per_second: int = 4
    timeout_seconds: float = 30.0
    purchases: str = "orders"
    subscription: str = ""
    subscription_status: str = "properties"
    journal: bool = False
    retry: Retry = field(default_factory=Retry)
    on_repeat: Callable[[Repeat], None] = lambda repeat: None
