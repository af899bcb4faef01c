"""The push to Meta itself: a refresh that broke off is finished before Meta would take the half of it for the whole."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from ad_shop import LAMP, NOW, AdShop
from meta_rig import Rig, rigged

from connector.ads._meta import refresh
from connector.ads.meta import Meta, MetaSettings
from connector.home import open_home
from connector.limits import Retry
from connector.pipeline import Options, Report, run
from connector.store.remotes import Remembered

WEEK = 8 * 24
PEOPLE = {number: f"buyer{number}@x.test" for number in range(1, 5)}


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    """An account; a batch of a refresh takes one."""
    monkeypatch.setattr(refresh, "MOST", 1)
    with rigged() as rig:
        yield rig


def passed(shop: AdShop, rig: Rig, hours: float) -> Report:
    """One pass with Meta as the only platform."""
    told = {"account": "4711", "token": lambda: rig.sandbox.token, "base_url": rig.sandbox.url}
    with open_home(shop.home) as opened:
        settings = MetaSettings(**told, retry=Retry(attempts=1))
        meta = Meta(settings, Remembered(opened.store, "meta"))
        return run(replace(opened, ads=(meta,)), Options(as_of=NOW + timedelta(hours=hours)))


def inside(rig: Rig, label: str) -> int:
    """How many are in an audience."""
    found = [one for one in rig.sandbox.meta.account.audiences() if one["name"].endswith(label)]
    return len(rig.sandbox.meta.members(str(found[0]["id"])))


@pytest.mark.slow
def test_a_broken_refresh_is_finished_before_anything_else(tmp_path: Path, rig: Rig) -> None:
    """Meta takes no change while its session is open; the next run says all again first, then what is new."""
    shop = AdShop(tmp_path / "home")
    for number, email in PEOPLE.items():
        shop.buyer(number, email)
    assert passed(shop, rig, 0).status == "done"
    assert inside(rig, LAMP) == len(PEOPLE)
    rig.fault("/usersreplace", skip=1, drop=True, times=1_000)
    assert passed(shop, rig, WEEK).status == "deferred"
    rig.sandbox.faults.clear()
    shop.buyer(9, "dee@x.test")
    report = passed(shop, rig, WEEK + 1)
    assert (report.status, report.balanced) == ("done", True)
    assert inside(rig, LAMP) == len(PEOPLE) + 1
    assert not rig.sandbox.meta.account.replacing
