"""Purchase repair over HTTP: what the CRM sells and takes back is at the ad accounts after the next pass, once."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from ad_accounts import Advertising
from lamp_install import Shop

from connector.pipeline import Report

pytestmark = pytest.mark.slow
DANA, LAMP = "dana@example.com", "PEN-02-BRASS"


def counted(report: Report) -> dict[str, tuple[int, int, int]]:
    """Platform -> sales planned, acknowledged, rejected."""
    told: dict[str, dict[str, Any]] = {name: book.as_json() for name, book in report.books.items()}
    return {
        name.removesuffix(":sales"): (one["planned"], one["acknowledged"], one["rejected"])
        for name, one in told.items()
        if name.endswith(":sales")
    }


def test_a_sale_and_its_return_are_told_once(fresh: Callable[..., Shop], monkeypatch: pytest.MonkeyPatch) -> None:
    """By the order's number and what it is worth; what Meta finds too old is in the books, and stops nobody."""
    shop = fresh()
    with Advertising(shop, monkeypatch) as ads:
        settings = shop.home / "lamplighter.yaml"
        text = settings.read_text("utf-8").replace(
            "terms_accepted: true", 'terms_accepted: true\n    conversion_action: "700001"'
        )
        settings.write_text(text.replace('account: "4711",', 'account: "4711", dataset: "880055",'), "utf-8")
        assert shop.run().status == "done"
        before = dict(ads.google.google.account.events)
        moment = shop.end + timedelta(hours=1)
        order = shop.sandbox.portal.create_order(shop.contact(DANA), [(LAMP, "2", "64.50")], ordered_at=moment)
        shop.sandbox.clock.advance(5)
        done = shop.run(days=0.1)
        assert done.status == "done", done.notes
        assert counted(done) == {"google": (1, 1, 0), "meta": (1, 0, 1)}
        (number,) = ads.google.google.account.events.keys() - before.keys()
        shop.api("PATCH", f"orders/{order}", {"properties": {"hs_external_order_status": "returned"}})
        shop.sandbox.clock.advance(5)
        assert counted(shop.run(days=0.2))["google"] == (1, 1, 0)
        assert [one["conversionValue"] for one in ads.google.google.account.events[number]] == [129, 0]
        shop.sandbox.clock.advance(5)
        assert counted(shop.run(days=0.3)) == {}
