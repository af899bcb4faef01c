"""Starts the sandbox Salesforce as a web server on loopback, in a thread, as `serve` starts the sandbox HubSpot."""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import uvicorn

from connector.sandbox.salesforce import Salesforce
from connector.sandbox.salesforce_server import SalesforceServer
from connector.sandbox.salesforce_settings import Settings
from connector.sandbox.serve import Sandbox, _config, _listening


class SalesforceSandbox(Sandbox):
    """A running sandbox Salesforce; also a context manager.

    Args:
        world: folder to fill it with; none: an org without people or sales.
        token: an access token of the integration user.
        person_accounts: the world's people become person accounts.
        port: 0 takes a free one.
        state: file to keep the org in; one that exists is taken up where it was left, without the world.
        settings: further settings by name, as `service.configure` takes them.

    Attributes:
        url: where it answers, without a slash at the end.
        service, org: the API and what is behind it, for tests in the same process.
        journal, faults, clock, levers: what `/_sandbox/` moves.
    """

    def __init__(
        self,
        world: Path | None = None,
        *,
        token: str = "sandbox-token",  # noqa: S107 - a plain word, no secret
        person_accounts: bool = False,
        host: str = "127.0.0.1",
        port: int = 0,
        state: Path | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.token = token
        wanted = Settings(token=token)
        wanted.change(settings or {})
        self._socket = _listening(host, port)
        self.url = f"http://{host}:{self._socket.getsockname()[1]}"
        try:
            self.service = Salesforce(wanted, world, state, person_accounts=person_accounts)
        except BaseException:
            self._socket.close()
            raise
        self._serve()

    def _serve(self) -> None:
        self._app = SalesforceServer(self.service)
        self.org, self.levers = self.service.org, self.service.levers
        self.journal, self.faults, self.clock = self._app.journal, self._app.faults, self.service.clock
        self._server = uvicorn.Server(_config(self._app))
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)

    def stop(self) -> None:
        """Close all connections and let go of the database."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join()
        self._socket.close()
        self.service.close()
