"""The first pull, as the command line shows it: every page of every record, and hardly a call more."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from cli import Command
from lamp_install import Shop

from connector.cli.demo_world import end_of
from connector.sandbox.serve import Sandbox

PRINTED = re.compile(r"hubspot: ([\d,]+) made \(([\d,]+) reads, 0 writes, 0 of them repeated\), floor ([\d,]+)")
PAGE = 100
KINDS = {"contacts": "0-1", "products": "0-7", "orders": "0-123", "line_items": "0-8"}


def first_pull(shop: Shop, lamplighter: Command) -> None:
    """What the run prints is what HubSpot counted, and at most five in a hundred more than the pages there are."""
    done = lamplighter("run", "--only", "pull", "--home", shop.home)
    assert done.code == 0, done.err
    found = PRINTED.search(done.out)
    assert found, done.out
    made, reads, floor = (int(number.replace(",", "")) for number in found.groups())
    assert made == reads == shop.sandbox.journal.counts()["last"]
    count = "SELECT count(*) FROM record WHERE type = ? AND archived IS NULL"
    records = [shop.sandbox.portal.portal.state.value(count, kind) for kind in KINDS.values()]
    pages = sum(-(-number // PAGE) for number in records)
    assert pages <= floor <= made <= 1.05 * pages + 8  # of which definitions of properties, one a type, and a forecast


def test_first_pull_of_the_lamp_shop(fresh: Callable[..., Shop], lamplighter: Command) -> None:
    """The built-in shop."""
    first_pull(fresh(), lamplighter)


@pytest.mark.slow
@pytest.mark.shared
def test_first_pull_of_a_real_shop(worlds: Path, tmp_path: Path, lamplighter: Command) -> None:
    """Half a million order lines."""
    world = worlds / "online-retail"
    with Sandbox(world) as sandbox:
        shop = Shop(world, tmp_path / "home", sandbox, end_of(world))
        shop.install()
        first_pull(shop, lamplighter)
