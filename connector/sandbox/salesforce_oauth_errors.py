"""OAuth's errors in Salesforce's words; the code under `error` is the documented part."""

from connector.sandbox.salesforce_errors import Failed

BACK_TO_APP = {
    "access_denied": "end-user denied authorization",
    "invalid_request": "missing required code challenge",
    "invalid_scope": "invalid scope",
    "unsupported_response_type": "response type not supported",
    "OAUTH_APP_ACCESS_DENIED": "user is not admin approved to access this app",
}
"""What the person's browser brings back to the app."""


def refused(code: str, description: str, status: int = 400) -> Failed:
    """An error of the token endpoint and its neighbours."""
    return Failed(status=status, content={"error": code, "error_description": description})
