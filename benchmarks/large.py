"""What merge and decide cost in a large shop, in full and for a little news, against a plain scan of its columns."""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks import large_shop
from connector.cli.demo import peak_memory_mb
from connector.cli.init import create
from connector.home import Home, open_home
from connector.pipeline.decisions import PERSON_TABLES, decide_stage
from connector.schema import SEEN
from connector.store import runs

NOW = datetime(2026, 11, 1, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
NEWS = 1_000
"""One of so many rows is new in the second pass."""


def scan(home: Home) -> None:
    """Read what a pass reads, and nothing else: the columns of the seen tables that are not all empty."""
    for table in SEEN:
        rows = home.warehouse.versions(table)
        used = [name for name in rows.columns if name in large_shop.SHOP[table][1]] + ["run"]
        home.warehouse.engine.execute(rows.aggregate([rows[name].max().name(name) for name in used]))


def decide(home: Home, as_of: datetime) -> int:
    """A pass without pull and push; returns how many persons were decided."""
    number = runs.start(home.store, as_of)
    outcome = decide_stage(home, number, as_of, with_facts=False)
    runs.finish(home.store, number, "done", {}, "")
    home.warehouse.release()
    return outcome.decided


def news(home: Home) -> None:
    """One row of a thousand more: orders with their lines, and interactions."""
    last = runs.latest(home.store)[0].number
    for table in ("order_header", "order_line", "interaction"):
        count = large_shop.SHOP[table][0]
        large_shop.fill(home.warehouse, table, count, count + count // NEWS, last + 1)


def held(home: Home) -> dict[str, str]:
    """A digest of each derived table as it holds now."""
    found = {}
    for table in PERSON_TABLES:
        rows = home.warehouse.derived(table).drop("run")
        named = ", ".join(f'"{name}"' for name in rows.columns)
        view = home.warehouse.keep(rows).get_name()
        answer = home.warehouse.engine.con.sql(f"SELECT count(*), bit_xor(hash({named})) FROM {view}").fetchone()  # noqa: S608
        found[table] = str(answer)
    home.warehouse.release()
    return found


def timed(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def one(step: str, folder: Path) -> dict[str, Any]:
    """One step in this process; its seconds and peak memory in MB."""
    with open_home(folder) as home:
        if step == "furnish":
            number = runs.start(home.store, NOW)
            large_shop.furnish(home.warehouse)
            runs.finish(home.store, number, "done", {}, "")
            return {}
        if step == "news":
            news(home)
            return {}
        if step == "held":
            return held(home)
        plain = timed(lambda: scan(home))
        as_of = NOW if step == "full" else LATER
        found = 0

        def work() -> None:
            nonlocal found
            found = decide(home, as_of)

        seconds = timed(work)
    peak = peak_memory_mb()
    return {"scan": plain, "pass": seconds, "decided": found, "peak_mb": peak}


def step(name: str, folder: Path) -> dict[str, Any]:
    """One step in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.large", name, str(folder)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Print the rows of the table in benchmarks/README.md, and whether the partial pass ended like a full one."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "home"
        create(folder)
        step("furnish", folder)
        shown("everything", step("full", folder))
        step("news", folder)
        again = Path(place) / "again"
        shutil.copytree(folder, again)
        shown("one row of a thousand is new", step("news_pass", folder))
        policy = again / "mappings" / "audiences.yaml"
        policy.write_text(policy.read_text() + "\n# another digest\n")
        same = step("held", folder) == (step("whole", again), step("held", again))[1]
        sys.stdout.write(f"equal to a full pass: {same}\n")


def shown(what: str, found: dict[str, Any]) -> None:
    ratio = found["pass"] / found["scan"]
    cells = [what, f"{found['decided']:,}", f"{found['scan']:.2f}", f"{found['pass']:.2f}", f"{ratio:.1f}"]
    sys.stdout.write("| " + " | ".join([*cells, f"{found['peak_mb']:,}"]) + " |\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(one(sys.argv[1], Path(sys.argv[2]))) + "\n")
