"""What every endpoint of the collector works with."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from connector.collect.spool import Spool


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Desk:
    """The collector's settings with their secrets, and where things go. Never printed: it holds secrets.

    Attributes:
        write_key, segment_secret, hubspot_secret: empty: there is no such endpoint.
        public_url: what HubSpot calls us by, without a slash at the end.
        pixel: whether there is one.
        origins: pages of which sites may call from a browser.
        tcf_vendors: without consent to all of them a TC string is a no.
        most_bytes: of a body.
        wake: asks for a pass soon.
    """

    spool: Spool
    write_key: str = ""
    segment_secret: str = ""
    hubspot_secret: str = ""
    public_url: str = ""
    pixel: bool = False
    origins: tuple[str, ...] = ()
    tcf_vendors: frozenset[int] = frozenset()
    most_bytes: int = 512_000
    per_second: float = 100
    wake: Callable[[], None]
    clock: Callable[[], datetime] = now

    def __repr__(self) -> str:
        return "Desk(**redacted**)"
