"""Killed anywhere, wrong nowhere: after `kill -9` the next run ends where an undisturbed one does."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from lamp_install import Shop

from connector.pipeline import Report

pytestmark = pytest.mark.slow

Settled = tuple[Any, dict[str, Any], Report]


def kill_at(shop: Shop, call: int) -> None:
    """Start a pass as a process of its own and kill it once the CRM has answered so many calls."""
    as_of = shop.end.isoformat()
    command = [sys.executable, "-m", "connector.cli", "run", "--home", str(shop.home), "--as-of", as_of, "--json"]
    goal = shop.last_request() + call
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ.copy())
    until = time.monotonic() + 60
    while shop.last_request() < goal and child.poll() is None and time.monotonic() < until:
        time.sleep(0.001)
    assert child.poll() is None, "the pass ended before it could be killed"
    child.send_signal(signal.SIGKILL)
    child.wait()


def same_end(shop: Shop, undisturbed: dict[str, Any]) -> None:
    """The CRM shows what it shows after an undisturbed pass: every list with its members, every property."""
    assert shop.crm() == undisturbed


@pytest.mark.parametrize("call", [3, 20, 75])
def test_killed_in_the_middle_of_a_first_pull(fresh: Callable[..., Shop], settled: Settled, call: int) -> None:
    """The next run goes on from the last cursor, reads no page twice that was kept, and ends in the same state."""
    shop = fresh(batch_records=500)
    kill_at(shop, call)
    report = shop.run()
    assert report.status == "done"
    same_end(shop, settled[1])


@pytest.mark.parametrize("call", [6, 14, 30, 52])
def test_killed_in_the_middle_of_a_push(fresh: Callable[..., Shop], settled: Settled, call: int) -> None:
    """What was sent is read back, what was not is planned again; nothing is lost, nothing is doubled."""
    shop = fresh()
    assert shop.run(only="pull").status == "planned"
    kill_at(shop, 4 + call)
    report = shop.run()
    assert report.status == "done"
    same_end(shop, settled[1])
    shop.sandbox.clock.advance(10)
    since = shop.last_request()
    assert shop.run().status == "done"
    assert {each["kind"] for each in shop.requests(since)} == {"read"}
