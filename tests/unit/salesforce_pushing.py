"""An org with our fields and contacts, and pushes to it, for tests of what only Salesforce has."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from salesforce_caller import Caller
from salesforce_rig import Kept

from connector import limits
from connector.crms.salesforce import Salesforce, SalesforceSettings
from connector.limits import Clock, Repeat, Retry
from connector.mapping import load_mapping
from connector.model import Calls, Delivery, ListSpec, Purpose
from connector.sandbox.faults import Fault
from connector.sandbox.salesforce_serve import SalesforceSandbox

LOYAL = ListSpec(name="loyal", label="Loyal buyers", purpose=Purpose.EMAIL)
SOURCE = Path(__file__).parents[2] / "install" / "salesforce" / "force-app"


class Org:
    """A sandbox as an admin prepares it, and one who pushes to it."""

    def __init__(self, sandbox: SalesforceSandbox) -> None:
        self.sandbox = sandbox
        self.admin = Caller(sandbox)
        self.kept = Kept()
        self.repeats: list[Repeat] = []
        sandbox.levers["deploy"](str(SOURCE))
        sandbox.levers["assign"]("Lamplighter_Connector")

    def push(self, clock: Clock | None = None, **settings: Any) -> Salesforce:
        """A new adapter that remembers what earlier ones did."""
        told = {
            "token": lambda: self.sandbox.token,
            "instance_url": self.sandbox.url,
            "retry": Retry(attempts=4),
            "on_repeat": self.repeats.append,
            **settings,
        }
        self.crm = Salesforce(SalesforceSettings(**told), load_mapping("salesforce", None), self.kept, clock)
        return self.crm

    @property
    def calls(self) -> Calls:
        """Of the adapter made last."""
        return self.crm.calls

    def contacts(self, count: int, **values: Any) -> list[str]:
        """New contacts."""
        rows = [{"attributes": {"type": "Contact"}, "LastName": f"Reed {n}", **values} for n in range(count)]
        made: list[str] = []
        for at in range(0, count, 200):
            reply = self.admin("POST", "/services/data/v68.0/composite/sobjects", {"records": rows[at : at + 200]})
            made += [one["id"] for one in reply.body]
        self.sandbox.journal.clear()
        return made

    def fault(self, at: str = "", **how: Any) -> None:
        """Spoil the next calls whose path contains `at`."""
        self.sandbox.faults.add(Fault(path_contains=at, **how))

    def rows(self, soql: str, resource: str = "query") -> list[dict[str, Any]]:
        """What the org holds."""
        return self.admin.rows(soql, resource)

    def inside(self) -> set[str]:
        """Contacts in any campaign."""
        campaigns = self.sandbox.service.state()["campaigns"].values()
        return {contact for one in campaigns for contact in one["members"]}

    def requests(self) -> list[dict[str, Any]]:
        """What was asked for since contacts were last made."""
        asked: list[dict[str, Any]] = self.sandbox.journal.since(0)["requests"]
        return asked


@contextmanager
def pushing(**options: Any) -> Iterator[Org]:
    """An org without people; retries do not sleep."""
    limits.never_wait()
    try:
        with SalesforceSandbox(**options) as sandbox:
            org = Org(sandbox)
            yield org
            org.admin.pool.clear()
    finally:
        limits.never_wait(False)


def members(add: Any = (), remove: Any = ()) -> Delivery:
    """A change of the list."""
    return Delivery(
        id="d", destination="salesforce", kind="membership", audience="loyal", add=list(add), remove=list(remove)
    )


def values(wishes: Any) -> Delivery:
    """A write of properties."""
    return Delivery(id="d", destination="salesforce", kind="properties", values=wishes)
