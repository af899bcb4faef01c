"""A web page on this machine that waits for one visit: where a CRM sends the admin's browser back to."""

import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qsl, urlsplit

from connector.errors import SetupError

PATH = "/callback"
HOST = "127.0.0.1"
PAGE = b"<!doctype html><title>Lamplighter</title><p>The answer has arrived. You may close this window and go on there."


class Loopback:
    """Listens on this machine alone, from its making until `close`.

    Raises SetupError where the port is taken.
    """

    def __init__(self, port: int) -> None:
        try:
            self._server = _Server((HOST, port), _Visit)
        except OSError as error:
            raise SetupError(
                f"port {port} of this machine cannot be listened on: {error.strerror}",
                hint="name another with --port, and add its redirect URL to the app's settings in the CRM",
            ) from None
        self.redirect_uri = f"http://localhost:{self._server.server_port}{PATH}"
        """By name: CRMs take no addresses in numbers (HubSpot), and plain HTTP for localhost only."""

    def visit(self, seconds: float) -> dict[str, str] | None:
        """What the visitor brought along, by name; None where nobody came in time. Other paths are not found."""
        until = time.monotonic() + seconds
        while self._server.brought is None and (left := until - time.monotonic()) > 0:
            self._server.timeout = left
            self._server.handle_request()
        return self._server.brought

    def close(self) -> None:
        """Stop listening."""
        self._server.server_close()


class _Server(HTTPServer):
    brought: dict[str, str] | None = None


class _Visit(BaseHTTPRequestHandler):
    server: _Server
    timeout = 5
    """Seconds that a visitor has to say what they want."""

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        if asked.path != PATH:
            self.send_error(404)
            return
        self.server.brought = dict(parse_qsl(asked.query))
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *_: object) -> None:
        """Nothing: the address holds the code."""
