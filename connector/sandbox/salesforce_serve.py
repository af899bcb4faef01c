"""Starts the sandbox Salesforce as a web server on loopback, in a thread, as `serve` starts the sandbox HubSpot."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connector.sandbox.salesforce import Salesforce
from connector.sandbox.salesforce_server import SalesforceServer
from connector.sandbox.salesforce_settings import Settings
from connector.sandbox.serving import ServiceSandbox


class SalesforceSandbox(ServiceSandbox[Salesforce]):
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
        super().__init__(
            lambda: Salesforce(wanted, world, state, person_accounts=person_accounts),
            around=SalesforceServer,
            host=host,
            port=port,
        )
        self.org = self.service.org
