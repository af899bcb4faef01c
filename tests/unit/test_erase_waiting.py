"""Erasures that cannot be finished yet: what a pass does about them, and that it does everything else."""

import gzip
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from ad_recorder import Recorder
from ad_shop import NOW, AdShop

from connector.cli.init import create
from connector.erase import erase, hold_to
from connector.erase.forgetting import PLACES
from connector.erase.restored import mark_applied
from connector.errors import EndPass, SetupError
from connector.home import Home, open_home
from connector.pipeline.breaking import Breakers
from connector.pipeline.report import Report
from connector.store import breakers, erasures, runs
from connector.store.erasures import DEFERRED, Erasure, Recipient

ANN, BOB = "ann@example.com", "bob@example.com"


@pytest.fixture
def ads() -> Recorder:
    """A platform that answers nothing yet."""
    made = Recorder()
    made.down = True
    return made


@pytest.fixture
def home(tmp_path: Path, ads: Recorder) -> Iterator[Home]:
    """A home in which the erasure of Ann waits for the platform alone."""
    create(tmp_path)
    with open_home(tmp_path) as opened:
        made, ann = replace(opened, ads=(ads,)), str(ads.match("email", ANN))
        waits = {ads.name: Recipient(state=DEFERRED, words="it asked for rest", members=[ann])}
        told = Erasure(reference="E1", requested_at=NOW, digest="", places=PLACES, recipients=waits)
        erasures.begin(made.store, told, [])
        mark_applied(made)
        yield made


def passing(home: Home) -> Report:
    """What a pass does about erasures, and its report."""
    report = Report(number=1, as_of=NOW)
    circuits = Breakers(home.store, report)
    hold_to(home, circuits=circuits)
    circuits.close()
    return report


def test_a_recipient_who_does_not_answer_is_left_alone_after_some_passes(home: Home, ads: Recorder) -> None:
    """Its failures count as any others do; while it is left alone it is not asked, and the pass says so."""
    hold_to(home)
    assert breakers.standing(home.store) == {}  # whoever asks by hand counts nothing
    for _ in range(breakers.AFTER):
        passing(home)
    ads.down = False
    report = passing(home)
    assert (report.status, ads.erased) == ("deferred", set())
    assert any("ad_platform is left alone until" in note for note in report.notes)
    breakers.close(home.store)
    passing(home)
    assert ads.match("email", ANN) in ads.erased
    assert erasures.all_of(home.store, unfinished=True) == []


def test_the_end_of_a_pass_is_no_answer(home: Home, ads: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends the pass, and is not written down as a recipient's words."""

    def ended(members: object) -> None:
        raise EndPass("another process has taken over")

    monkeypatch.setattr(ads, "erase", ended)
    with pytest.raises(EndPass):
        passing(home)
    (waiting,) = erasures.all_of(home.store, unfinished=True)
    assert waiting.recipients["ad_platform"].words == "it asked for rest"


@pytest.mark.slow
def test_a_file_that_cannot_be_read_stops_no_pass(tmp_path: Path) -> None:
    """An erasure waits for the admin; who withdrew leaves all the same, the pass says why it failed, and the next one
    after the file is gone ends the erasure."""
    shop = AdShop(tmp_path / "home")
    shop.buyer(1, ANN)
    shop.buyer(2, BOB)
    assert shop.run().status == "done"
    assert shop.google.holds(BOB)
    torn = shop.home / "old.ndjson.gz"
    torn.write_bytes(gzip.compress(b"{}\n" * 9)[:-12])
    with open_home(shop.home) as opened, suppress(SetupError):
        erase(replace(opened, ads=(shop.google, shop.meta)), [ANN])
    shop.says(BOB, granted=False)
    with pytest.raises(SetupError, match=torn.name):
        shop.run(hours=1)
    assert not shop.google.holds(BOB) and not shop.google.holds(ANN)
    with open_home(shop.home) as opened:
        (last,) = runs.latest(opened.store)
        assert last.status == "failed" and "old.ndjson.gz" in last.report["notes"][0]
    torn.unlink()
    assert shop.run(hours=2).status == "done"
    with open_home(shop.home) as opened:
        assert erasures.all_of(opened.store, unfinished=True) == []
