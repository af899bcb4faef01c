"""Starts the sandbox Meta as a web server on loopback, in a thread."""

from collections.abc import Mapping
from typing import Any

from connector.sandbox.meta import Meta
from connector.sandbox.meta_settings import Settings
from connector.sandbox.serving import ServiceSandbox


class SandboxMeta(ServiceSandbox[Meta]):
    """A running sandbox Meta; also a context manager.

    Args:
        port: 0 takes a free one.
        settings: what `meta_settings` has, by name.

    Attributes:
        meta: the account itself, for tests in the same process.
        token: what lets one in.
    """

    def __init__(self, *, host: str = "127.0.0.1", port: int = 0, settings: Mapping[str, Any] | None = None) -> None:
        wanted = Settings()
        wanted.change(settings or {})
        super().__init__(lambda: Meta(wanted), host=host, port=port)
        self.meta, self.token = self.service, wanted.token
