"""Ad platforms after a restore: nobody can be asked who is in an audience, so each is said again whole."""

from pathlib import Path

import pytest
from ad_shop import LAMP, RUG, AdShop

from connector.backup import restore, take
from connector.settings import load
from connector.store import open_store

ANN, BOB, DEE = "ann@x.test", "bob@x.test", "dee@x.test"


@pytest.mark.slow
def test_audiences_are_said_again_whole_by_the_first_run_after_a_restore(tmp_path: Path) -> None:
    """Who came in after the backup and has withdrawn since is out of the audience, though the books never knew her."""
    shop = AdShop(tmp_path / "home")
    shop.buyer(1, ANN)
    shop.buyer(2, BOB, "rug")
    assert shop.run().status == "done"
    store = open_store(load(shop.home).store_url(shop.home))
    file, _ = take(shop.home, load(shop.home), store, tmp_path / "b.zip")
    store.close()
    shop.buyer(4, DEE)
    assert shop.run(hours=1).status == "done"
    assert shop.google.holds(DEE) == {LAMP}
    restore(file, shop.home, replace=True, store_only=True)
    shop.says(DEE, granted=False)
    shop.told()
    again = shop.run(hours=2)
    assert again.status == "done"
    assert {("refresh", LAMP), ("refresh", RUG)} <= set(shop.told())
    assert (shop.google.holds(ANN), shop.google.holds(BOB), shop.google.holds(DEE)) == ({LAMP}, {RUG}, set())
    assert shop.run(hours=3).status == "done"
    assert shop.told() == []
