"""Runs the collector as a web server in a thread of its own, beside the scheduler."""

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import uvicorn

from connector import settings
from connector.collect.app import build
from connector.collect.desk import Desk
from connector.collect.spool import Spool
from connector.errors import SetupError
from connector.events.inbox import FOLDER

STARTING = 30.0
"""Seconds until it must answer."""


class Collector:
    """A running collector; also a context manager.

    Args:
        home: whose inbox is filled.
        part: its settings; port 0 takes a free one.
        wake: asks for a pass soon; called from the server's thread.

    Attributes:
        url: where it answers, without a slash at the end.

    Raises:
        SetupError: a secret is not there, or the port is taken.
    """

    def __init__(self, home: Path, part: settings.CollectPart, wake: Callable[[], None]) -> None:
        self._spool = Spool(home / FOLDER)
        desk = _desk(part, self._spool, wake)
        self._socket = _listening(part.host, part.port)
        self.url = f"http://{part.host}:{self._socket.getsockname()[1]}"
        self._server = uvicorn.Server(_config(build(desk)))
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), name="collector", daemon=True)

    def start(self) -> Self:
        """Answer requests; returns once it does. Raises SetupError where it cannot."""
        self._thread.start()
        until = time.monotonic() + STARTING
        while not self._server.started:
            if time.monotonic() > until or not self._thread.is_alive():
                raise SetupError(f"the collector does not answer at {self.url}", hint="try another collect.port")
            time.sleep(0.01)
        return self

    def stop(self) -> None:
        """Answer what has been asked, then close."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join()
        self._socket.close()
        self._spool.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, wrong: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _desk(part: settings.CollectPart, spool: Spool, wake: Callable[[], None]) -> Desk:
    return Desk(
        spool=spool,
        write_key=_secret(part.write_key),
        segment_secret=_secret(part.segment_secret),
        hubspot_secret=_secret(part.hubspot_secret),
        public_url=part.public_url,
        pixel=part.pixel,
        origins=part.origins,
        most_bytes=part.max_body_bytes,
        per_second=part.requests_per_second,
        wake=wake,
    )


def tried(part: settings.CollectPart) -> str:
    """Where a collector of these settings answers, for `check`. Raises SetupError: one of its secrets is not there."""
    for reference in (part.write_key, part.segment_secret, part.hubspot_secret):
        _secret(reference)
    return f"{part.host}:{part.port}, while `lamplighter serve` runs"


def _secret(reference: str | None) -> str:
    hint = "put it there, or name another place under collect: in lamplighter.yaml"
    return settings.secret(reference, hint).get_secret_value() if reference else ""


def _listening(host: str, port: int) -> socket.socket:
    try:
        listening = socket.create_server((host, port))
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else each answer waits 40 ms for an ACK
        return listening
    except OSError as wrong:
        raise SetupError(
            f"the collector cannot listen on {host}:{port}: {wrong.strerror}",
            hint="choose another collect.port in lamplighter.yaml",
        ) from None


def _config(app: Any) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http="h11",
        ws="none",
        loop="asyncio",
        lifespan="off",
        proxy_headers=False,
        access_log=False,
        log_config=None,
        log_level="critical",
        server_header=False,
        limit_concurrency=500,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=5,
    )
