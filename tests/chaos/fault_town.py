"""A town with everything in it: CRMs, ad platforms, the lives in them, and an install behind proxies."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from fault_proxy import FaultProxy
from life import History, Kept, Life, Marketer
from life_model import AUDIENCES
from org_campaigns import OrgMarketer
from org_events import OrgHistory, OrgLife
from org_events import furnish as furnish_org
from portal_events import PortalLife
from portal_events import furnish as furnish_portal
from portal_lists import PortalMarketer

from connector.cli.init import create
from connector.cli.settings_file import append
from connector.sandbox.google_serve import SandboxGoogle
from connector.sandbox.meta_serve import SandboxMeta
from connector.sandbox.salesforce_serve import SalesforceSandbox
from connector.sandbox.serve import Sandbox

SOURCE = Path(__file__).parents[2] / "install" / "salesforce" / "force-app"
BEGIN = datetime(2026, 10, 1, 9, tzinfo=UTC)
CRMS, ADS = ("hubspot", "salesforce"), ("google", "meta")
SECRETS = {"CHAOS_SECRET": "sandbox-secret", "CHAOS_REFRESH": "sandbox-refresh", "CHAOS_TOKEN": "sandbox-token"}
"""Variable -> what stands in it."""
PRIVATE = ("@example.com", "sandbox-secret", "sandbox-refresh", "sandbox-token", "sandbox-access", "Reed ", "Town ")
"""What no message may hold: addresses, names, places, secrets."""
PATIENCE = 1.0
"""Seconds until an adapter gives up on a silent system."""
SETTINGS = {
    "hubspot": """
hubspot:
  base_url: {url}
  oauth: {{client_id: sandbox-client, client_secret: env:CHAOS_SECRET, refresh_token: env:CHAOS_REFRESH}}
  lag_seconds: 0
  overlap_seconds: 0
  timeout_seconds: {patience}""",
    "salesforce": """
salesforce:
  instance_url: {url}
  oauth: {{flow: client_credentials, client_id: sandbox-consumer-key, client_secret: env:CHAOS_SECRET}}
  bulk_above: 200
  timeout_seconds: {patience}""",
    "google": """
  google:
    account: "1234567890"
    oauth: {{client_id: sandbox-app, client_secret: env:CHAOS_SECRET, refresh_token: env:CHAOS_REFRESH}}
    terms_accepted: true
    base_url: {url}
    token_url: {url}/token
    timeout_seconds: {patience}""",
    "meta": """
  meta: {{account: "4711", token: env:CHAOS_TOKEN, base_url: {url}, timeout_seconds: {patience}}}""",
}
SALES = '\n    conversion_action: "700001"'
POLICY = "  ads: {smallest: 1, most: 6, refresh: 12h}\n  refresh: 1d\n"
UNSEEN = frozenset({"move_order", "share_order", "move_line", "index_late", "commit_late", "let_time_pass"})
"""Events left out: what no pull can see, and what is seen at a time of its own."""


@dataclass(frozen=True)
class Shown:
    """What the systems show: (list, members), two of one name being two; contact -> properties; sales."""

    lists: Mapping[str, Sequence[tuple[str, tuple[str, ...]]]]
    properties: Mapping[str, Mapping[str, Mapping[str, str]]]
    sales: Sequence[str]


class FaultTown:
    """Systems, each with a proxy before it, a life and a marketer in each CRM, and an install. A context manager.

    Args:
        seed: of the lives: two towns of one seed live alike.
        sales: whether Google is told of sales.
    """

    def __init__(self, folder: Path, seed: int, systems: Sequence[str], *, sales: bool = False) -> None:
        self.home = folder / "home"
        self.systems, self.sales = systems, sales
        self.sandboxes: dict[str, Any] = {name: _MADE[name]() for name in systems}
        self.proxies = {name: FaultProxy(one.url) for name, one in self.sandboxes.items()}
        self.now = BEGIN
        self.lives: dict[str, Life] = {}
        self.marketers: dict[str, Marketer] = {}
        for name in self._crms():
            life, marketer, past = _LIVED[name]
            self.lives[name] = life(seed, self.sandboxes[name], history := past())
            self.marketers[name] = marketer(seed, self.sandboxes[name], history)
            seen = {event: often for event, often in life.weights.items() if event not in UNSEEN}
            self.lives[name].weights = seen
        self._opened = ExitStack()

    def __enter__(self) -> Self:
        for one in (*self.sandboxes.values(), *self.proxies.values()):
            self._opened.enter_context(one)
        for one in self.sandboxes.values():
            one.clock.advance((BEGIN - datetime.now(UTC)).total_seconds())
        for name, life in self.lives.items():
            _FURNISHED[name](self.sandboxes[name])
            life.begin()
        self._install()
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def _crms(self) -> list[str]:
        return [name for name in CRMS if name in self.systems]

    def _install(self) -> None:
        create(self.home)
        parts = {name: SETTINGS[name].format(url=self.proxies[name].url, patience=PATIENCE) for name in self.systems}
        if self.sales:
            parts["google"] += SALES
        ads = [parts[name] for name in ADS if name in parts]
        append(self.home, "\n".join([*(parts[name] for name in self._crms()), *(["ads:", *ads] if ads else [])]))
        (self.home / "mappings" / "audiences.yaml").write_text(AUDIENCES.replace("  refresh: 1d\n", POLICY))

    def live_on(self, events: int) -> None:
        """So many events in each life, and some hours."""
        for _ in range(events):
            for life in self.lives.values():
                life.step()
        self.pass_time(hours=9)

    def pass_time(self, **how: float) -> None:
        """Let time pass everywhere."""
        self.now += timedelta(**how)
        for one in self.sandboxes.values():
            one.clock.advance(timedelta(**how).total_seconds())

    def looked(self, *, deletions: bool) -> None:
        """Every change was seen; `deletions` were looked for too."""
        for life in self.lives.values():
            life.looked(deletions=deletions)

    def writes(self) -> Counter[str]:
        """Operations that changed something so far -> how often; those for tokens are none."""
        requests = [each for one in self.sandboxes.values() for each in one.journal.since(0)["requests"]]
        return Counter(
            each["operation"] for each in requests if each["kind"] == "write" and "token" not in each["path"]
        )

    def shown(self) -> Shown:
        """What stands in the systems."""
        states = {name: self.sandboxes[name].service.state() for name in self.systems}
        sold = states["google"]["events"] if self.sales else {}
        return Shown(
            lists={name: sorted((one.name, tuple(sorted(one.members))) for one in self.lists(name)) for name in states},
            properties={name: states[name]["contacts"] for name in self._crms()},
            sales=sorted(f"{id}: {len(versions)}" for id, versions in sold.items()),
        )

    def lists(self, system: str) -> Iterator[Kept]:
        """The lists of one system."""
        service = self.sandboxes[system].service
        if system in self.marketers:
            yield from self.marketers[system].all_lists()
        elif system == "google":
            for id, one in service.state()["lists"].items():
                yield Kept(one["name"], id, frozenset(each.hex() for each in service.members(id)))
        else:
            for id, one in service.state()["audiences"].items():
                yield Kept(one["name"], id, frozenset(one["members"]))


def _furnished_org(sandbox: Any) -> None:
    sandbox.levers["deploy"](str(SOURCE))
    sandbox.levers["assign"]("Lamplighter_Connector")
    furnish_org(sandbox)


_MADE: Mapping[str, Any] = {
    "hubspot": Sandbox,
    "salesforce": lambda: SalesforceSandbox(settings={"consumer_secret": "sandbox-secret"}),
    "google": SandboxGoogle,
    "meta": SandboxMeta,
}
_LIVED: Mapping[str, Any] = {
    "hubspot": (PortalLife, PortalMarketer, History),
    "salesforce": (OrgLife, OrgMarketer, OrgHistory),
}
_FURNISHED: Mapping[str, Any] = {"hubspot": furnish_portal, "salesforce": _furnished_org}
