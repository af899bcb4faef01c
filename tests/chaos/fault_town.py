"""A town in which everything is: a shop in both CRMs that advertises at both platforms, and an install behind proxies."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Self

sys.path.append(str(Path(__file__).parents[1] / "scenario"))

from fault_proxy import FaultProxy
from life import History, Kept
from life_model import AUDIENCES
from org_campaigns import OrgMarketer
from org_events import OrgHistory, OrgLife
from org_events import furnish as furnish_org
from portal_events import PortalLife
from portal_events import furnish as furnish_portal
from portal_lists import PortalMarketer

from connector.ads._identifiers import key_of_hex
from connector.cli.init import create
from connector.cli.settings_file import append
from connector.sandbox.google_serve import SandboxGoogle
from connector.sandbox.meta_serve import SandboxMeta
from connector.sandbox.salesforce_serve import SalesforceSandbox
from connector.sandbox.serve import Sandbox

SOURCE = Path(__file__).parents[2] / "install" / "salesforce" / "force-app"
BEGIN = datetime(2026, 10, 1, 9, tzinfo=UTC)
SYSTEMS = ("hubspot", "salesforce", "google", "meta")
SECRETS = {"CHAOS_SECRET": "sandbox-secret", "CHAOS_REFRESH": "sandbox-refresh", "CHAOS_TOKEN": "sandbox-token"}
PRIVATE = ("@example.com", "sandbox-secret", "sandbox-refresh", "sandbox-token", "sandbox-access", "Reed ")
"""What no message may hold: addresses, names, secrets."""
POLICY = "  ads: {smallest: 1, most: 10}\n"
SETTINGS = """
hubspot:
  base_url: {hubspot}
  oauth: {{client_id: sandbox-client, client_secret: env:CHAOS_SECRET, refresh_token: env:CHAOS_REFRESH}}
  lag_seconds: 0
  overlap_seconds: 0
  timeout_seconds: {patience}
salesforce:
  instance_url: {salesforce}
  oauth: {{flow: client_credentials, client_id: sandbox-consumer-key, client_secret: env:CHAOS_SECRET}}
  bulk_above: 200
  timeout_seconds: {patience}
ads:
  google:
    account: "{account}"
    oauth: {{client_id: sandbox-app, client_secret: env:CHAOS_SECRET, refresh_token: env:CHAOS_REFRESH}}
    terms_accepted: true
    conversion_action: "{conversion}"
    base_url: {google}
    token_url: {google}/token
    timeout_seconds: {patience}
  meta:
    account: "4711"
    token: env:CHAOS_TOKEN
    dataset: "{dataset}"
    base_url: {meta}
    timeout_seconds: {patience}
"""
QUIET = {"move_order", "share_order", "move_line", "index_late", "commit_late", "let_time_pass", "touch_many"}
"""Events left out: what no pull can see, and what the two CRMs see at times of their own."""
"""What a proxy that keeps silent costs, in seconds."""
PATIENCE = 1.0

Members = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Shown:
    """What the four systems show. Lists by name with their members; two of one name are two."""

    lists: Mapping[str, Sequence[tuple[str, tuple[str, ...]]]]
    properties: Mapping[str, Mapping[str, Mapping[str, str]]]
    sales: Mapping[str, Sequence[str]]


class FaultTown:
    """Four systems, each with a proxy before it, lives in both CRMs, marketers, and an install. A context manager.

    Args:
        seed: of the lives: two towns of one seed live alike.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self.home = folder / "home"
        self.seed = seed
        self.hubspot, self.salesforce = Sandbox(), SalesforceSandbox(settings={"consumer_secret": "sandbox-secret"})
        self.google, self.meta = SandboxGoogle(), SandboxMeta()
        self.sandboxes: dict[str, Any] = {name: getattr(self, name) for name in SYSTEMS}
        self.proxies = {name: FaultProxy(one.url) for name, one in self.sandboxes.items()}
        self.now = BEGIN
        past = {"hubspot": History(), "salesforce": OrgHistory()}
        self.lives = [PortalLife(seed, self.hubspot, past["hubspot"]), OrgLife(seed, self.salesforce, past["salesforce"])]
        self.marketers = {
            "hubspot": PortalMarketer(seed, self.hubspot, past["hubspot"]),
            "salesforce": OrgMarketer(seed, self.salesforce, past["salesforce"]),
        }
        for life in self.lives:
            life.weights = {name: often for name, often in life.weights.items() if name not in QUIET}
        self._opened = ExitStack()

    def __enter__(self) -> Self:
        os.environ.update(SECRETS)
        for one in (*self.sandboxes.values(), *self.proxies.values()):
            self._opened.enter_context(one)
        for one in self.sandboxes.values():
            one.clock.advance((BEGIN - datetime.now(UTC)).total_seconds())
        self._furnish()
        self._install()
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()
        for name in SECRETS:
            os.environ.pop(name, None)

    def _furnish(self) -> None:
        furnish_portal(self.hubspot)
        self.salesforce.levers["deploy"](str(SOURCE))
        self.salesforce.levers["assign"]("Lamplighter_Connector")
        furnish_org(self.salesforce)
        for life in self.lives:
            life.begin()

    def _install(self) -> None:
        create(self.home)
        known = {"account": self.google.account, "conversion": self.google.google.settings.conversion_action}
        known |= {"dataset": self.meta.meta.settings.dataset}
        append(self.home, SETTINGS.format(**{n: p.url for n, p in self.proxies.items()}, **known, patience=PATIENCE))
        text = AUDIENCES.replace("  refresh: 1d\n", f"{POLICY}  refresh: 1d\n")
        (self.home / "mappings" / "audiences.yaml").write_text(text)

    def go_on(self, events: int) -> None:
        """So many events in each life, and some hours."""
        for _ in range(events):
            for life in self.lives:
                life.step()
        self.pass_time(hours=5)

    def pass_time(self, **how: float) -> None:
        """Let time pass everywhere."""
        self.now += timedelta(**how)
        for one in self.sandboxes.values():
            one.clock.advance(timedelta(**how).total_seconds())

    def looked(self, *, deletions: bool) -> None:
        """An undisturbed run is over."""
        for life in self.lives:
            life.looked(deletions=deletions)

    def writes(self) -> list[str]:
        """Operations that changed something, all systems together."""
        found = [each for one in self.sandboxes.values() for each in one.journal.since(0)["requests"]]
        return [each["operation"] for each in found if each["kind"] == "write" and "oken" not in each["operation"]]

    def shown(self) -> Shown:
        """What stands in the four systems."""
        hubspot, salesforce = self.hubspot.portal.state(), self.salesforce.service.state()
        written = {"hubspot": hubspot["contacts"], "salesforce": salesforce["contacts"]}
        sales = {"google": self.google.google.state()["events"], "meta": self.meta.meta.state()["events"]}
        return Shown(
            lists={name: sorted(self._lists(name)) for name in SYSTEMS},
            properties=written,
            sales={name: sorted(_said(one) for one in _each(told)) for name, told in sales.items()},
        )

    def _lists(self, system: str) -> Iterator[tuple[str, tuple[str, ...]]]:
        if system in self.marketers:
            for one in self.marketers[system].all_lists():
                yield one.name, tuple(sorted(one.members))
        elif system == "google":
            for id, one in self.google.google.state()["lists"].items():
                yield one["name"], tuple(sorted(map(repr, self.google.google.members(id))))
        else:
            for id, one in self.meta.meta.state()["audiences"].items():
                yield one["name"], tuple(sorted(one["members"]))
