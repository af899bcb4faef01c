"""`lamplighter ads`, and an install that advertises by files alone."""

import json
from pathlib import Path

import pytest
from ad_shop import LAMP, AdShop
from cli import Command

from connector import settings
from connector.cli.settings_file import append
from connector.home import ad_platforms

ADS = """
ads:
  meta: {account: act_1, token: env:SECRET_OF_META}
  files:
    - {name: swap, platform: criteo, folder: outgoing}
"""


def test_secrets_are_asked_for_and_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An adapter is told where to ask; folders start at the home."""
    shop = AdShop(tmp_path / "home")
    append(shop.home, ADS)
    found = dict(ad_platforms(shop.home, settings.load(shop.home)))
    monkeypatch.setenv("SECRET_OF_META", "hidden")
    assert found["meta"]["token"]() == "hidden"
    assert "hidden" not in repr(found)
    assert (found["meta"]["name"], found["files"]["name"]) == ("meta", "swap")
    assert found["files"]["folder"] == shop.home / "outgoing"


@pytest.mark.slow
def test_audiences_as_files_are_written_and_told(tmp_path: Path, lamplighter: Command) -> None:
    """One run writes the platform's own form; `ads` says what is in it and whom nobody is told of."""
    shop = AdShop(tmp_path / "home")
    append(shop.home, ADS.replace("  meta: {account: act_1, token: env:SECRET_OF_META}\n", ""))
    (shop.home / "outgoing").mkdir()
    shop.buyer(1, "ann@x.test")
    shop.buyer(2, "bob@x.test", ads_consent=False)
    done = lamplighter("run", "--home", str(shop.home), "--as-of", "2026-09-30T12:00:00+00:00", "--json")
    report = json.loads(done.out)
    assert report["ads"]["swap"]["audiences"] == 2
    assert report["books"]["swap:push"] == {"planned": 1, "acknowledged": 1, "deferred": 0, "rejected": 0}
    written = "".join(path.read_text() for path in (shop.home / "outgoing").rglob("*.csv"))
    assert "@" not in written and len(written.split()) >= 1
    found = json.loads(lamplighter("ads", "--home", str(shop.home), "--json").out)
    groups = {row["label"]: row for row in found["platforms"]["swap"]["groups"]}
    assert (groups[LAMP]["members"], groups[LAMP]["people"]) == (1, 1)
    assert found["kept_out"] == {"ads_opt_out": 1}
    assert found["platforms"]["swap"]["in_effect_by"]
    assert f"At swap: {LAMP}\n" in lamplighter("explain", "ann@x.test", "--home", str(shop.home)).out
    told = lamplighter("explain", "bob@x.test", "--home", str(shop.home)).out
    assert "At swap: in no audience (refused ads, or their browser did (GPC))\n" in told
    text = lamplighter("ads", "--home", str(shop.home)).out
    assert LAMP in text and "refused ads" in text
