"""A proxy between an adapter and a system, at the level of sockets: it can do what HTTP libraries cannot."""

import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

PIECES, PAUSE = 6, 0.02
"""How a slow answer comes: in so many pieces, with so many seconds between two."""


@dataclass(frozen=True, kw_only=True)
class Sent:
    """One request as it came."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """Without the query, which may hold an address."""
        return self.target.partition("?")[0]


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One answer as it will leave."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def head(self) -> bytes:
        """Status line and headers; the length is that of the whole body."""
        told = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
        lines = [f"HTTP/1.1 {self.status} -", *(f"{name}: {value}" for name, value in told.items())]
        return "\r\n".join([*lines, f"Content-Length: {len(self.body)}", "", ""]).encode("latin-1")


HOP = frozenset({"content-length", "connection", "transfer-encoding", "keep-alive"})
Deliver = Callable[[], Reply]
"""Hands the request to the system, once each time it is called; what the system answers."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """How an answer travels.

    Attributes:
        cut: after half the body the connection ends.
        slow: in pieces.
        silent: not at all: the connection stays open until the other side has waited long enough.
        dead: not at all: the connection ends.
    """

    cut: bool = False
    slow: bool = False
    silent: bool = False
    dead: bool = False


GOOD = Line()
Fault = Callable[[Sent, Deliver], tuple[Reply | None, Line]]
"""What becomes of a request; it decides itself whether and how often the system gets to see it."""
Choice = Callable[[Sent], Fault | None]


class FaultProxy:
    """Listens from the start; `choose` says what becomes of each request. A context manager.

    Args:
        target: the system's address.

    Attributes:
        url: the proxy's.
        choose: None, or a function that gives a request its fault; may be changed at any time.
    """

    def __init__(self, target: str) -> None:
        self.choose: Choice | None = None
        self._at = urlsplit(target).netloc
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._open: set[socket.socket] = set()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, name="fault-proxy", daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for one in [*self._open]:
            _end(one)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                caller, _ = self._socket.accept()
                caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._open.add(caller)
                threading.Thread(target=self._serve, args=(caller,), name="fault-proxy", daemon=True).start()

    def _serve(self, caller: socket.socket) -> None:
        """One connection, until either side ends it."""
        with suppress(OSError), caller.makefile("rb") as incoming:
            while (sent := _read(incoming)) is not None:
                reply, line = self._outcome(sent)
                if not _travel(caller, reply, line):
                    break
        self._open.discard(caller)
        _end(caller)

    def _outcome(self, sent: Sent) -> tuple[Reply | None, Line]:
        fault = self.choose(sent) if self.choose else None
        if fault is None:
            return self._deliver(sent), GOOD
        return fault(sent, lambda: self._deliver(sent))

    def _deliver(self, sent: Sent) -> Reply:
        upstream = HTTPConnection(self._at, timeout=30)
        try:
            upstream.request(sent.method, sent.target, body=sent.body or None, headers=dict(sent.headers))
            answer = upstream.getresponse()
            return Reply(status=answer.status, headers=dict(answer.getheaders()), body=answer.read())
        finally:
            upstream.close()


def _read(incoming: Any) -> Sent | None:
    """The next request; None where there is no further one."""
    first = incoming.readline().decode("latin-1").split()
    if len(first) < 2:
        return None
    headers = {}
    while line := incoming.readline().decode("latin-1").strip():
        name, _, value = line.partition(":")
        headers[name.strip()] = value.strip()
    length = next((int(value) for name, value in headers.items() if name.lower() == "content-length"), 0)
    return Sent(method=first[0], target=first[1], headers=headers, body=incoming.read(length))


def _travel(caller: socket.socket, reply: Reply | None, line: Line) -> bool:
    """Send an answer on its way; False where the connection is done for."""
    if reply is None or line.dead or line.silent:
        if line.silent:
            caller.recv(1)  # until the caller has had enough
        return False
    body = reply.body[: len(reply.body) // 2] if line.cut else reply.body
    caller.sendall(reply.head())
    for piece in _pieces(body) if line.slow else [body]:
        caller.sendall(piece)
        if line.slow:
            threading.Event().wait(PAUSE)
    return not line.cut


def _pieces(body: bytes) -> list[bytes]:
    size = max(1, -(-len(body) // PIECES))
    return [body[at : at + size] for at in range(0, len(body), size)]


def _end(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()


def with_body(reply: Reply, body: bytes, content_type: str = "application/json") -> Reply:
    """An answer with another body."""
    headers = {name: value for name, value in reply.headers.items() if name.lower() != "content-type"}
    return replace(reply, headers={**headers, "Content-Type": content_type}, body=body)
