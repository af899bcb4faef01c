"""Salesforce's errors: one exception for all of them, and the shapes in which each API tells them.

Words and codes follow the REST API guide ("Status Codes and Error Responses") and public threads that quote answers.
"""

from typing import Any, NamedTuple

from connector.sandbox.exchange import Answer


class ApiError(NamedTuple):
    """One error: Salesforce's code, its sentence, and the fields it is about."""

    code: str
    message: str
    fields: tuple[str, ...] = ()

    def of_row(self) -> dict[str, Any]:
        """As the result of one row of a collection tells it."""
        return {"statusCode": self.code, "message": self.message, "fields": list(self.fields)}

    def of_request(self) -> dict[str, Any]:
        """As the body of a request's answer tells it; only errors of a row name fields."""
        told: dict[str, Any] = {"message": self.message, "errorCode": self.code}
        return {**told, "fields": list(self.fields)} if self.code in ROW_CODES else told


class Failed(Exception):
    """What Salesforce refuses, and why. Never leaves the sandbox.

    Args:
        status: HTTP status where it is the answer to a whole request.
        content: the body, where it is none of the usual ones.
    """

    def __init__(self, *errors: ApiError, status: int = 400, content: Any = None) -> None:
        super().__init__(*(f"{error.code}: {error.message}" for error in errors))
        self.errors = errors
        self.status = status
        self._content = content

    def answer(self) -> Answer:
        """As a REST request is answered."""
        told = [error.of_request() for error in self.errors]
        return Answer(status=self.status, content=told if self._content is None else self._content)


def failed(code: str, message: str, *fields: str, status: int = 0) -> Failed:
    """One error, with the status that goes with its code."""
    return Failed(ApiError(code, message, fields), status=status or STATUSES.get(code, 400))


def not_found(message: str = "The requested resource does not exist") -> Failed:
    """404: no such resource, record or API version."""
    return failed("NOT_FOUND", message)


STATUSES = {
    "INVALID_SESSION_ID": 401,
    "REQUEST_LIMIT_EXCEEDED": 403,
    "API_DISABLED_FOR_ORG": 403,
    "INSUFFICIENT_ACCESS": 403,
    "NOT_FOUND": 404,
    "ENTITY_IS_DELETED": 404,
    "METHOD_NOT_ALLOWED": 405,
    "UNSUPPORTED_API_VERSION": 410,
    "UNKNOWN_EXCEPTION": 500,
    "SERVER_UNAVAILABLE": 503,
}

ROW_CODES = frozenset(
    {
        "BAD_CUSTOM_ENTITY_PARENT_DOMAIN",
        "DELETE_FAILED",
        "DUPLICATE_EXTERNAL_ID",
        "DUPLICATE_VALUE",
        "ENTITY_IS_DELETED",
        "FIELD_CUSTOM_VALIDATION_EXCEPTION",
        "FIELD_INTEGRITY_EXCEPTION",
        "INSUFFICIENT_ACCESS_OR_READONLY",
        "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
        "INVALID_CROSS_REFERENCE_KEY",
        "INVALID_EMAIL_ADDRESS",
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        "INVALID_TYPE_ON_FIELD_IN_RECORD",
        "MALFORMED_ID",
        "NUMBER_OUTSIDE_VALID_RANGE",
        "REQUIRED_FIELD_MISSING",
        "STRING_TOO_LONG",
        "UNABLE_TO_LOCK_ROW",
        "UNDELETE_FAILED",
    }
)
"""Codes of errors about one record, whose answers list fields."""
