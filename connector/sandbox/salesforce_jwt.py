"""The JWT bearer flow: an assertion that the app signed with the key of the certificate that the org has.

Source: "OAuth 2.0 JWT Bearer Flow for Server-to-Server Integration" in Salesforce Help: iss is the consumer key, sub
the user name, aud the login host, exp the end.
"""

from typing import Any

import jwt
from cryptography.x509 import load_pem_x509_certificate

from connector.sandbox.salesforce_oauth_errors import refused
from connector.sandbox.salesforce_org import Org, User

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
GENERIC_HOSTS = frozenset({"https://login.salesforce.com", "https://test.salesforce.com"})
"""External client apps are not found there; only the org's own host knows them."""
CLOCK_SKEW = 180
"""Seconds that an assertion may be over and is still believed."""


def by_assertion(org: Org, assertion: str, host: str) -> User:
    """The user for whom an assertion stands. `host` is the org's own address.

    Fails with invalid_client_id, invalid_grant or app_not_found.
    """
    claims = _claims(org, assertion)
    if claims.get("iss") != org.settings.consumer_key:
        raise refused("invalid_client_id", "client identifier invalid")
    _check_audience(str(claims.get("aud", "")).rstrip("/"), host)
    _check_end(org, claims.get("exp"))
    user = next((one for one in org.users.values() if one.username == claims.get("sub")), None)
    if user is None or user == org.automated:
        raise refused("invalid_grant", "user hasn't approved this consumer")
    return user


def _claims(org: Org, assertion: str) -> dict[str, Any]:
    """What the assertion says, once its signature was found to be the app's."""
    unchecked: Any = {"verify_aud": False, "verify_exp": False, "verify_iat": False, "verify_nbf": False}
    try:
        certificate = load_pem_x509_certificate(org.settings.certificate.encode())
        key: Any = certificate.public_key()
        return jwt.decode(assertion, key, algorithms=["RS256"], options=unchecked)
    except (ValueError, jwt.InvalidTokenError):
        raise refused("invalid_grant", "invalid assertion") from None


def _check_audience(audience: str, host: str) -> None:
    if audience in GENERIC_HOSTS:
        raise refused("app_not_found", "External client app is not installed in this org")
    if audience.partition("://")[2] != host.partition("://")[2]:
        raise refused("invalid_grant", "audience is invalid")


def _check_end(org: Org, end: Any) -> None:
    now = org.clock.milliseconds() / 1000
    if not isinstance(end, int | float) or end < now - CLOCK_SKEW:
        raise refused("invalid_grant", "invalid assertion")
