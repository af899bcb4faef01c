"""A shop that keeps its people in HubSpot and in Salesforce, and one install on both."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from lamp_install import TOKEN

from connector.cli.demo_world import SOURCES, file_of
from connector.cli.init import create
from connector.cli.settings_file import append
from connector.home import open_home
from connector.pipeline import Options, Report, run
from connector.sandbox.salesforce_serve import SalesforceSandbox
from connector.sandbox.serve import Sandbox

SOURCE = Path(__file__).parents[2] / "install" / "salesforce" / "force-app"
CRMS = ("hubspot", "salesforce")
PREFIX = "Lamplighter: "
_PEOPLE = "SELECT id, json_extract(properties, '$.customer_id') FROM record WHERE type = '0-1'"


@dataclass
class Pair:
    """Both CRMs, filled from worlds, and the install."""

    home: Path
    hubspot: Sandbox
    salesforce: SalesforceSandbox
    end: datetime

    def run(self, **options: Any) -> Report:
        """One pass, some seconds after the last change: then a second one has no moment to read again."""
        for sandbox in (self.hubspot, self.salesforce):
            sandbox.clock.advance(61)
        with open_home(self.home) as opened:
            return run(opened, Options(as_of=self.end, **options))

    def customers(self, crm: str) -> dict[str, str]:
        """The CRM's id -> the shop's customer number."""
        if crm == "hubspot":
            return {str(one): str(number) for one, number in self.hubspot.portal.portal.state.rows(_PEOPLE)}
        return dict(self.salesforce.org.state.rows("SELECT Id, Customer_Id__c FROM Contact"))

    def id(self, crm: str, customer: str) -> str:
        """The CRM's id of a customer."""
        return next(one for one, number in self.customers(crm).items() if number == customer)

    def lists(self, crm: str) -> dict[str, set[str]]:
        """List -> customer numbers of who is in it."""
        state = self.hubspot.portal.state() if crm == "hubspot" else self.salesforce.service.state()
        customers, kept = self.customers(crm), state["lists" if crm == "hubspot" else "campaigns"]
        return {name.removeprefix(PREFIX): {customers[one] for one in each["members"]} for name, each in kept.items()}

    def properties(self, crm: str) -> dict[str, dict[str, str]]:
        """Customer number -> our property, as both CRMs are meant to show it."""
        state = self.hubspot.portal.state() if crm == "hubspot" else self.salesforce.service.state()
        customers = self.customers(crm)
        return {customers[one]: written for one, written in state["contacts"].items()}

    def edit(self, contact: str, **values: Any) -> None:
        """Somebody changes a contact in HubSpot."""
        path = f"/crm/objects/2026-09/contacts/{contact}"
        assert self.hubspot.portal.act("PATCH", path, {"properties": values}).status < 300

    def rows(self, table: str) -> list[dict[str, Any]]:
        """What the install holds as current."""
        with open_home(self.home) as opened:
            found: list[dict[str, Any]] = opened.warehouse.current(table).to_pyarrow().to_pylist()
        return found


def derived(home: Path, table: str, *columns: str) -> set[tuple[Any, ...]]:
    """Rows that were decided, each person by what it is known by outside of any CRM."""
    with open_home(home) as opened:
        people = opened.warehouse.derived("person").to_pyarrow().to_pylist()
        rows = opened.warehouse.derived(table).to_pyarrow().to_pylist()
    known: dict[str, set[str]] = {}
    for one in people:
        known.setdefault(one["person_id"], set())
        if one["identifier_type"] != "contact":
            known[one["person_id"]].add(f"{one['identifier_type']}:{one['identifier']}")
    return {(frozenset(known[row["person_id"]]), *(row[name] for name in columns)) for row in rows}


def install(home: Path, world: Path, hubspot: Sandbox, salesforce: SalesforceSandbox) -> None:
    """What an admin writes."""
    create(home)
    lines = [
        "hubspot:",
        f"  base_url: {hubspot.url}",
        f"  token: env:{TOKEN}",
        "  lag_seconds: 0",
        "  overlap_seconds: 0",
    ]
    lines += ["salesforce:", f"  instance_url: {salesforce.url}", f"  token: env:{TOKEN}", "sources:"]
    for name, (kind, file) in SOURCES.items():
        if path := file_of(world, file):
            lines += [f"  - {{name: {name}, kind: {kind}, path: {json.dumps(str(path))}}}"]
    append(home, "\n".join(lines))


@contextmanager
def pair(home: Path, worlds: Mapping[str, Path], end: datetime, audiences: str = "") -> Iterator[Pair]:
    """Both CRMs, each with a world of its own, and an install whose first run is still to come."""
    with Sandbox(worlds["hubspot"]) as hubspot, SalesforceSandbox(worlds["salesforce"]) as salesforce:
        salesforce.levers["deploy"](str(SOURCE))
        salesforce.levers["assign"]("Lamplighter_Connector")
        install(home, worlds["hubspot"], hubspot, salesforce)
        if audiences:
            (home / "mappings" / "audiences.yaml").write_text(audiences)
        yield Pair(home, hubspot, salesforce, end)
