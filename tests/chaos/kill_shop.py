"""A shop of a few people in both CRMs and at both ad platforms, its install, and the news of its second day."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import small_shop
from ad_accounts import META, SECRETS
from ad_accounts import SETTINGS as ADS
from lamp_install import TOKEN
from two_crms import SOURCE, install

from connector.cli.settings_file import append
from connector.sandbox.google_serve import SandboxGoogle
from connector.sandbox.meta_serve import SandboxMeta
from connector.sandbox.salesforce_serve import SalesforceSandbox
from connector.sandbox.serve import Sandbox
from connector.sandbox.serving import ServiceSandbox

_TIME = re.compile(r"\b\d{4}-\d\d-\d\dT[\d:.]+Z")
DANA, ROSA, CARL, OLGA = "1", "2", "3", "4"
_PEOPLE = "SELECT json_extract(properties, '$.customer_id'), id FROM record WHERE type = '0-1'"
AUDIENCES = small_shop.AUDIENCES.replace("{cool_off: 2d}", "{cool_off: 2d}\n  ads: {smallest: 1}")
DATASET = "880055"
NEWCOMER = {"email": "erin@example.com", "firstname": "Erin", "ads_consent": "granted", "customer_id": "5"}
_ORDER = "SELECT id FROM record WHERE type = '0-123' AND json_extract(properties, '$.hs_external_order_id') = 'O1'"


def end() -> datetime:
    """When the shop's world ends: noon of yesterday, so that Meta still takes what was bought then."""
    return datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)


def _moved(text: str, until: datetime) -> str:
    later = until - datetime.fromisoformat(small_shop.END)
    return _TIME.sub(lambda found: _written(datetime.fromisoformat(found[0]) + later), text)


def _written(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + "000Z"


def write_world(folder: Path, until: datetime) -> Path:
    """The files of the small shop, as if they had ended at another time."""
    folder.mkdir(parents=True)
    for name, text in small_shop.FILES.items():
        (folder / name).write_text(_moved(text, until), "utf-8")
    return folder


@dataclass
class Systems:
    """The four systems that the shop is connected to. They listen from the start; `kill_stage` lets them answer."""

    world: Path
    until: datetime
    hubspot: Sandbox = field(init=False)
    salesforce: SalesforceSandbox = field(init=False)
    google: SandboxGoogle = field(init=False)
    meta: SandboxMeta = field(init=False)

    def __post_init__(self) -> None:
        self.hubspot, self.salesforce = Sandbox(self.world), SalesforceSandbox(self.world)
        self.google, self.meta = SandboxGoogle(), SandboxMeta(settings={"dataset": DATASET})
        self.salesforce.levers["deploy"](str(SOURCE))
        self.salesforce.levers["assign"]("Lamplighter_Connector")

    def __iter__(self) -> Iterator[ServiceSandbox[Any]]:
        return iter((self.hubspot, self.salesforce, self.google, self.meta))

    def wait(self, seconds: float) -> None:
        """Time passes for all of them."""
        for each in self:
            each.clock.advance(seconds)

    def writes(self) -> int:
        """Changes that were asked of them so far."""
        return sum(each.journal.counts()["writes"] for each in self)

    def connect(self, home: Path) -> None:
        """Make the install, as an admin does."""
        install(home, self.world, self.hubspot, self.salesforce)
        known = self.google.google.settings
        addresses = {"google": self.google.url, "tokens": self.google.token_url, "meta": self.meta.url}
        told = ADS.format(account=known.account, client=known.client_id, **addresses)
        action = f'terms_accepted: true\n    conversion_action: "{known.conversion_action}"'
        told = told.replace("terms_accepted: true", action)
        append(home, told.replace('account: "4711",', f'account: "4711", dataset: "{DATASET}",'))
        (home / "mappings" / "audiences.yaml").write_text(AUDIENCES)

    def environment(self) -> dict[str, str]:
        """Variables that hold what lets the install in."""
        google = {name: getattr(self.google.google.settings, its) for name, its in SECRETS.items()}
        return {**google, TOKEN: "sandbox-token", META: self.meta.token}

    def news(self) -> None:
        """A day later: an unsubscribe, a withdrawal, purchases, a return, a deletion, a newcomer, a cart, a price."""
        there = {str(number): str(id) for number, id in self.hubspot.portal.portal.state.rows(_PEOPLE)}
        here = {number: id for id, number in self.salesforce.org.state.rows("SELECT Id, Customer_Id__c FROM Contact")}
        later = self.until + timedelta(hours=1)
        self._edit(f"contacts/{there[CARL]}", hs_email_optout="true")
        self._edit(f"contacts/{there[DANA]}", ads_consent="denied")
        self._edit("contacts", **NEWCOMER)
        self.hubspot.create_order(there[ROSA], [("PEN-BRASS", "2", "110.00")], currency="EUR", ordered_at=later)
        self.salesforce.levers["create_order"](here[CARL], [("BULB", "3", "5.00")], ordered_at=later)
        (order,) = self.hubspot.portal.portal.state.row(_ORDER)
        self._edit(f"orders/{order}", hs_external_order_status="returned")
        self.salesforce.levers["delete"]("Contact", here[OLGA])
        self._happen(later)

    def _edit(self, path: str, **values: str) -> None:
        method = "PATCH" if "/" in path else "POST"
        answer = self.hubspot.portal.act(method, f"/crm/objects/2026-09/{path}", {"properties": values})
        assert answer.status < 300, answer.content

    def _happen(self, at: datetime) -> None:
        """What the site and the catalogue tell of it."""
        cart = {"type": "track", "event": "Product Added", "messageId": "t9", "anonymousId": "a1"}
        told = {**cart, "timestamp": _written(at), "properties": {"product_id": "BULB"}}
        with (self.world / "events.ndjson").open("a") as events:
            events.write(json.dumps(told) + "\n")
        products = self.world / "products.csv"
        products.write_text(products.read_text().replace("200.00 EUR", "180.00 EUR"))
