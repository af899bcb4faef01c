"""What is older than it may be is deleted, and nothing younger."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from small_seen import event, seen

from connector.cli.init import create
from connector.home import Home, open_home
from connector.model import Delivery, Rejection
from connector.pipeline.retention import keep_no_longer
from connector.store import outbox, rejections, runs, told_sales
from connector.store.tables import outbox as outbox_table
from connector.store.tables import rejected, told_sale
from jobs.retention import retention
from jobs.stop import Stop

NOW = datetime.now(UTC)
"""Rows of the store carry the machine's time."""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """Two ads and two page events on each side of their age; a rejected row, two batches and a sale of today."""
    create(tmp_path / "home")
    with open_home(tmp_path / "home") as opened:
        ages = [("impression", 179), ("impression", 181), ("click", 395), ("view", 395), ("cart", 397), ("view", 1)]
        rows = [
            event(f"{kind}-{age}", kind, "user_id:u", "LAMP", "2026-01-01", occurred_at=NOW - timedelta(days=age))
            for kind, age in ages
        ]
        opened.warehouse.append("interaction", seen(interaction=rows).interaction.to_pyarrow(), 1)
        odd = Rejection(stream="s", reference="r", reason="odd")
        rejections.keep(opened.store, "site", 1, [odd])
        batches = [Delivery(id=name, destination="crm", kind="membership", audience="a") for name in ("old", "open")]
        outbox.enqueue(opened.store, 1, batches)
        with opened.store.begin() as connection:
            outbox.move(connection, "old", "deferred")
        told_sales.keep(opened.store, "ads", {"sale": ""}, 1)
        runs.finish(opened.store, runs.start(opened.store, NOW), "done", {"run": {"id": 1}, "books": {"crm": {}}})
        yield opened


def test_what_is_too_old_goes_and_nothing_else(home: Home) -> None:
    """By its kind and age; nothing of the store is old yet, and a batch under way never is."""
    assert keep_no_longer(home, NOW) == {
        "impressions and clicks": 2,
        "site events": 1,
        "rejected rows": 0,
        "finished batches": 0,
        "reports of runs": 0,
        "copies of the store": 0,
        "sales told": 0,
    }
    kept = home.warehouse.versions("interaction").key.to_pyarrow().to_pylist()
    assert sorted(kept) == ["impression-179", "view-1", "view-395"]
    later = keep_no_longer(home, NOW + timedelta(days=400))
    assert (later["rejected rows"], later["finished batches"], later["sales told"]) == (1, 1, 1)
    assert (later["reports of runs"], runs.latest(home.store)[0].report) == (1, {"run": {"id": 1}})
    assert keep_no_longer(home, NOW + timedelta(days=400))["reports of runs"] == 0
    left = [table for table in (rejected, outbox_table, told_sale) if home.store.rows(table.select())]
    assert left == [outbox_table]


def test_copies_of_the_store_go_after_a_month(home: Home) -> None:
    """Also where no daily backup is taken; whoever was erased since is still in them."""
    old, fresh = (home.path / f"state.db.before-000{number}" for number in (1, 2))
    for path, days in ((old, 31), (fresh, 29)):
        path.touch()
        made = (NOW - timedelta(days=days)).timestamp()
        os.utime(path, (made, made))
    assert keep_no_longer(home, NOW)["copies of the store"] == 1
    assert not old.exists() and fresh.exists()


def test_the_job_does_it_by_the_clock(home: Home) -> None:
    """Without anything to say but what the settings say."""
    retention(home.path, Stop())
    assert home.warehouse.versions("interaction").count().to_pyarrow().as_py() == 3
