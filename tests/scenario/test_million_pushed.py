"""The way from the warehouse to both ad platforms, at a twentieth of the size that `make bench WORLD=million` has."""

from datetime import timedelta
from pathlib import Path

import pytest

from benchmarks import million_shop
from benchmarks.million import Million
from benchmarks.million_shop import BEGIN, FAMILIES

PEOPLE = 50_000


@pytest.mark.slow
def test_many_buyers(tmp_path: Path) -> None:
    """Killed in mid-fill at either platform and run again, both hold exactly who is wanted. Said again whole: a call
    for each audience of up to 10,000; for one of a thousand with news: a call for each audience and direction."""
    later = BEGIN + timedelta(days=8)
    with Million(tmp_path, PEOPLE) as million:
        million.furnish(million_shop.bought(PEOPLE), BEGIN)
        assert million.passed(BEGIN, ("google", FAMILIES + 3)) is None
        assert million.wrong(news=False)
        assert million.passed(BEGIN, ("meta", FAMILIES + 5)) is None
        done = million.passed(BEGIN)
        assert done and done["status"] == "done" and not million.wrong(news=False)
        again = million.passed(later)
        assert again and again["calls"] == {"google": FAMILIES, "meta": FAMILIES} and not million.wrong(news=False)
        million.furnish(million_shop.changed(PEOPLE, later.isoformat()), later)
        changed = million.passed(later + timedelta(hours=1))
        assert changed and max(changed["calls"].values()) <= 2 * FAMILIES and not million.wrong(news=True)
