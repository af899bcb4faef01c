"""The requests session under simple-salesforce: timeouts, no redirects, no netrc, plain http on this machine only."""

import json
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from connector import turn
from connector.addresses import THIS_MACHINE
from connector.crms._salesforce.answers import Answer
from connector.errors import SetupError
from connector.limits import Again

EDIT = "set salesforce.instance_url in lamplighter.yaml to the org's My Domain, such as https://acme.my.salesforce.com"
DEAD_ENDS = frozenset({"login.salesforce.com", "test.salesforce.com"})
"""External client apps answer only at the org's own address."""


class Plain(HTTPAdapter):
    """Speaks http where the library insists on https."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Send it without TLS."""
        request.url = str(request.url).replace("https://", "http://", 1)
        return super().send(request, *args, **kwargs)


class Wire(requests.Session):
    """One pool of connections to one org. Every request has a timeout; none follows a redirect.

    Raises:
        SetupError: `instance_url` is none that a token may be sent to.
    """

    def __init__(self, instance_url: str, timeout_seconds: float) -> None:
        super().__init__()
        self.headers["User-Agent"] = "lamplighter"
        self.auth = _as_it_is
        self._timeout = (timeout_seconds / 3, timeout_seconds)
        parts = urlsplit(instance_url)
        plain = parts.scheme == "http" and parts.hostname in THIS_MACHINE
        if not parts.hostname or parts.hostname in DEAD_ENDS or not (plain or parts.scheme == "https"):
            raise SetupError("salesforce.instance_url is not the address of an org", hint=EDIT)
        self.mount("https://", Plain() if plain else HTTPAdapter(pool_maxsize=4))
        self.trust_env = not plain  # a proxy of the environment has no business on this machine

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        """As requests does, with our timeout, and without redirects that would take the token elsewhere. Also raises
        EndPass."""
        turn.check()
        return super().request(*args, **{"timeout": self._timeout, "allow_redirects": False, **kwargs})


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keeps requests from putting what a .netrc says in the place of our token."""
    return request


def read(response: requests.Response) -> Answer:
    """The answer in a response: numbers with all their digits, CSV as the UTF-8 it is, whatever the header leaves out.

    Raises Again for JSON that is none.
    """
    text = response.content.decode("utf-8", "replace")
    body = None
    if text and "json" in response.headers.get("Content-Type", ""):
        try:
            body = json.loads(text, parse_float=Decimal)
        except ValueError:
            if response.status_code < 300:
                raise Again("Salesforce answered with something that is not JSON") from None
    return Answer(status=response.status_code, body=body, headers=response.headers, text=text)
