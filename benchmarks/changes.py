"""What the pulls after the first cost: everybody changed in one moment, and each sweep over a shop at rest."""

import logging
import os
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import structlog

from connector.cli.init import create
from connector.cli.settings_file import append
from connector.home import open_home
from connector.limits import never_wait
from connector.pipeline import Options, run
from connector.sandbox.serve import Sandbox

TOKEN = "BENCH_TOKEN"  # noqa: S105 - the name of a variable
COUNT = 25_000
AT = "2026-09-01T10:00:00.000Z"
FILES = {
    "contacts.csv": (
        "contact_id,email,phone,first_name,last_name,country,created_at,updated_at,email_opt_out,ads_consent",
        "c{n},p{n}@example.com,,P{n},Q,GB,{at},{at},false,granted",
    ),
    "products.csv": ("id,item_group_id,title,product_type,price,availability", "s{n},,Lamp,Lamps,9.50 GBP,in_stock"),
    "orders.csv": ("order_id,contact_id,ordered_at,status,currency", "o{n},c{n},{at},fulfilled,GBP"),
    "order_lines.csv": ("line_id,order_id,product_id,quantity,unit_price", "l{n},o{n},s0,1,9.50"),
}


def world(folder: Path) -> Path:
    """A shop of COUNT contacts with one order of one line each, all of the same moment."""
    for name, (header, row) in FILES.items():
        count = 1 if name == "products.csv" else COUNT
        (folder / name).write_text("\n".join([header, *(row.format(n=n, at=AT) for n in range(count)), ""]))
    return folder


def measured(home: Path, what: str, *sweeps: str) -> None:
    """One pull, and its row of the table in benchmarks/README.md."""
    began = time.monotonic()
    with open_home(home) as opened:
        report = run(opened, Options(as_of=datetime.now(UTC), only="pull", sweeps=sweeps))
    calls = report.calls["hubspot"]
    row = f"| {what} | {time.monotonic() - began:.1f} | {calls.made:,} / {calls.floor or 0:,} |\n"
    sys.stdout.write(row)


def main() -> None:
    """Print the rows. Rate limits do not sleep: the sandbox has them off."""
    os.environ[TOKEN] = "sandbox-token"
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    never_wait()
    with tempfile.TemporaryDirectory() as folder, Sandbox(world(Path(folder))) as sandbox:
        home = Path(folder) / "home"
        create(home)
        at_once = "  lag_seconds: 0\n  overlap_seconds: 0"
        append(home, f"hubspot:\n  base_url: {sandbox.url}\n  token: env:{TOKEN}\n{at_once}")
        measured(home, "first pull")
        sandbox.clock.advance(60)
        measured(home, "nothing changed")
        sandbox.portal.touch("contacts", None, {"city": "New Town"})
        sandbox.clock.advance(60)
        measured(home, f"{COUNT:,} contacts changed in one moment")
        sandbox.clock.advance(60)
        for sweep in ("archived", "gone", "moved"):
            measured(home, f"nothing changed, and the sweep `{sweep}`", sweep)
