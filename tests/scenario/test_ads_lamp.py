"""The lamp shop at a Google and a Meta: the lamp stops following Dana, on both, and she leaves when she says so."""

from collections.abc import Callable

import pytest
from ad_accounts import Advertising
from lamp_install import Shop

pytestmark = pytest.mark.slow
DANA = "dana@example.com"


def test_the_lamp_stops_following_dana(fresh: Callable[..., Shop], monkeypatch: pytest.MonkeyPatch) -> None:
    """Excluded from the pendant's ads at both; a run without news writes nothing; a withdrawal comes before the CRM."""
    shop = fresh()
    with Advertising(shop, monkeypatch) as ads:
        first = shop.run()
        assert first.status == "done", first.notes
        labels = {name: groups["PEN-01"]["label"] for name, groups in ads.groups().items()}
        held = ads.holders(DANA)
        assert {name: f"Lamplighter: {label}"[:50] in held[name] for name, label in labels.items()} == {
            "google": True,
            "meta": True,
        }
        assert first.ads["google"]["prevented"] > 0
        shop.sandbox.clock.advance(5)
        shop.run()
        before = ads.writes()
        shop.sandbox.clock.advance(5)
        assert shop.run().status == "done"
        assert ads.writes() == before
        patch = {"properties": {"ads_consent": "denied"}}
        shop.api("PATCH", f"contacts/{shop.contact(DANA)}", patch)
        shop.sandbox.clock.advance(5)
        seen: list[int] = []
        for sandbox in (ads.google, ads.meta):
            sandbox.watch(lambda: seen.append(shop.last_request()))
        last = shop.last_request()
        third = shop.run()
        assert third.status == "done", third.notes
        assert ads.holders(DANA) == {"google": set(), "meta": set()}
        assert seen
        writing = [one for one in shop.requests(last) if "memberships" in one["path"] or "batch/update" in one["path"]]
        assert not writing or min(one["number"] for one in writing) > max(seen)
        assert shop.run(days=1.1).full  # a pass over everybody agrees with all that was sent by differences
        assert ads.holders(DANA) == {"google": set(), "meta": set()}
