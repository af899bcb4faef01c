"""A web application that answers from a thread of its own."""

import socket
import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import uvicorn

from connector.errors import SetupError

STARTING = 30.0
"""Seconds until it must answer."""
QUIET: Mapping[str, Any] = {
    "ws": "none",
    "loop": "asyncio",
    "lifespan": "off",
    "proxy_headers": False,
    "access_log": False,
    "log_config": None,
    "log_level": "critical",
    "server_header": False,
}
"""Options of uvicorn for a server that says nothing of itself or of who calls."""


class HttpServer:
    """Listens from the start and answers once it is started; also a context manager.

    Args:
        what: what to call it in messages (`the collector`).
        other_port: how to give it another port.
        port: 0 takes a free one.

    Attributes:
        url: where it answers, without a slash at the end.

    Raises:
        SetupError: the port is taken.
    """

    def __init__(self, what: str, other_port: str, *, host: str, port: int) -> None:
        self._what, self._other_port = what, other_port
        self._socket = self._listening(host, port)
        self.url = f"http://{host}:{self._socket.getsockname()[1]}"

    def _listening(self, host: str, port: int) -> socket.socket:
        try:
            listening = socket.create_server((host, port))
        except OSError as wrong:
            raise SetupError(
                f"{self._what} cannot listen on {host}:{port}: {wrong.strerror}", hint=self._other_port
            ) from None
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else each answer waits 40 ms for an ACK
        return listening

    def _answer_by(self, app: Any, **options: Any) -> None:
        """What to answer with, and uvicorn's further options. Must come before `start`. Nothing is logged."""
        self._server = uvicorn.Server(uvicorn.Config(app, **QUIET, **options))
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), name=self._what.replace(" ", "-"), daemon=True
        )

    def start(self) -> Self:
        """Answer requests; returns once it does. Raises SetupError where it cannot."""
        self._thread.start()
        until = time.monotonic() + STARTING
        while not self._server.started:
            if time.monotonic() > until or not self._thread.is_alive():
                raise SetupError(f"{self._what} does not answer at {self.url}", hint=self._other_port)
            time.sleep(0.005)
        return self

    def stop(self) -> None:
        """Answer what has been asked, close all connections, and let go of what it keeps."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join()
        self._socket.close()
        self._let_go()

    def _let_go(self) -> None:
        """Close files; nothing to do unless somebody says so."""

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, wrong: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
