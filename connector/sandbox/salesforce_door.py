"""The door of the org's API: whose session it is, whether that user may use the API, and what the call costs."""

from collections.abc import Callable, Mapping
from typing import Any

from connector.sandbox.exchange import Operation
from connector.sandbox.salesforce_errors import failed
from connector.sandbox.salesforce_exchange import Request
from connector.sandbox.salesforce_jobs import Jobs
from connector.sandbox.salesforce_limits import Usage
from connector.sandbox.salesforce_org import Org, Session, User
from connector.sandbox.salesforce_tokens import Tokens


class Door:
    """Lets calls in, one by one."""

    def __init__(self, org: Org) -> None:
        self.org = org
        self.tokens, self.usage, self.jobs = org.part(Tokens), org.part(Usage), org.part(Jobs)

    def enter(self, operation: Operation, request: Request) -> Session:
        """Who calls. Bulk jobs that are due are done first, as if they had been done in the meantime.

        Fails with INVALID_SESSION_ID, API_DISABLED_FOR_ORG or REQUEST_LIMIT_EXCEEDED.
        """
        self.jobs.advance()
        user = self.tokens.user(bearer(request))
        if user is None:
            raise failed("INVALID_SESSION_ID", "Session expired or invalid")
        if operation.bucket != "exempt":
            self._admit(user)
        return Session(self.org, user)

    def _admit(self, user: User) -> None:
        if not (user.api and (user.admin or self.org.settings.api_enabled)):
            raise failed("API_DISABLED_FOR_ORG", "The REST API is not enabled for this Organization.")
        self.usage.admit()

    def count(self, calls: int) -> None:
        """Count further calls that travelled within one request."""
        self.usage.count(calls)

    def headers(self) -> dict[str, str]:
        """What every answer tells of the calls that are left."""
        return self.usage.headers()

    def levers(self) -> Mapping[str, Callable[..., Any]]:
        """What a test may do here, by name."""
        return {"end_sessions": self.tokens.end_sessions, "usage": self.usage.told, "break_job": self.jobs.break_next}


def bearer(request: Request) -> str:
    """The token of a request; Salesforce takes the older word `OAuth` as well as `Bearer`."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() in ("bearer", "oauth") else ""
