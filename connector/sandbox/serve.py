"""Starts the sandbox HubSpot as a web server on loopback, in a thread: for tests, and for `lamplighter sandbox`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connector.sandbox.hubspot import HubSpot
from connector.sandbox.hubspot_portal import Settings
from connector.sandbox.serving import ServiceSandbox


class Sandbox(ServiceSandbox[HubSpot]):
    """A running sandbox HubSpot; also a context manager.

    Args:
        world: folder to fill it with; none: an empty portal.
        limits: whether rate limits refuse.
        index_lag_seconds: how long search does not see a change.
        port: 0 takes a free one.
        state: file to keep the portal in; one that exists is taken up where it was left, without the world.
        settings: further settings by name, as `portal.configure` takes them.

    Attributes:
        url: where it answers, without a slash at the end.
        portal: the portal itself, for tests in the same process: `portal.act(...)`.
        create_order, create_deal, restore, touch, index_late: levers of the portal, told of in `hubspot_levers`.
        journal, faults, clock: what `/_sandbox/` moves, for tests in the same process.
    """

    def __init__(
        self,
        world: Path | None = None,
        *,
        limits: bool = False,
        index_lag_seconds: float = 0,
        token: str = "sandbox-token",  # noqa: S107 - a plain word, no secret
        host: str = "127.0.0.1",
        port: int = 0,
        state: Path | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.token = token
        wanted = Settings(token=token, limits=limits, index_lag_seconds=index_lag_seconds)
        wanted.change(settings or {})
        super().__init__(lambda: HubSpot(wanted, world, state), host=host, port=port)
        self.portal = self.service
        self.create_order, self.create_deal = self.portal.create_order, self.portal.create_deal
        self.restore, self.touch, self.index_late = self.portal.restore, self.portal.touch, self.portal.index_late
