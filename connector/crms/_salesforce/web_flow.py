"""The web-server flow: the page on which somebody lets the app in, and the code that comes back, proved by PKCE."""

import base64
import hashlib
import secrets
from urllib.parse import urlencode

from connector.crms._salesforce.oauth import Endpoint
from connector.crms._salesforce.settings import SalesforceSettings
from connector.crms._salesforce.tokens import Granted
from connector.crms._salesforce.wire import Wire
from connector.limits import Clock, Retrying

PAGE = "/services/oauth2/authorize"
SCOPES = ("api", "refresh_token")


def new_verifier() -> str:
    """A secret of one attempt (RFC 7636): its digest goes with the browser, itself with the code."""
    return secrets.token_urlsafe(64)


def authorize_url(settings: SalesforceSettings, client_id: str, redirect_uri: str, state: str, verifier: str) -> str:
    """The page of the org on which somebody lets the app act as them. `state` comes back with the answer.

    Raises SetupError where `instance_url` is not the address of an org.
    """
    Wire(settings.instance_url, settings.timeout_seconds).close()
    digest = hashlib.sha256(verifier.encode()).digest()
    asked = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scope": " ".join(SCOPES),
        "state": state,
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    return f"{settings.instance_url.rstrip('/')}{PAGE}?{urlencode(asked)}"


def exchange(
    settings: SalesforceSettings, client_id: str, secret: str, redirect_uri: str, code: str, verifier: str
) -> Granted:
    """Tokens for the code that came back from that page. It can be exchanged once, within fifteen minutes.

    Args:
        secret: the app's; empty for an app that needs none with PKCE.

    Raises:
        SetupError: Salesforce refuses it, and why. RetryLater: it is down.
    """
    form = {"client_id": client_id, "redirect_uri": redirect_uri, "code": code, "code_verifier": verifier}
    form |= {"grant_type": "authorization_code", **({"client_secret": secret} if secret else {})}
    with Wire(settings.instance_url, settings.timeout_seconds) as wire:
        ask = Endpoint(wire, settings.instance_url, Clock())
        return Retrying(system="Salesforce", policy=settings.retry).call("exchange of the code", lambda: ask(form))
