"""A million buyers told to Google and Meta: calls, seconds and memory of the first fill, of a full refresh and of a
small change; killed in mid-push, and whether both platforms hold exactly who is wanted."""

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks import million_shop
from benchmarks.million_shop import BEGIN
from connector.cli.demo import peak_memory_mb
from connector.cli.init import create
from connector.cli.settings_file import append
from connector.home import open_home
from connector.pipeline import Options, run
from connector.sandbox.google_serve import SandboxGoogle
from connector.sandbox.meta_serve import SandboxMeta

MILLION = 1_000_000
SECRETS = {"MILLION_SECRET": "client_secret", "MILLION_REFRESH": "refresh_token"}
SETTINGS = """
guard: {{first_run: go}}
ads:
  google:
    account: "{account}"
    oauth: {{client_id: {client}, client_secret: env:MILLION_SECRET, refresh_token: env:MILLION_REFRESH}}
    terms_accepted: true
    base_url: {google}
    token_url: {tokens}
  meta: {{account: "4711", token: env:MILLION_META, base_url: {meta}}}
"""
Row = dict[str, Any]


class Million:
    """Both platforms and a home on them; a context manager.

    Attributes:
        writes: platform -> writes since the last pass began.
    """

    def __init__(self, folder: Path, people: int = MILLION) -> None:
        self.home, self.people = folder / "home", people
        self.google, self.meta = SandboxGoogle(), SandboxMeta()
        self.writes: Counter[str] = Counter()
        self._secrets: dict[str, str] = {}
        self._doomed: tuple[str, int] | None = None
        self._child: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        for name, sandbox in (("google", self.google), ("meta", self.meta)):
            sandbox.start()
            sandbox.journal.record_bodies = False
            sandbox.watch(lambda name=name: self._written(name))  # type: ignore[misc]
        known = self.google.google.settings
        self._secrets = {name: str(getattr(known, field)) for name, field in SECRETS.items()}
        self._secrets["MILLION_META"] = self.meta.token
        create(self.home)
        addresses = {"google": self.google.url, "tokens": self.google.token_url, "meta": self.meta.url}
        append(self.home, SETTINGS.format(account=known.account, client=known.client_id, **addresses))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, wrong: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.google.stop()
        self.meta.stop()

    def _written(self, platform: str) -> None:
        """A write was carried out, and its answer has not left yet."""
        self.writes[platform] += 1
        if self._doomed == (platform, self.writes[platform]) and self._child is not None:
            self._child.kill()

    def furnish(self, shop: million_shop.Shop, at: datetime) -> None:
        """Rows for the next pass."""
        with open_home(self.home) as opened:
            million_shop.furnish(opened, shop, at)

    def passed(self, as_of: datetime, killed_at: tuple[str, int] | None = None) -> Row | None:
        """One pass in a process of its own; what it took, or None where it was killed.

        Args:
            killed_at: platform, and in which of its writes the process is killed.
        """
        self.writes.clear()
        self._doomed = killed_at
        command = [sys.executable, "-m", "benchmarks.million", str(self.home), as_of.isoformat()]
        env, root = {**os.environ, **self._secrets}, Path(__file__).parents[1]
        self._child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env, cwd=root)
        told, _ = self._child.communicate()
        return json.loads(told.splitlines()[-1]) if self._child.returncode == 0 else None

    def wrong(self, *, news: bool) -> list[str]:
        """What of the audiences is not as wanted: platform and label."""
        due = million_shop.wanted(self.people, news=news)
        found = {"google": self._at_google(), "meta": self._at_meta()}
        return [
            f"{name}: {label}"
            for name, held in found.items()
            for label in held.keys() | due.keys()
            if held.get(label, set()) != due.get(label, set())
        ]

    def _at_google(self) -> dict[str, set[str]]:
        google = self.google.google
        lists = google.state()["lists"].items()
        return {_label(one["name"]): {each[1:].hex() for each in google.members(id)} for id, one in lists}

    def _at_meta(self) -> dict[str, set[str]]:
        meta = self.meta.meta
        found = {str(one["id"]): _label(one["name"]) for one in meta.account.audiences()}
        return {label: {each.partition(":")[2] for each in meta.members(id)} for id, label in found.items()}


def _label(name: str) -> str:
    return name.removeprefix("Lamplighter: ")


def one_pass(home: Path, as_of: datetime) -> Row:
    """What one pass took, in this process."""
    with open_home(home) as opened:
        report = run(opened, Options(as_of=as_of))
    told = report.as_json()
    return {
        "status": report.status,
        "seconds": told["run"]["seconds"],
        "calls": {name: one["writes"] for name, one in told["calls"].items()},
        "peak_mb": peak_memory_mb(),
    }


def shown(what: str, row: Row | None, wrong: Sequence[str]) -> None:
    """A line of the table."""
    if row is None:
        raise RuntimeError(f"{what}: the pass ended early; its message is above")
    seconds = ", ".join(f"{stage} {spent:.0f}" for stage, spent in row["seconds"].items() if stage != "pull")
    calls = [str(row["calls"][name]) for name in ("google", "meta")]
    cells = [what, *calls, seconds, f"{row['peak_mb']:,}", "; ".join(wrong) or "as wanted"]
    sys.stdout.write("| " + " | ".join(cells) + " |\n")
    sys.stdout.flush()


def main() -> None:
    """Print the rows of the table in benchmarks/README.md."""
    later = BEGIN + timedelta(days=8)
    with tempfile.TemporaryDirectory() as folder, Million(Path(folder)) as million:
        million.furnish(million_shop.bought(million.people), BEGIN)
        for platform, write in (("google", 40), ("meta", 61)):
            million.passed(BEGIN, (platform, write))
        shown("the rest of the first fill, killed twice before", million.passed(BEGIN), million.wrong(news=False))
        shown("no news", million.passed(BEGIN + timedelta(hours=1)), million.wrong(news=False))
        shown("everybody said again", million.passed(later), million.wrong(news=False))
        million.furnish(million_shop.changed(million.people, later.isoformat()), later)
        shown("one of a thousand has news", million.passed(later + timedelta(hours=1)), million.wrong(news=True))


if __name__ == "__main__":
    sys.stdout.write(json.dumps(one_pass(Path(sys.argv[1]), datetime.fromisoformat(sys.argv[2]))) + "\n")
