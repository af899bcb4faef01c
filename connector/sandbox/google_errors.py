"""Errors as Google's APIs answer them: `google.rpc.Status` with its details.

Source: AIP-193; Data Manager API, "Understand API errors" and the enum ErrorReason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connector.sandbox.exchange import Answer

DOMAIN = "datamanager.googleapis.com"
HTTP = {
    "INVALID_ARGUMENT": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "RESOURCE_EXHAUSTED": 429,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
}
_TYPE = "type.googleapis.com/google.rpc."


@dataclass(frozen=True, kw_only=True)
class Violation:
    """One field that is wrong. `field` is its path in the request, as protobuf names it."""

    field: str
    description: str
    reason: str

    def shown(self) -> dict[str, str]:
        """As the answer has it."""
        return {"field": self.field, "description": self.description, "reason": self.reason}


@dataclass(kw_only=True, eq=False)
class Failed(Exception):
    """A handler's way to answer with an error. Never leaves the sandbox."""

    status: str
    reason: str
    message: str = "There was a problem with the request."
    violations: Sequence[Violation] = ()
    domain: str = DOMAIN
    metadata: Mapping[str, str] = field(default_factory=dict)

    def answer(self) -> Answer:
        """The response."""
        return status(self.status, self.message, [self._info(), *self._request()])

    def _info(self) -> dict[str, Any]:
        told = {"@type": f"{_TYPE}ErrorInfo", "reason": self.reason, "domain": self.domain}
        return {**told, "metadata": dict(self.metadata)} if self.metadata else told

    def _request(self) -> list[dict[str, Any]]:
        if not self.violations:
            return []
        return [{"@type": f"{_TYPE}BadRequest", "fieldViolations": [one.shown() for one in self.violations]}]


def status(name: str, message: str, details: Sequence[Mapping[str, Any]] = ()) -> Answer:
    """The envelope of every error."""
    error = {"code": HTTP[name], "message": message, "status": name, "details": list(details)}
    return Answer(status=HTTP[name], content={"error": error})


def invalid(reason: str, path: str, description: str) -> Failed:
    """A request of which one field is wrong."""
    found = Violation(field=path, description=description, reason=reason)
    return Failed(status="INVALID_ARGUMENT", reason="INVALID_ARGUMENT", violations=[found])


def not_found(reason: str = "NOT_FOUND") -> Failed:
    """A resource that is not there."""
    return Failed(status="NOT_FOUND", reason=reason, message="Requested entity was not found.")
