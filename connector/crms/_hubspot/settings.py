"""What the HubSpot adapter must be told."""

from collections.abc import Callable
from dataclasses import dataclass, field

from connector.limits import Repeat, Retry


@dataclass(frozen=True, kw_only=True)
class HubSpotSettings:
    """One account and how gently to treat it.

    Attributes:
        token: asked before every request, so that a rotated token counts at once; may raise SetupError.
        version: of the API, as its paths have it.
        lag_seconds: HubSpot's search does not see a change at once; changes younger than this wait for the next run.
        overlap_seconds: how far behind the watermark each incremental pull looks again.
        membership_chunk: people in one change of a list; HubSpot documents no maximum, its first API took 500.
        batch_records: about how many records one Batch holds.
        reserve_percent: of the account's daily calls, left to others.
        requests_per_10s: most calls in ten seconds; None: four fifths of what HubSpot's answers say.
        searches_per_second: HubSpot allows five to the whole account (usage guidelines).
        timeout_seconds: for an answer; connecting may take a third of it.
        on_repeat: told of every repeated call.
    """

    token: Callable[[], str]
    base_url: str = "https://api.hubapi.com"
    version: str = "2026-09"
    lag_seconds: float = 60.0
    overlap_seconds: float = 600.0
    membership_chunk: int = 500
    batch_records: int = 5_000
    reserve_percent: float = 20.0
    requests_per_10s: int | None = None
    searches_per_second: int = 4
    timeout_seconds: float = 30.0
    retry: Retry = field(default_factory=Retry)
    on_repeat: Callable[[Repeat], None] = lambda repeat: None
