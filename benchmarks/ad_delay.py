"""From an order's arrival to the acknowledged exclusion at Google and Meta: our own time, beside three sandboxes."""

import logging
import os
import statistics
import sys
import tempfile
import time
from datetime import timedelta
from importlib.resources import files
from pathlib import Path

import structlog

from connector.cli.demo_world import end_of
from connector.cli.init import create
from connector.cli.settings_file import append
from connector.home import open_home
from connector.pipeline import Options, run
from connector.sandbox.google_serve import SandboxGoogle
from connector.sandbox.lamp_shop import write_world
from connector.sandbox.meta_serve import SandboxMeta
from connector.sandbox.serve import Sandbox

ROUNDS = 3
SETTINGS = """
guard: {{first_run: go}}
hubspot: {{base_url: {hubspot}, token: env:BENCH_TOKEN, lag_seconds: 0, overlap_seconds: 0}}
ads:
  google:
    account: "{account}"
    oauth: {{client_id: {client}, client_secret: env:BENCH_SECRET, refresh_token: env:BENCH_REFRESH}}
    terms_accepted: true
    base_url: {google}
    token_url: {tokens}
  meta: {{account: "4711", token: env:BENCH_META, base_url: {meta}}}
"""


def install(home: Path, portal: Sandbox, google: SandboxGoogle, meta: SandboxMeta) -> None:
    """A home on all three, with audiences that a shop of this size can have."""
    create(home)
    known = google.google.settings
    names = ("BENCH_TOKEN", "BENCH_SECRET", "BENCH_REFRESH", "BENCH_META")
    os.environ.update(zip(names, (portal.token, known.client_secret, known.refresh_token, meta.token), strict=True))
    addresses = {"hubspot": portal.url, "google": google.url, "tokens": google.token_url, "meta": meta.url}
    append(home, SETTINGS.format(account=known.account, client=known.client_id, **addresses))
    few = (files("mappings") / "audiences.yaml").read_text("utf-8").replace("# smallest: 100", "smallest: 1")
    (home / "mappings").mkdir(exist_ok=True)
    (home / "mappings" / "audiences.yaml").write_text(few)


def watch(name: str, sandbox: SandboxGoogle | SandboxMeta, times: dict[str, float]) -> None:
    """Note when something of a platform's audiences changes, the first time after `times` was cleared."""
    sandbox.watch(lambda: times.setdefault(name, time.monotonic()))


def main() -> None:
    """Print the row of benchmarks/README.md."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with tempfile.TemporaryDirectory() as folder:
        world, home = Path(folder) / "world", Path(folder) / "home"
        write_world(world)
        with Sandbox(world) as portal, SandboxGoogle() as google, SandboxMeta() as meta:
            install(home, portal, google, meta)
            seconds = measured(home, world, portal, {"google": google, "meta": meta})
    cells = [f"{statistics.median(of):.1f} ({min(of):.1f} to {max(of):.1f})" for of in seconds.values()]
    sys.stdout.write("| lamp shop | " + " | ".join(cells) + " |\n")


def measured(
    home: Path, world: Path, portal: Sandbox, platforms: dict[str, SandboxGoogle | SandboxMeta]
) -> dict[str, list[float]]:
    """Platform -> seconds, of some orders one after the other."""
    end, times = end_of(world), dict[str, float]()
    for name, sandbox in platforms.items():
        watch(name, sandbox, times)
    with open_home(home) as opened:
        for hours in (0, 0.1):
            run(opened, Options(as_of=end + timedelta(hours=hours)))
    seconds: dict[str, list[float]] = {name: [] for name in platforms}
    for number in range(ROUNDS):
        moment = end + timedelta(hours=1 + number)
        portal.clock.advance(5)
        times.clear()
        began = time.monotonic()
        granted = {"email": f"new{number}@example.com", "ads_consent": "granted", "country": "GB"}
        made = portal.portal.act("POST", "/crm/objects/2026-09/contacts", {"properties": granted})
        portal.portal.create_order(str(made.content["id"]), [("PEN-01-BRASS", "1", "179.90")], ordered_at=moment)
        with open_home(home) as opened:
            report = run(opened, Options(as_of=moment))
        for name in platforms:
            seconds[name].append(times[name] - began)
        sys.stderr.write(f"{report.status}: {report.seconds}\n")
    return seconds
