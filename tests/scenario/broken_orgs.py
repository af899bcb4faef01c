"""Broken set-ups of a Salesforce install: how each is broken, what check must say, and what its fix does."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest
import urllib3
from broken_install import Install
from cli import Command
from salesforce_certificate import pair
from salesforce_install import KEY, PROOF, SECRET, SOURCE, USER

from connector.crms import salesforce
from connector.crms.salesforce import SalesforceSettings
from connector.sandbox.salesforce_serve import SalesforceSandbox

BY_SECRET = "flow: client_credentials\n    client_id: sandbox-consumer-key\n    client_secret: env:SHOP_SECRET"
BY_KEY = f"flow: jwt\n    client_id: {KEY}\n    username: {USER}\n    private_key: env:SHOP_KEY"
BY_BROWSER = f"flow: refresh_token\n    client_id: {KEY}\n    refresh_token: env:SHOP_REFRESH"
FIELD = "Lamplighter_Loyalty_Tier__c"


@dataclass
class Setup(Install):
    """One install on an org of its own."""

    crm: ClassVar[str] = "salesforce"

    home: Path
    org: SalesforceSandbox
    environment: pytest.MonkeyPatch
    lamplighter: Command

    def configure(self, **settings: Any) -> None:
        """Change the org's settings."""
        self.org.service.configure(settings)

    def hide(self, *paths: str, read_only: bool = False) -> None:
        """Take fields from the integration user."""
        for path in paths:
            self.org.levers["hide_field"](*path.split("."), read_only=read_only)

    def show(self, *paths: str) -> None:
        """Give fields back."""
        for path in paths:
            self.org.levers["show_field"](*path.split("."))

    def sign(self) -> None:
        """Connect by a key instead of a secret."""
        self.environment.setenv("SHOP_KEY", pair().key)
        self.edit(BY_SECRET, BY_KEY)

    def agree(self) -> None:
        """Somebody agrees in the browser, and the refresh token is where the settings say."""
        told, back = SalesforceSettings(instance_url=self.org.url), "http://localhost:1/"
        verifier = salesforce.new_verifier()
        page = salesforce.authorize_url(told, KEY, back, "state", verifier)
        sent = urllib3.request("GET", page, redirect=False).headers["Location"]
        code = parse_qs(urlsplit(sent).query)["code"][0]
        granted = salesforce.exchange(told, KEY, SECRET, back, code, verifier)
        self.environment.setenv("SHOP_REFRESH", granted.refresh_token)

    def without_fields(self) -> None:
        """Move the install to an org where nothing was deployed."""
        state = self.org.org.state
        state.run("DELETE FROM PermissionSetAssignment")
        state.run("DELETE FROM PermissionSet")
        self.hide(*self._ours())

    def unassign(self) -> None:
        """Somebody takes the permission set from the user."""
        self.org.org.state.run("DELETE FROM PermissionSetAssignment")
        self.hide(*self._ours())

    def _ours(self) -> list[str]:
        return [f"Contact.{name}" for name in self.org.org.schema["Contact"].fields if name.startswith("Lamplighter_")]

    def deploy(self) -> None:
        """An admin deploys and assigns."""
        self.org.levers["deploy"](str(SOURCE))
        self.assign()

    def assign(self) -> None:
        """An admin assigns the permission set."""
        self.org.levers["assign"]("Lamplighter_Connector")


def _revoked(setup: Setup) -> None:
    from connector.sandbox.salesforce_tokens import Tokens

    setup.edit(BY_SECRET, BY_BROWSER)
    setup.configure(rotate_refresh=False)
    setup.agree()
    setup.org.org.part(Tokens).refresh.clear()


def _not_approved(setup: Setup) -> None:
    setup.sign()
    setup.configure(admin_approved=[])


def _not_agreed(setup: Setup) -> None:
    setup.sign()
    setup.configure(admin_approved=None)


def _another_key(setup: Setup) -> None:
    setup.sign()
    setup.environment.setenv("SHOP_KEY", pair("other").key)


def _by_opportunities(setup: Setup) -> None:
    setup.edit("\n  instance_url", "\n  purchases: opportunities\n  instance_url")


def _unshared(setup: Setup) -> None:
    made = [setup.org.levers["insert"]("Contact", {"LastName": f"Reed {number}"}) for number in range(40)]
    setup.org.levers["restrict"](made)


@dataclass(frozen=True)
class Trouble:
    """One way to be broken.

    Attributes:
        told: in the detail of the first finding that is not ok.
        fix: in its fix.
        cure: does what the fix says.
    """

    broken: Callable[[Setup], None]
    told: str
    fix: str
    cure: Callable[[Setup], None]


TROUBLES: dict[str, Trouble] = {
    "wrong secret": Trouble(
        lambda one: one.environment.setenv(PROOF, "wrong"),
        "invalid_client",
        "copy the consumer secret again",
        lambda one: one.environment.setenv(PROOF, SECRET),
    ),
    "wrong key": Trouble(
        lambda one: one.edit(f"client_id: {KEY}", "client_id: typo"),
        "invalid_client_id",
        "copy the consumer key again",
        lambda one: one.edit("client_id: typo", f"client_id: {KEY}"),
    ),
    "no user to run as": Trouble(
        lambda one: one.configure(client_credentials=False),
        "no client credentials user",
        "set Run As to the integration user",
        lambda one: one.configure(client_credentials=True),
    ),
    "JWT, the user is not approved": Trouble(
        _not_approved,
        "not admin approved",
        "pre-authorize the user",
        lambda one: one.configure(admin_approved=[USER]),
    ),
    "JWT, nobody is approved": Trouble(
        _not_agreed,
        "user hasn't approved this consumer",
        "Admin approved users are pre-authorized",
        lambda one: one.configure(admin_approved=[USER]),
    ),
    "JWT, another key": Trouble(
        _another_key,
        "invalid assertion",
        "upload the certificate of this very private key",
        lambda one: one.environment.setenv("SHOP_KEY", pair().key),
    ),
    "expired refresh token": Trouble(
        _revoked, "expired access/refresh token", "lamplighter connect salesforce --oauth", Setup.agree
    ),
    "login host": Trouble(
        lambda one: one.edit("instance_url: .+", "instance_url: https://login.salesforce.com"),
        "not the address of an org",
        "set salesforce.instance_url",
        lambda one: one.edit("instance_url: .+", f"instance_url: {one.org.url}"),
    ),
    "unreachable": Trouble(
        lambda one: one.edit("instance_url: .+", "instance_url: http://127.0.0.1:9"),
        "no answer from Salesforce",
        "look at salesforce.instance_url",
        lambda one: one.edit("instance_url: .+", f"instance_url: {one.org.url}"),
    ),
    "API disabled": Trouble(
        lambda one: one.configure(api_enabled=False),
        "not enabled",
        "API Enabled",
        lambda one: one.configure(api_enabled=True),
    ),
    "API version": Trouble(
        lambda one: one.configure(highest=64),
        "does not serve version 66.0",
        "set salesforce.version",
        lambda one: one.configure(highest=68),
    ),
    "quota nearly used": Trouble(
        lambda one: one.configure(daily_limit=10_000, daily_used=9_000),
        "of the last 24 hours are left, 0 of them for us",
        "lower salesforce.reserve_percent",
        lambda one: one.configure(daily_used=0),
    ),
    "nothing deployed": Trouble(
        Setup.without_fields, f"Contact has no field {FIELD}", "deploy install/salesforce (docs", Setup.deploy
    ),
    "permission set not assigned": Trouble(
        Setup.unassign, "or it is hidden from the integration user", "sf org assign permset", Setup.assign
    ),
    "a field of ours taken away": Trouble(
        lambda one: one.hide(f"Contact.{FIELD}", read_only=True),
        f"may not edit {FIELD}",
        "somebody changed fields or permission set",
        lambda one: one.show(f"Contact.{FIELD}"),
    ),
    "no Marketing User": Trouble(
        lambda one: one.configure(marketing_user=False),
        "may not create Campaign",
        "tick Marketing User",
        lambda one: one.configure(marketing_user=True),
    ),
    "orders are closed": Trouble(
        lambda one: one.configure(rights={"Order": ""}),
        "does not let us see the object Order",
        "deploy install/salesforce/optional/orders",
        lambda one: one.configure(rights=None),
    ),
    "an object is closed": Trouble(
        lambda one: one.configure(rights={"Product2": ""}),
        "does not let us see the object Product2",
        "read access to Product2",
        lambda one: one.configure(rights=None),
    ),
    "a mapped field is hidden": Trouble(
        lambda one: one.hide("Contact.LastName"),
        "hides Contact.LastName",
        "read access to Contact.LastName",
        lambda one: one.show("Contact.LastName"),
    ),
    "consent is hidden": Trouble(
        lambda one: one.hide("Contact.HasOptedOutOfEmail"),
        "consent is unknown and nobody gets into e-mail lists",
        "read access to Contact.HasOptedOutOfEmail",
        lambda one: one.show("Contact.HasOptedOutOfEmail"),
    ),
    "unknown mapped field": Trouble(
        lambda one: one.map("title: Name", "title: Nmae"),
        "Product2.Nmae",
        "read access to Product2.Nmae",
        lambda one: one.map("title: Name", "title: Name "),
    ),
    "purchases are opportunities, and there are none": Trouble(
        _by_opportunities,
        "there are no won opportunities, but 5 orders",
        "set salesforce.purchases to orders",
        lambda one: one.edit("purchases: opportunities\n  ", ""),
    ),
    "sharing hides contacts": Trouble(
        _unshared,
        "4 of about 44 records of Contact are seen",
        "View All on Contact",
        lambda one: one.org.levers["unrestrict"](),
    ),
    "clock": Trouble(
        lambda one: one.org.clock.advance(-20 * 60),
        "20 minutes ahead of Salesforce's",
        "set this machine's clock",
        lambda one: one.org.clock.advance(20 * 60),
    ),
}
