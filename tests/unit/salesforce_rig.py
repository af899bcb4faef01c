"""The Salesforce adapter on a sandbox, for tests of what only Salesforce has."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from remembering import Kept

from connector import limits
from connector.crms.salesforce import Salesforce, build
from connector.limits import Retry
from connector.model import Batch, Cursor
from connector.sandbox.faults import Fault
from connector.sandbox.salesforce_serve import SalesforceSandbox

MINUTE = 61
"""Seconds after which a change is no longer one of the present minute."""


class Org:
    """An org and adapters on it."""

    def __init__(self, sandbox: SalesforceSandbox) -> None:
        self.sandbox = sandbox
        self.levers = sandbox.levers
        self.kept = Kept()
        self.settings: dict[str, Any] = {
            "token": lambda: sandbox.token,
            "instance_url": sandbox.url,
            "retry": Retry(attempts=4),
        }

    def crm(self, home: Path | None = None, **settings: Any) -> Salesforce:
        """A new adapter."""
        return build({**self.settings, **settings}, home, self.kept)

    def contact(self, **values: Any) -> str:
        """A person makes a contact."""
        return str(self.levers["insert"]("Contact", {"LastName": "Reed", **values}))

    def contacts(self, count: int) -> list[str]:
        """New contacts."""
        return [self.contact(LastName=f"Reed {number}") for number in range(count)]

    def order(self, contact: str | None, *lines: tuple[str, str, str], **more: Any) -> str:
        """Somebody orders."""
        return str(self.levers["create_order"](contact, lines or [("lamp", "1", "12.30")], **more))

    def later(self, seconds: float = MINUTE) -> None:
        """Time passes."""
        self.sandbox.clock.advance(seconds)

    def fault(self, at: str = "", **how: Any) -> None:
        """Spoil the next calls whose path contains `at`."""
        self.sandbox.faults.add(Fault(path_contains=at, **how))

    def asked(self) -> list[str]:
        """`METHOD path` of each request since the last `forget`."""
        seen: list[dict[str, Any]] = self.sandbox.journal.since(0)["requests"]
        return [f"{one['method']} {one['path']}" for one in seen]

    def forget(self) -> None:
        """Start a new journal."""
        self.sandbox.journal.clear()


@contextmanager
def org(**options: Any) -> Iterator[Org]:
    """An empty org at the beginning of a minute, in which the test then is; retries do not sleep."""
    limits.never_wait()
    try:
        with SalesforceSandbox(**options) as sandbox:
            sandbox.clock.advance(60 - sandbox.clock.milliseconds() / 1000 % 60)
            yield Org(sandbox)
    finally:
        limits.never_wait(False)


def unknown(keys: Sequence[str]) -> Mapping[str, datetime]:
    """A warehouse that knows no record."""
    return {}


def pulled(crm: Salesforce, stream: str, cursor: Cursor | None = None, known: Any = unknown) -> list[Batch]:
    """A whole pull."""
    return list(crm.pull(stream, cursor, known))


def rows(batches: Sequence[Batch]) -> dict[str, dict[str, Any]]:
    """Record id -> row, of all tables; the last of several rows with one key."""
    found = [row for batch in batches for table in batch.tables.values() for row in table.to_pylist()]
    return {row["key"].removeprefix("salesforce:"): row for row in found}


def everything(crm: Salesforce) -> dict[str, Cursor]:
    """Stream -> cursor, after everything was pulled once."""
    return {stream: pulled(crm, stream)[-1].cursor for stream in crm.streams()}
