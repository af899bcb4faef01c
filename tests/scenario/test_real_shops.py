"""The real shops: after a first pass each change in the CRM changes what it should, and nothing else is written."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lamp_install import Shop
from test_changes import changed, written

from connector.cli.demo_world import end_of
from connector.sandbox.serve import Sandbox

pytestmark = [pytest.mark.slow, pytest.mark.shared]

LATER = 0.01
"""Days after the shop's end, at which every later pass decides."""


@pytest.fixture(scope="module", params=["taobao", "online-retail"])
def real(request: pytest.FixtureRequest, worlds: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A real shop's CRM and an install on it, both passes done; what ends by itself until LATER has ended."""
    world = worlds / request.param
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setenv("SCENARIO_TOKEN", "sandbox-token")
    sandbox = Sandbox(world).start()
    shop = Shop(world, tmp_path_factory.mktemp("real") / "home", sandbox, end_of(world))
    shop.install()
    assert shop.run().status == "done"
    sandbox.clock.advance(3)
    assert shop.run(days=LATER).status == "done"
    yield shop
    sandbox.stop()
    monkeypatch.undo()


def rows(shop: Shop, question: str) -> list[Any]:
    """What the portal holds, asked in SQL."""
    return list(shop.sandbox.portal.portal.state.rows(question))


def mailable(shop: Shop, without_orders: bool) -> list[str]:
    """Contacts who take mail, by id; those who never ordered, or those in the exclusion list."""
    takers = """SELECT id FROM record WHERE type = '0-1' AND archived IS NULL
        AND json_extract(properties, '$.hs_email_optout') = 'false'"""
    ids = [str(row[0]) for row in rows(shop, takers)]
    recent = set(shop.crm()["lists"]["Lamplighter: Recent buyers"])
    return [one for one in ids if (one not in recent) == without_orders]


def item(shop: Shop) -> str:
    """A product's SKU."""
    return str(
        rows(shop, "SELECT json_extract(properties, '$.hs_sku') FROM record WHERE type = '0-7' ORDER BY id")[7][0]
    )


def pass_over(shop: Shop, who: set[str]) -> dict[str, tuple[set[str], set[str]]]:
    """Run once; only `who` may be written or change lists. Returns what changed."""
    shop.sandbox.clock.advance(3)
    before, since = shop.crm(), shop.last_request()
    report = shop.run(days=LATER)
    assert (report.status, report.full) == ("done", False)
    assert written(shop.requests(since)) <= who
    moved = changed(before, shop.crm())
    assert {one for come, gone in moved.values() for one in come | gone} <= who
    return moved


RECENT = "Lamplighter: Recent buyers"


def test_an_order_and_its_return(real: Shop) -> None:
    """Bought: into the exclusions. Sent back whole: there until it has cooled off."""
    buyer, sku = mailable(real, without_orders=True)[0], item(real)
    real.sandbox.portal.create_order(buyer, [(sku, "1", "5.00")], ordered_at=real.end)
    assert pass_over(real, {buyer})[RECENT] == ({buyer}, set())
    real.sandbox.portal.create_order(buyer, [(sku, "-1", "5.00")], status="returned", ordered_at=real.end)
    assert RECENT not in pass_over(real, {buyer})
    assert "Recent buyers" in real.lists_of(buyer)


def test_an_opt_out(real: Shop) -> None:
    """Out of every mailing list, in no other list changed."""
    mail = ("Champions", "Loyal customers", "Win back", "Next product", "Left in the cart", "Looked, did not buy")
    lists = real.crm()["lists"]
    champion = lists["Lamplighter: Champions"][0]
    real.api("PATCH", f"contacts/{champion}", {"properties": {"hs_email_optout": "true"}})
    moved = pass_over(real, {champion})
    assert moved
    assert all(gone == {champion} and not come for come, gone in moved.values())
    assert not real.lists_of(champion) & set(mail)


def test_a_merge(real: Shop) -> None:
    """Two buyers become one record with a new id, which is in the exclusions; the old ids are in no list."""
    one, other = mailable(real, without_orders=False)[:2]
    merged = real.api("POST", "contacts/merge", {"primaryObjectId": one, "objectIdToMerge": other})
    survivor = str(merged["id"])
    pass_over(real, {one, other, survivor})
    assert "Recent buyers" in real.lists_of(survivor)
    assert not real.lists_of(one) | real.lists_of(other)


def test_nothing_new_writes_nothing(real: Shop) -> None:
    """After all that, passes without news read at most five times."""
    for _ in range(2):
        real.sandbox.clock.advance(3)
        since = real.last_request()
        assert real.run(days=LATER).status == "done"
    assert {each["kind"] for each in real.requests(since)} == {"read"}
    assert len(real.requests(since)) <= 5
