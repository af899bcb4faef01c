"""A Salesforce org that holds the small shop, and an install on it, for tests of an admin's commands."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import small_shop
from salesforce_certificate import pair

from connector import limits
from connector.cli.init import create
from connector.cli.settings_file import append
from connector.sandbox.salesforce_serve import SalesforceSandbox

SOURCE = Path(__file__).parents[2] / "install" / "salesforce" / "force-app"
KEY, SECRET, USER = "sandbox-consumer-key", "sandbox-consumer-secret", "sync@lamp.example"
PROOF = "SHOP_SECRET"
"""Variable that holds the app's secret."""


@contextmanager
def org(world: Path | None) -> Iterator[SalesforceSandbox]:
    """An org with our fields, and with an app of each flow; retries do not sleep."""
    limits.never_wait()
    try:
        with SalesforceSandbox(world, settings={"certificate": pair().certificate, "admin_approved": [USER]}) as opened:
            opened.levers["deploy"](str(SOURCE))
            opened.levers["assign"]("Lamplighter_Connector")
            yield opened
    finally:
        limits.never_wait(False)


def install(home: Path, world: Path, salesforce: str = "") -> Path:
    """A home whose sources are the shop's files; `salesforce`: what its settings say of the CRM."""
    create(home)
    (home / "mappings" / "audiences.yaml").write_text(small_shop.AUDIENCES)
    files = (("feed", "catalogue", "products.csv"), ("site", "segment", "events.ndjson"))
    lines = [f"  - {{name: {name}, kind: {kind}, path: {world / file}}}" for name, kind, file in files]
    append(home, "\n".join([salesforce, "sources:", *lines]))
    return home


def connected(url: str) -> str:
    """The settings of an install that is connected by client credentials."""
    app = f"  oauth:\n    flow: client_credentials\n    client_id: {KEY}\n    client_secret: env:{PROOF}"
    return f"salesforce:\n  instance_url: {url}\n{app}\n"
