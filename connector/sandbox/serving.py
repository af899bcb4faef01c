"""Starts the stand-in of any one system as a web server on loopback, in a thread: for tests and demos."""

import threading
from collections.abc import Callable

import uvicorn

from connector.sandbox.exchange import Answer, Call, Operation
from connector.sandbox.serve import Sandbox, _config, _listening
from connector.sandbox.server import Server
from connector.sandbox.service import Service


class ServiceSandbox(Sandbox):
    """A running stand-in; also a context manager.

    Args:
        service: what answers; closed with the server.
        port: 0 takes a free one.

    Attributes:
        url: where it answers, without a slash at the end.
        service: for tests in the same process.
        journal, faults, clock, levers: what `/_sandbox/` moves.
    """

    def __init__(self, service: Service, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.service = service
        self._socket = _listening(host, port)
        self.url = f"http://{host}:{self._socket.getsockname()[1]}"
        self._app = Server(service)
        self.levers, self.clock = service.levers, service.clock
        self.journal, self.faults = self._app.journal, self._app.faults
        self._server = uvicorn.Server(_config(self._app))
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)

    def watch(self, look: Callable[[], None]) -> None:
        """Call `look` after every request that writes, before its answer leaves."""
        answer = self.service.answer

        def watched(operation: Operation | None, call: Call) -> Answer:
            given = answer(operation, call)
            if operation is not None and operation.write:
                look()
            return given

        self.service.answer = watched  # type: ignore[method-assign]

    def stop(self) -> None:
        """Close all connections, and let go of what the service keeps."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join()
        self._socket.close()
        self.service.close()
