"""Starts a stand-in as a web server on loopback, in a thread: for tests, and for `lamplighter sandbox`."""

import asyncio
import socket
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from connector.errors import SetupError
from connector.sandbox.hubspot import HubSpot
from connector.sandbox.hubspot_portal import Settings
from connector.sandbox.server import Server

STARTING = 30.0
"""Seconds a server may take until it answers; a world is in before that."""


class Sandbox:
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
        self._socket = _listening(host, port)
        self.url = f"http://{host}:{self._socket.getsockname()[1]}"
        try:
            self.portal = HubSpot(wanted, world, state)
        except BaseException:
            self._socket.close()
            raise
        self._app = Server(self.portal)
        self.create_order, self.create_deal = self.portal.create_order, self.portal.create_deal
        self.restore, self.touch, self.index_late = self.portal.restore, self.portal.touch, self.portal.index_late
        self.journal, self.faults, self.clock = self._app.journal, self._app.faults, self.portal.clock
        self._server = uvicorn.Server(_config(self._app))
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)

    def start(self) -> Self:
        """Answer requests from a thread of its own; returns once it does. Raises SetupError where it cannot."""
        self._thread.start()
        until = time.monotonic() + STARTING
        while not self._server.started:
            if time.monotonic() > until or not self._thread.is_alive():
                raise SetupError(f"The sandbox does not answer at {self.url}.", hint="try another port")
            time.sleep(0.005)
        return self

    def stop(self) -> None:
        """Close all connections and let go of the database."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join()
        self._socket.close()
        self.portal.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, wrong: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Protocol(H11Protocol):
    """Lets the application find the connection of a request, to close it without an answer."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self.client:
            cast(Server, self.app).connections[self.client] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self.client:
            cast(Server, self.app).connections.pop(self.client, None)
        super().connection_lost(exc)


def _listening(host: str, port: int) -> socket.socket:
    try:
        listening = socket.create_server((host, port))
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else each answer waits 40 ms for an ACK
        return listening
    except OSError as wrong:
        raise SetupError(
            f"The sandbox cannot listen on {host}:{port}: {wrong.strerror}.", hint="try --port 0"
        ) from wrong


def _config(app: Any) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=_Protocol,
        ws="none",
        loop="asyncio",
        lifespan="off",
        interface="asgi3",
        proxy_headers=False,
        access_log=False,
        log_config=None,
        log_level="critical",
        server_header=False,
        date_header=False,
        timeout_keep_alive=120,
        timeout_graceful_shutdown=1,
        backlog=256,
    )
