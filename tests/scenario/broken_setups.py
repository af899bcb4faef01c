"""Broken set-ups of a HubSpot install: how each is broken, what check must say, and what its fix does."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest
import urllib3
from broken_install import Install
from cli import Command

from connector.crms import hubspot
from connector.crms.hubspot import HubSpotSettings
from connector.sandbox.serve import Sandbox

OAUTH = "oauth: {client_id: sandbox-client, client_secret: 'env:SHOP_SECRET', refresh_token: 'env:SHOP_REFRESH'}"
PROPERTIES = "/crm/properties/2026-09/contacts"


@dataclass
class Setup(Install):
    """One install on a portal of its own."""

    crm: ClassVar[str] = "hubspot"

    home: Path
    portal: Sandbox
    environment: pytest.MonkeyPatch
    lamplighter: Command

    def configure(self, **settings: Any) -> None:
        """Change the portal's settings."""
        self.portal.portal.configure(settings)

    def without(self, scope: str) -> None:
        """Take a scope from the token, and what comes with it."""
        lost = {scope, scope.replace(".objects.", ".schemas.") if scope.endswith(".read") else scope}
        self.configure(scopes=sorted(self.portal.portal.settings.scopes - lost))

    def with_scopes(self, *scopes: str) -> None:
        """Give the token scopes."""
        self.configure(scopes=sorted(self.portal.portal.settings.scopes | set(scopes)))

    def act(self, method: str, path: str, body: Any = None) -> Any:
        """What a person does in the portal."""
        answer = self.portal.portal.act(method, path, body)
        assert answer.status < 300, answer.content
        return answer.content

    def fix(self) -> None:
        """`lamplighter check --fix`."""
        self.lamplighter("check", "--fix", "--home", self.home)

    def define(self, name: str, kind: str = "string", field: str = "text") -> None:
        """Somebody defines a property of contacts, or takes it out of the archive."""
        wanted = {"name": name, "label": name, "type": kind, "fieldType": field, "groupName": "contactinformation"}
        self.act("POST", PROPERTIES, wanted)

    def archive(self, name: str) -> None:
        """Somebody archives a property of contacts."""
        self.act("DELETE", f"{PROPERTIES}/{name}")

    def oauth(self, secret: str = "sandbox-secret") -> None:  # noqa: S107  (a plain word, no secret)
        """Connect by OAuth instead of a token."""
        self.edit("token: env:SHOP_TOKEN", OAUTH)
        self.environment.setenv("SHOP_SECRET", secret)
        self.authorise()

    def authorise(self) -> None:
        """Let the admin agree, and put the refresh token where the settings say it is."""
        told, back = HubSpotSettings(base_url=self.portal.url, authorize_url=self.portal.url), "http://localhost:1/"
        page = hubspot.authorize_url(told, "sandbox-client", back, ["oauth", *hubspot.scopes(told, None)], "state")
        sent = urllib3.request("GET", page, redirect=False).headers["Location"]
        code = parse_qs(urlsplit(sent).query)["code"][0]
        granted = hubspot.exchange(told, "sandbox-client", "sandbox-secret", back, code)
        self.environment.setenv("SHOP_REFRESH", granted.refresh_token)


def _withdrawn(setup: Setup) -> None:
    setup.oauth()
    setup.act("DELETE", "/appinstalls/2026-09/external-install")


def _blocked(setup: Setup) -> None:
    setup.fix()
    rule = {"ruleType": "MAX_LENGTH", "ruleArguments": ["3"]}
    setup.configure(validation_rules={"contacts": {"lamplighter_next_product_why": rule}})


def _another_type(setup: Setup) -> None:
    setup.define("lamplighter_rfm_cell", "number", "number")


def _mapped_archived(setup: Setup) -> None:
    setup.map("user_id: customer_id", "user_id: shop_number")
    setup.define("shop_number")
    setup.archive("shop_number")


def _ours_archived(setup: Setup) -> None:
    setup.fix()
    setup.archive("lamplighter_loyalty_tier")


def _no_room(setup: Setup) -> None:
    definitions = setup.act("GET", PROPERTIES)["results"]
    setup.configure(property_limit=sum(not one["hubspotDefined"] for one in definitions) + 2)


def _by_deals(setup: Setup) -> None:
    setup.edit("lag_seconds: 0", "lag_seconds: 0\n  purchases: deals")
    setup.portal.portal.create_deal(None, [])
    setup.without("crm.objects.deals.read")


@dataclass(frozen=True)
class Trouble:
    """One way to be broken.

    Attributes:
        told: in the detail of the first finding that is not ok.
        fix: in its fix.
        cure: does what the fix says.
        by_fix: it is `lamplighter check --fix` that finds it, for it is only known once something is written.
    """

    broken: Callable[[Setup], None]
    told: str
    fix: str
    cure: Callable[[Setup], None]
    by_fix: bool = False


TROUBLES: dict[str, Trouble] = {
    "wrong token": Trouble(
        lambda one: one.environment.setenv("SHOP_TOKEN", "wrong"),
        "refused the token",
        "lamplighter connect hubspot",
        lambda one: one.environment.setenv("SHOP_TOKEN", one.portal.token),
    ),
    "withdrawn authorisation": Trouble(
        _withdrawn, "was withdrawn", "lamplighter connect hubspot --oauth", Setup.authorise
    ),
    "wrong client secret": Trouble(
        lambda one: one.oauth("wrong"),
        "client id and client secret",
        "copy both again from the app's Auth settings",
        lambda one: one.environment.setenv("SHOP_SECRET", "sandbox-secret"),
    ),
    "missing read scope": Trouble(
        lambda one: one.without("crm.objects.orders.read"),
        "crm.objects.orders.read is missing",
        "add crm.objects.orders.read to the app or service key",
        lambda one: one.with_scopes("crm.objects.orders.read"),
    ),
    "missing lists scope": Trouble(
        lambda one: one.without("crm.lists.write"),
        "crm.lists.write is missing",
        "add crm.lists.write to the app or service key",
        lambda one: one.with_scopes("crm.lists.write"),
    ),
    "purchases are deals, without their scope": Trouble(
        _by_deals,
        "crm.objects.deals.read is missing",
        "add crm.objects.deals.read to the app or service key",
        lambda one: one.with_scopes("crm.objects.deals.read"),
    ),
    "purchases are deals, and there are none": Trouble(
        lambda one: one.edit("lag_seconds: 0", "lag_seconds: 0\n  purchases: deals"),
        "there are no deals, but 5 orders",
        "set hubspot.purchases to orders",
        lambda one: one.edit("purchases: deals", "purchases: orders"),
    ),
    "unknown mapped property": Trouble(
        lambda one: one.map("user_id: customer_id", "user_id: costumer_id"),
        "unknown property in the mapping: costumer_id (streams.contact)",
        "did you mean customer_id?",
        lambda one: one.map("user_id: customer_id", "user_id: customer_id "),
    ),
    "mapped property archived": Trouble(
        _mapped_archived,
        "contacts.shop_number is mapped, but archived",
        "restore shop_number: in HubSpot",
        lambda one: one.define("shop_number"),
    ),
    "validation rule": Trouble(
        _blocked,
        "may refuse what we write to lamplighter_next_product_why: MAX_LENGTH 3",
        "remove the rule from lamplighter_next_product_why",
        lambda one: one.configure(validation_rules={}),
    ),
    "our property is another's": Trouble(
        _another_type,
        "lamplighter_rfm_cell is of type number, ours is string",
        "give ours another name (properties.rfm_cell.name in",
        lambda one: one.map("name: lamplighter_rfm_cell", "name: lamplighter_rfm"),
    ),
    "our property is archived": Trouble(
        _ours_archived,
        "our property lamplighter_loyalty_tier is archived",
        "restore lamplighter_loyalty_tier: in HubSpot, Settings > Properties",
        lambda one: one.define("lamplighter_loyalty_tier"),
    ),
    "property limit": Trouble(
        _no_room,
        "are to be created, and the account has",
        "or more that nobody uses",
        lambda one: one.configure(property_limit=1_000),
    ),
    "list limit": Trouble(
        lambda one: one.configure(list_limit=1),
        "cannot be made",
        "limit",
        lambda one: one.configure(list_limit=1_500),
        by_fix=True,
    ),
    "daily quota within the reserve": Trouble(
        lambda one: one.configure(daily_limit=1_000, daily_used=850),
        "all kept for others",
        "lower hubspot.reserve_percent",
        lambda one: one.configure(daily_used=0),
    ),
    "ended API version": Trouble(
        lambda one: one.edit("lag_seconds: 0", 'lag_seconds: 0\n  version: "2024-03"'),
        "does not know version 2024-03",
        'set hubspot.version to "2026-09"',
        lambda one: one.edit('\n  version: "2024-03"', ""),
    ),
    "unreachable": Trouble(
        lambda one: one.edit("base_url: .+", "base_url: http://127.0.0.1:9"),
        "no answer from HubSpot",
        "look at hubspot.base_url",
        lambda one: one.edit("base_url: .+", f"base_url: {one.portal.url}"),
    ),
    "clock": Trouble(
        lambda one: one.portal.clock.advance(-20 * 60),
        "20 minutes ahead of HubSpot's",
        "set this machine's clock",
        lambda one: one.portal.clock.advance(20 * 60),
    ),
    "developer account": Trouble(
        lambda one: one.configure(account_type="APP_DEVELOPER"),
        "it has no contacts",
        "make the token in the account that holds your contacts",
        lambda one: one.configure(account_type="STANDARD"),
    ),
}
