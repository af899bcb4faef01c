"""Starts the sandbox Google as a web server on loopback, in a thread, as `serve` starts the sandbox HubSpot."""

from collections.abc import Mapping
from typing import Any

from connector.sandbox.google import Google
from connector.sandbox.google_settings import Settings
from connector.sandbox.serving import ServiceSandbox


class SandboxGoogle(ServiceSandbox[Google]):
    """A running sandbox Google; also a context manager.

    Args:
        settings: by name, as `service.configure` takes them.
        port: 0 takes a free one.

    Attributes:
        google: the service itself, for tests in the same process.
        account: the number of its Google Ads account.
        token_url: its token endpoint.
    """

    def __init__(self, settings: Mapping[str, Any] | None = None, *, host: str = "127.0.0.1", port: int = 0) -> None:
        wanted = Settings()
        wanted.change(settings or {})
        super().__init__(lambda: Google(wanted), host=host, port=port)
        self.google = self.service
        self.account = wanted.account
        self.token_url = f"{self.url}/token"
