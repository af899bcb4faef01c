"""What merge and decide cost in a large shop, in full and for a little news, against a plain scan of its columns."""

import json
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
from connector.pipeline.decisions import PERSON_TABLES, decide_everybody, decide_stage
from connector.store import runs

NOW = datetime(2026, 11, 1, tzinfo=UTC)
NEWS = 1_000
"""One of so many rows is new in the later passes."""
TIMES, PAUSE = 3, timedelta(minutes=15)
LAST = NOW + TIMES * PAUSE
Row = dict[str, Any]


def scan(home: Home) -> None:
    """Read what a pass reads, and nothing else: the columns of the seen tables that are not all empty."""
    for table in large_shop.SHOP:
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


def news(home: Home, number: int) -> None:
    """One row of a thousand more, for the first, second... time: orders with their lines, and interactions."""
    last = runs.latest(home.store)[0].number
    for table in ("order_header", "order_line", "interaction"):
        count = large_shop.SHOP[table][0]
        more = count // NEWS
        large_shop.fill(home.warehouse, table, count + (number - 1) * more, count + number * more, last + 1)


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


def furnish(home: Home) -> list[Row]:
    """The shop, in the warehouse as if pulled."""
    number = runs.start(home.store, NOW)
    large_shop.furnish(home.warehouse)
    runs.finish(home.store, number, "done", {}, "")
    return []


def days(home: Home) -> list[Row]:
    """What a scheduler's process does: a full pass, then passes with a little news."""
    rows = [measured("everything", home, NOW)]
    for number in range(1, TIMES + 1):
        news(home, number)
        rows.append(measured("one row of a thousand is new", home, NOW + number * PAUSE))
    return rows


def again(home: Home) -> list[Row]:
    """Everybody decided at once, over the same rows, figures and moment as the last pass."""
    figures = runs.latest(home.store, decided=True, full=True)[0].number
    number = runs.start(home.store, LAST)
    decide_everybody(home, number, LAST, figures)
    runs.mark_decided(home.store, number, full=False, rules=home.audiences.digest)
    home.warehouse.release()
    return []


def measured(what: str, home: Home, as_of: datetime) -> Row:
    """A pass beside a plain scan in the same process; seconds of wall, and the peak memory of the process so far."""
    plain, found = timed(lambda: scan(home)), 0

    def work() -> None:
        nonlocal found
        found = decide(home, as_of)

    seconds = timed(work)
    return {"what": what, "scan": plain, "pass": seconds, "decided": found, "peak_mb": peak_memory_mb()}


STEPS: dict[str, Callable[[Home], Any]] = {"furnish": furnish, "days": days, "again": again, "held": held}


def step(name: str, folder: Path) -> Any:
    """One step in a process of its own; what it gives."""
    command = [sys.executable, "-m", "benchmarks.large", name, str(folder)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Print the rows of the table in benchmarks/README.md, and whether the partial passes ended as a full one does."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "home"
        create(folder)
        step("furnish", folder)
        for row in step("days", folder):
            shown(row)
        bit_by_bit = step("held", folder)
        step("again", folder)
        at_once = step("held", folder)
        differing = [table for table in at_once if at_once[table] != bit_by_bit[table]]
        sys.stdout.write(f"tables that differ from those of deciding everybody: {', '.join(differing) or 'none'}\n")


def shown(row: Row) -> None:
    """A line of the table."""
    cells = [row["what"], f"{row['decided']:,}", f"{row['scan']:.2f}", f"{row['pass']:.2f}"]
    cells += [f"{row['pass'] / row['scan']:.1f}", f"{row['peak_mb']:,}"]
    sys.stdout.write("| " + " | ".join(cells) + " |\n")
    sys.stdout.flush()


if __name__ == "__main__":
    with open_home(Path(sys.argv[2])) as opened:
        sys.stdout.write(json.dumps(STEPS[sys.argv[1]](opened)) + "\n")
