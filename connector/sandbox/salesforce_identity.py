"""Who am I: the OpenID Connect endpoint and the identity address that comes with every token."""

from typing import Any

from connector.sandbox.clock import iso
from connector.sandbox.exchange import Answer
from connector.sandbox.salesforce_errors import Failed, not_found
from connector.sandbox.salesforce_exchange import Request, operation
from connector.sandbox.salesforce_oauth import identity_url
from connector.sandbox.salesforce_org import Org, Session, User

URLS = {
    "rest": "/services/data/v{version}/",
    "sobjects": "/services/data/v{version}/sobjects/",
    "query": "/services/data/v{version}/query/",
    "recent": "/services/data/v{version}/recent/",
    "search": "/services/data/v{version}/search/",
    "metadata": "/services/Soap/m/{version}/{org}",
    "partner": "/services/Soap/u/{version}/{org}",
    "enterprise": "/services/Soap/c/{version}/{org}",
    "custom_domain": "",
}


def user_info(session: Session, request: Request) -> Answer:
    """The user whose session this is, in OpenID Connect's words and Salesforce's."""
    user, org = session.user, session.org
    names = {"given_name": user.first_name, "family_name": user.last_name}
    told = {
        "sub": identity_url(org, user, request),
        "user_id": user.id,
        "organization_id": org.id,
        "preferred_username": user.username,
        "nickname": user.username.partition("@")[0],
        "name": f"{user.first_name} {user.last_name}",
        "email": user.email,
        "email_verified": True,
        **names,
        "zoneinfo": "UTC",
        "urls": _urls(org, request),
        "active": True,
        "user_type": "STANDARD",
        "language": "en_US",
        "locale": "en_GB",
        "utcOffset": 0,
        "updated_at": iso(org.clock.milliseconds()),
    }
    return Answer(content=told)


def identity(session: Session, request: Request) -> Answer:
    """A user of the org; people who are no admin are told of themselves alone."""
    org, user = session.org, session.org.users.get(request.params["user"])
    if request.params["org"] != org.id or user is None:
        raise not_found()
    if user != session.user and not session.user.admin:
        raise Failed(status=403, content={"error": "Insufficient access"})
    return Answer(content=_shown(org, user, request))


def _shown(org: Org, user: User, request: Request) -> dict[str, Any]:
    return {
        "id": identity_url(org, user, request),
        "asserted_user": True,
        "user_id": user.id,
        "organization_id": org.id,
        "username": user.username,
        "nick_name": user.username.partition("@")[0],
        "display_name": f"{user.first_name} {user.last_name}",
        "email": user.email,
        "email_verified": True,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "timezone": "UTC",
        "urls": _urls(org, request),
        "active": True,
        "user_type": "STANDARD",
        "language": "en_US",
        "locale": "en_GB",
        "utcOffset": 0,
    }


def _urls(org: Org, request: Request) -> dict[str, str]:
    """Where the APIs are; `{version}` stays in the text for the client to fill in."""
    return {name: request.url + path.replace("{org}", org.id[:15]) for name, path in URLS.items()}


OPERATIONS = (
    operation("GET", "/services/oauth2/userinfo", user_info, bucket="exempt"),
    operation("POST", "/services/oauth2/userinfo", user_info, bucket="exempt"),
    operation("GET", "/id/{org}/{user}", identity, bucket="exempt"),
)
