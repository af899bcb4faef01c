"""What the demo works on: a shop's files, sandboxes filled with them, and a home set up as an admin would."""

import csv
import gzip
import io
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO

from connector.cli import connect, connect_salesforce, demo_ads
from connector.cli.demo_ads import AdAccount
from connector.cli.init import create
from connector.cli.settings_file import append
from connector.errors import SetupError
from connector.sandbox.lamp_shop import write_world
from connector.settings import FILE

TOKEN, SECRET = "LAMPLIGHTER_DEMO_TOKEN", "LAMPLIGHTER_DEMO_SECRET"
"""Variables of the environment that hold what the admin would paste."""
CRMS = {"hubspot": ("hubspot",), "salesforce": ("salesforce",), "both": ("hubspot", "salesforce")}
"""What --crm names -> the CRMs."""
AD_PLATFORMS = ("google", "meta")
SOURCES = {
    "catalogue": ("catalogue", "products.csv"),
    "events": ("segment", "events.ndjson"),
    "ads": ("ad_log", "ad_log.csv"),
}
TIMES = {"orders.csv": "ordered_at", "ad_log.csv": "occurred_at"}
_TIMESTAMP = re.compile(r'"timestamp"\s*:\s*"([^"]+)"')


@dataclass(frozen=True, kw_only=True)
class Sandbox:
    """A sandbox that answers, and what lets a client in."""

    crm: str
    url: str
    token: str = field(repr=False)
    client_id: str = ""
    client_secret: str = field(default="", repr=False)


@contextmanager
def folder(given: Path | None) -> Iterator[Path]:
    """The folder that was named, or one that is gone afterwards."""
    if given is not None:
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="lamplighter-") as made:
        yield Path(made) / "home"


def shop(given: Path | None, home: Path) -> Path:
    """The world that was named, or the lamp shop, written beside the home's settings.

    Raises:
        SetupError: there is no such world.
    """
    if given is None:
        write_world(home / "lamp-shop")
        return home / "lamp-shop"
    if not given.is_dir():
        raise SetupError(f"there is no world {given}", hint="name a folder that holds contacts.csv and the rest")
    return given


@contextmanager
def sandboxes(world: Path, crm: str, *, ads: bool) -> Iterator[tuple[Sequence[Sandbox], Sequence[AdAccount]]]:
    """Sandbox CRMs filled with a world, and ad accounts with nobody in them, in a process of their own: its memory is
    not ours, nor is Ctrl-C its."""
    command = [sys.executable, "-P", "-m", "connector.cli", "sandbox", "--world", str(world), "--crm", crm]
    command += ["--ads"] if ads else []
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)  # noqa: S603
    try:
        assert child.stdout is not None  # noqa: S101  (we asked for a pipe)
        lines = [child.stdout.readline() for _ in (*CRMS[crm], *(AD_PLATFORMS if ads else ()))]
        if not all(lines):
            raise SetupError("the sandbox did not start", hint="see its message above")
        told = [json.loads(line) for line in lines]
        crms = [Sandbox(**each) for each in told if "crm" in each]
        yield crms, [AdAccount(**each) for each in told if "platform" in each]
    finally:
        child.terminate()
        child.communicate()


def file_of(world: Path, name: str) -> Path | None:
    """A file of a world, gzip or plain; None where the shop has none."""
    return next((path for path in (world / f"{name}.gz", world / name) if path.is_file()), None)


def refuse_install(home: Path) -> None:
    """Raises SetupError where a home holds an install already: its CRM is another."""
    if (home / FILE).exists():
        raise SetupError(f"{home} holds an install already", hint="give the demo another --home, or remove that folder")


def set_up(home: Path, world: Path, systems: Sequence[Sandbox], accounts: Sequence[AdAccount]) -> None:
    """Do what an admin does: init, name the shop's files, connect with secrets from the environment."""
    create(home)
    append(home, _sources(world))
    append(home, "guard:\n  first_run: go  # a sandbox: nobody is addressed")
    for each in systems:
        CONNECT[each.crm](home, each)
    demo_ads.connect(home, accounts)


def _hubspot(home: Path, system: Sandbox) -> None:
    at_once = "  lag_seconds: 0  # the sandbox's search lags behind nothing\n  overlap_seconds: 0"
    append(home, f"hubspot:\n  base_url: {system.url}\n{at_once}")
    os.environ[TOKEN] = system.token
    connect.connect(home, TOKEN)


def _salesforce(home: Path, system: Sandbox) -> None:
    os.environ[SECRET] = system.client_secret
    app = connect_salesforce.Wish(
        instance_url=system.url, client_id=system.client_id, client_secret_env=SECRET, browser=False
    )
    connect_salesforce.connect(home, app, print)


CONNECT = {"hubspot": _hubspot, "salesforce": _salesforce}


def _sources(world: Path) -> str:
    lines = ["sources:"]
    for name, (kind, file) in SOURCES.items():
        if path := file_of(world, file):
            lines += [f"  - name: {name}", f"    kind: {kind}", f"    path: {json.dumps(str(path.resolve()))}"]
    return "\n".join(lines)


def end_of(world: Path) -> datetime:
    """The last moment at which something happens in a world: in its orders, events and ad log.

    Raises:
        SetupError: nothing happens in it, or a time cannot be read.
    """
    last = max((_last(world, name) for name in (*TIMES, "events.ndjson")), default="")
    try:
        return datetime.fromisoformat(last)
    except ValueError:
        raise SetupError(f"no time of the world {world} can be read", hint="its orders.csv needs ordered_at") from None


def _last(world: Path, name: str) -> str:
    """The greatest time of a file, as text: all times of a world are spelled alike."""
    path = file_of(world, name)
    if path is None:
        return ""
    with _opened(path) as lines:
        if name in TIMES:
            return max((row.get(TIMES[name]) or "" for row in csv.DictReader(lines)), default="")
        return max((found[1] for line in lines if (found := _TIMESTAMP.search(line))), default="")


def _opened(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return io.TextIOWrapper(gzip.open(path, "rb"), encoding="utf-8", newline="")
    return path.open(encoding="utf-8", newline="")
