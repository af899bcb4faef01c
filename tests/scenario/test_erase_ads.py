"""Erasure reaches both ad accounts over HTTP, and waits for the one that is down."""

from collections.abc import Callable

import pytest
from ad_accounts import Advertising
from lamp_install import Shop

from connector.erase import erase, hold_to
from connector.home import open_home
from connector.sandbox.faults import Fault

pytestmark = pytest.mark.slow
DANA = "dana@example.com"


def test_a_person_leaves_every_audience(fresh: Callable[..., Shop], monkeypatch: pytest.MonkeyPatch) -> None:
    """Meta is down at first: she waits there and nowhere else; then she is out of both, and no run brings her back."""
    shop = fresh()
    with Advertising(shop, monkeypatch) as ads:
        assert shop.run().status == "done"
        assert all(ads.holders(DANA).values())
        down = Fault(status=500, times=10_000)
        ads.meta.faults.add(down)
        with open_home(shop.home) as opened:
            first = erase(opened, [DANA])
        states = {name: each.state for name, each in first.requests[0].recipients.items()}
        assert states == {"google": "done", "meta": "deferred", "hubspot": "done"}
        assert ads.holders(DANA)["google"] == set()
        ads.meta.faults.clear()
        with open_home(shop.home) as opened:
            waiting = hold_to(opened)
            assert waiting is not None and waiting.finished
        assert ads.holders(DANA) == {"google": set(), "meta": set()}
        shop.sandbox.clock.advance(5)
        again = shop.run(days=1.1)
        assert (again.status, again.full) == ("done", True), again.notes
        assert ads.holders(DANA) == {"google": set(), "meta": set()}
