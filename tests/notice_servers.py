"""Small servers that take what alerts and traces send: over HTTP, and mail over SMTP, in the clear or under TLS."""

import io
import json
import socketserver
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any


@dataclass
class Hook:
    """What a webhook was sent. `status` is what it answers."""

    url: str = ""
    status: int = 200
    bodies: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Post:
    """What a mail server was sent, and by whom: the answers to AUTH, as they came."""

    port: int = 0
    refuse: bool = False
    mails: list[Message] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    under_tls: list[bool] = field(default_factory=list)


@contextmanager
def _serving(server: socketserver.BaseServer) -> Iterator[None]:
    thread = Thread(target=lambda: server.serve_forever(poll_interval=0.01), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def hook() -> Iterator[Hook]:
    """A webhook on loopback, whose path holds what must not be told to anybody."""
    received = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.bodies.append(json.loads(body))
            self.send_response(received.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server, _serving(server):
        received.url = f"http://127.0.0.1:{server.server_port}/hooks/T0KEN-IN-THE-PATH"
        yield received


@contextmanager
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """A collector of traces on loopback: its address, and what it was sent."""
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server, _serving(server):
        yield f"http://127.0.0.1:{server.server_port}", bodies


@contextmanager
def post(certificate: Path | None = None) -> Iterator[Post]:
    """A mail server on loopback, as far as RFC 5321 goes that smtplib needs; with a certificate it takes STARTTLS."""
    received = Post()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.say("220 post")
            while line := self.rfile.readline().decode().strip():
                if line.upper() == "DATA":
                    self.take()
                elif line.upper() == "STARTTLS" and certificate is not None:
                    self.wrap(certificate)
                elif line.upper() == "QUIT":
                    self.say("221 bye")
                    return
                else:
                    self.answer(line)

        def finish(self) -> None:
            super().finish()
            self.request.close()

        def answer(self, line: str) -> None:
            if line.upper().startswith("EHLO"):
                self.say("250-post", "250-AUTH PLAIN", "250 STARTTLS" if certificate else "250 HELP")
            elif line.upper().startswith("AUTH"):
                received.logins.append(line)
                self.say("235 in")
            elif line.upper().startswith("RCPT") and received.refuse:
                self.say("550 nobody of that name")
            else:
                self.say("250 well")

        def take(self) -> None:
            self.say("354 go on")
            lines = iter(self.rfile.readline, b".\r\n")
            received.mails.append(message_from_bytes(b"".join(lines)))
            received.under_tls.append(isinstance(self.request, ssl.SSLSocket))
            self.say("250 taken")

        def wrap(self, certificate: Path) -> None:
            self.say("220 go on")
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            try:
                self.request = context.wrap_socket(self.request, server_side=True)
            except ssl.SSLError:  # they do not trust us
                self.rfile = io.BytesIO()
                return
            self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb", 0)

        def say(self, *lines: str) -> None:
            self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())

    with socketserver.TCPServer(("127.0.0.1", 0), Handler) as server, _serving(server):
        received.port = server.server_address[1]
        yield received
