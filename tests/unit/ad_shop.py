"""A home without any CRM whose warehouse is filled by hand, and ad platforms that write down what they are told."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from recording_ads import Recorder
from small_seen import contact, line, on, order, product

from connector.cli.init import create
from connector.home import open_home
from connector.pipeline import Options, Report, run
from connector.schema import SEEN
from connector.store import runs

NOW = on("2026-09-30")
AUDIENCES = """\
policy:
  suppression: {window: %s}
  ads: {smallest: 1%s}
audiences:
  - {name: buyers, label: Buyers, purpose: exclude, rule: {suppressed: true}, reason: "{title}"}
"""
LAMP, RUG = "Bought: Lamp", "Bought: Rug"
LATELY = "Bought anything in 14 days"


class AdShop:
    """One shop with a lamp and a rug. `google` and `meta` are what it advertises on."""

    def __init__(self, home: Path, policy: str = "", **terms: Any) -> None:
        self.home = home
        create(home)
        self.policy(policy)
        self.google, self.meta = Recorder(), Recorder(name="meta")
        for platform in (self.google, self.meta):
            platform.terms = replace(platform.terms, **terms)
        self.add("product", [product("lamp", title="Lamp"), product("rug", title="Rug")])

    def policy(self, more: str, window: str = "365d") -> None:
        """Write audiences.yaml, with more of `policy.ads` and the window of each purchase."""
        (self.home / "mappings").mkdir(exist_ok=True)
        (self.home / "mappings" / "audiences.yaml").write_text(AUDIENCES % (window, more))

    def add(self, table: str, rows: Sequence[dict[str, Any]], version: datetime = NOW) -> None:
        """Keep rows as the next run would have pulled them."""
        full = [{"version": version, **row} for row in rows]
        with open_home(self.home) as opened:
            last = runs.latest(opened.store)
            number = last[0].number + 1 if last else 1
            opened.warehouse.append(table, pa.Table.from_pylist(full, SEEN[table]), number)

    def buyer(self, number: int, email: str, item: str = "lamp", day: str = "2026-09-10", **columns: Any) -> None:
        """A contact who granted ads, and one order."""
        who = {"email": email, "ads_consent": True, "country": "FR", **columns}
        self.add("contact", [contact(f"hubspot:{number}", **who)])
        self.add("order_header", [order(f"o{number}", f"hubspot:{number}", day)])
        self.add("order_line", [line(f"o{number}", item)])

    def says(self, email: str, *, granted: bool, signal: str = "gpc", **columns: Any) -> None:
        """Somebody says yes or no to ads on the site."""
        row = {"source": "site", "identifier_type": "email", "identifier": email, "purpose": "ads", "said_at": NOW}
        key = f"{email} {signal} {granted} {sorted(columns.items())}"
        self.add("consent", [{**row, "key": key, "granted": granted, "signal": signal, **columns}])

    def run(self, *, hours: float = 0, **options: Any) -> Report:
        """One pass, so many hours after NOW."""
        with open_home(self.home) as opened:
            home = replace(opened, ads=(self.google, self.meta))
            return run(home, Options(as_of=NOW + timedelta(hours=hours), **options))

    def told(self) -> list[tuple[str, str]]:
        """(verb, label) of what Google was told since the last time it was asked."""
        found = [(verb, self.google.labels[name]) for verb, name, _ in self.google.log]
        self.google.log.clear()
        return found
