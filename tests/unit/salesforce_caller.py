"""How the tests of the sandbox Salesforce talk to it: over HTTP, as any client does."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import quote

import urllib3

from connector.sandbox.salesforce_serve import SalesforceSandbox

DATA = "/services/data/v68.0"
SOBJECTS = f"{DATA}/sobjects"
MANY = f"{DATA}/composite/sobjects"


class Reply(NamedTuple):
    """An answer; `body` is parsed JSON, None where there is none."""

    status: int
    body: Any
    headers: Any


class Caller:
    """The integration user of one sandbox; keeps its connection."""

    def __init__(self, sandbox: SalesforceSandbox) -> None:
        self.sandbox = sandbox
        self.pool = urllib3.PoolManager(retries=False)

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """One request with the sandbox's token; `body` goes as JSON, underscores in headers are dashes."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        together = {"Authorization": f"Bearer {self.sandbox.token}", **named}
        answer = self.pool.request(method, self.sandbox.url + path, headers=together, timeout=20, json=body)
        return Reply(answer.status, answer.json() if answer.data else None, answer.headers)

    def soql(self, text: str, resource: str = "query", **headers: str) -> Any:
        """The answer to a query that is understood."""
        reply = self("GET", f"{DATA}/{resource}?q={quote(text)}", **headers)
        assert reply.status == 200, reply.body
        return reply.body

    def rows(self, text: str, resource: str = "query") -> list[dict[str, Any]]:
        """The records of a short query, without what each says of itself."""
        return [bare(one) for one in self.soql(text, resource)["records"]]

    def column(self, text: str, resource: str = "query") -> list[Any]:
        """The one value of each record."""
        return [next(iter(row.values())) for row in self.rows(text, resource)]

    def refused(self, text: str) -> tuple[str, str]:
        """Code and message of a query that is not understood."""
        reply = self("GET", f"{DATA}/query?q={quote(text)}")
        assert reply.status == 400, reply.body
        return reply.body[0]["errorCode"], reply.body[0]["message"]

    def add(self, kind: str, **values: Any) -> str:
        """Make a record as an admin does; returns its id."""
        return str(self.sandbox.levers["insert"](kind, values))

    def contact(self, last: str = "Reed", **values: Any) -> str:
        """Make a contact; returns its id."""
        return self.add("Contact", LastName=last, **values)

    def order(self, contact: str | None, *lines: tuple[str, str, str], **more: Any) -> str:
        """Make an order with its lines: product code, quantity, price; returns its id."""
        return str(self.sandbox.levers["create_order"](contact, lines or [("lamp", "1", "12.30")], **more))

    def error(self, method: str, path: str, body: Any = None) -> tuple[int, str, list[str]]:
        """Status, code and fields of a request that is refused."""
        reply = self(method, path, body)
        assert reply.status >= 400, reply.body
        return reply.status, reply.body[0]["errorCode"], reply.body[0].get("fields", [])


def bare(record: Any) -> Any:
    """A record without `attributes`, and so its parents and children."""
    if isinstance(record, dict):
        return {name: bare(value) for name, value in record.items() if name != "attributes"}
    return [bare(one) for one in record] if isinstance(record, list) else record


@contextmanager
def calling(**options: Any) -> Iterator[Caller]:
    """A sandbox that runs, and somebody who calls it."""
    with SalesforceSandbox(**options) as sandbox:
        caller = Caller(sandbox)
        yield caller
        caller.pool.clear()
