"""Starts the stand-in of any one system as a web server on loopback, in a thread: for tests and demos."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar, cast

from uvicorn.protocols.http.h11_impl import H11Protocol

from connector.http_server import HttpServer
from connector.sandbox.exchange import Answer, Call, Operation
from connector.sandbox.server import Server
from connector.sandbox.service import Service

Kind = TypeVar("Kind", bound=Service)


class ServiceSandbox(HttpServer, Generic[Kind]):
    """A running stand-in; also a context manager.

    Args:
        made: makes what answers, once it is known where; closed with the server.
        around: the server around it.
        port: 0 takes a free one.

    Attributes:
        url: where it answers, without a slash at the end.
        service: what answers, for tests in the same process.
        journal, faults, clock, levers: what `/_sandbox/` moves.
    """

    def __init__(
        self,
        made: Callable[[], Kind],
        *,
        around: type[Server] = Server,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        super().__init__("the sandbox", "try --port 0", host=host, port=port)
        try:
            self.service = made()
        except BaseException:
            self._socket.close()
            raise
        self._app = around(self.service)
        self.levers, self.clock = self.service.levers, self.service.clock
        self.journal, self.faults = self._app.journal, self._app.faults
        self._answer_by(
            self._app,
            http=_Protocol,
            interface="asgi3",
            date_header=False,
            timeout_keep_alive=120,
            timeout_graceful_shutdown=1,
            backlog=256,
        )

    def watch(self, look: Callable[[], None]) -> None:
        """Call `look` after every request that writes, before its answer leaves."""
        answer = self.service.answer

        def watched(operation: Operation | None, call: Call) -> Answer:
            given = answer(operation, call)
            if operation is not None and operation.write:
                look()
            return given

        self.service.answer = watched  # type: ignore[method-assign]

    def _let_go(self) -> None:
        self.service.close()


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
