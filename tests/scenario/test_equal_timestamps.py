"""25,000 contacts changed in one moment: more than a search can page through, and no time to tell them apart by."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from connector.cli.init import create
from connector.cli.settings_file import append
from connector.home import open_home
from connector.pipeline import Options, Report, run
from connector.sandbox.serve import Sandbox

pytestmark = pytest.mark.slow

TOKEN = "SCENARIO_TOKEN"
CONTACTS = 25_000


def world(folder: Path) -> Path:
    """A shop with contacts and nothing else to speak of."""
    tables = {
        "contacts.csv": (
            "contact_id,email,phone,first_name,last_name,country,created_at,updated_at,email_opt_out,ads_consent",
            "c{n},p{n}@example.com,,P{n},Q,GB,{at},{at},false,granted",
        ),
        "products.csv": (
            "id,item_group_id,title,product_type,price,availability",
            "sku{n},,Lamp,Lamps,9.50 GBP,in_stock",
        ),
        "orders.csv": ("order_id,contact_id,ordered_at,status,currency", "o{n},c{n},{at},fulfilled,GBP"),
        "order_lines.csv": ("line_id,order_id,product_id,quantity,unit_price", "l{n},o{n},sku{n},1,9.50"),
    }
    for name, (header, row) in tables.items():
        count = CONTACTS if name == "contacts.csv" else 1
        rows = [row.format(n=number, at="2026-09-01T10:00:00.000Z") for number in range(count)]
        (folder / name).write_text("\n".join([header, *rows, ""]))
    return folder


def pull(home: Path, now: datetime) -> Report:
    """The first stage of a pass."""
    with open_home(home) as opened:
        return run(opened, Options(as_of=now, only="pull"))


def test_every_one_of_25_000_equal_timestamps_is_seen(tmp_path: Path) -> None:
    """All are read again, in at most 1.05 times the fewest calls, although a search reaches 10,000 only."""
    with Sandbox(world(tmp_path)) as sandbox:
        home = tmp_path / "home"
        create(home)
        at_once = "  lag_seconds: 0\n  overlap_seconds: 0"
        append(home, f"hubspot:\n  base_url: {sandbox.url}\n  token: env:{TOKEN}\n{at_once}")
        now = datetime.now(UTC)
        first = pull(home, now)
        assert first.calls["hubspot"].made <= 1.05 * (first.calls["hubspot"].floor or 0)
        sandbox.clock.advance(60)
        sandbox.portal.touch("contacts", None, {"city": "New Town"})
        sandbox.clock.advance(60)
        since = sandbox.journal.counts()["last"]
        second = pull(home, now)
        made, floor = second.calls["hubspot"].made, second.calls["hubspot"].floor
        assert (made, second.books["hubspot"].kept) == (sandbox.journal.counts()["last"] - since, CONTACTS)
        assert floor == 125 + 250 + 3  # pages of 200, reads of 100, and a search of each other stream
        assert made <= 1.05 * floor
        with open_home(home) as opened:
            cities = opened.warehouse.current("contact").to_pyarrow()["city"].to_pylist()
        assert cities == ["New Town"] * CONTACTS
