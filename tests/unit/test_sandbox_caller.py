"""How the tests of the sandbox talk to it: over HTTP, as any client does."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import urllib3

from connector.sandbox.serve import Sandbox

V = "2026-09"
CONTACTS = f"/crm/objects/{V}/contacts"
ORDERS = f"/crm/objects/{V}/orders"
LINES = f"/crm/objects/{V}/line_items"
PROPERTIES = f"/crm/properties/{V}/contacts"
LISTS = f"/crm/lists/{V}"


class Reply(NamedTuple):
    """An answer; `body` is parsed JSON, None where there is none."""

    status: int
    body: Any
    headers: Any


class Caller:
    """Calls one sandbox; keeps its connection."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.pool = urllib3.PoolManager(retries=False)

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """One request with the sandbox's token; `body` goes as JSON."""
        together = {"Authorization": f"Bearer {self.sandbox.token}", **headers}
        url = path if path.startswith("http") else self.sandbox.url + path
        answer = self.pool.request(method, url, headers=together, timeout=20, json=body)
        return Reply(answer.status, answer.json() if answer.data else None, answer.headers)

    def form(self, path: str, **fields: str) -> Reply:
        """One request with a form body and no token."""
        answer = self.pool.request("POST", self.sandbox.url + path, fields=fields, encode_multipart=False)
        return Reply(answer.status, answer.json(), answer.headers)

    def contact(self, **properties: str) -> str:
        """Make a contact; returns its id."""
        return str(self("POST", CONTACTS, {"properties": properties}).body["id"])

    def order(self, contact: str, lines: int = 0) -> str:
        """Make an order of a contact, with lines; returns its id."""
        return self.sandbox.portal.create_order(contact, [("lamp", "1", "12.30")] * lines)

    def list(self, name: str, *members: str, processing: str = "MANUAL") -> str:
        """Make a list and put members in; returns its id."""
        body = {"name": name, "objectTypeId": "0-1", "processingType": processing}
        number = self("POST", f"{LISTS}/", body).body["list"]["listId"]
        if members:
            self("PUT", f"{LISTS}/{number}/memberships/add", list(members))
        return str(number)


@contextmanager
def calling(**options: Any) -> Iterator[Caller]:
    """A sandbox that runs, and somebody who calls it."""
    with Sandbox(**options) as sandbox:
        caller = Caller(sandbox)
        yield caller
        caller.pool.clear()


def test_every_answer_carries_the_sandbox_date() -> None:
    """The Date header is the sandbox clock's, and there is exactly one; no Server header tells what runs here."""
    with calling() as call:
        call.sandbox.clock.advance(-86_400 * 365 * 20)
        answer = call("GET", CONTACTS)
    assert answer.headers["Date"].split()[3] < "2010"
    assert len(answer.headers.getlist("Date")) == 1
    assert "Server" not in answer.headers
