"""What an install leaves behind after everything was done with it: files of its owner alone, and no exit unwatched."""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import urllib3
from ad_accounts import Advertising
from cli import Command
from lamp_install import Shop
from planted import Planted

from connector.cli import process
from connector.cli.settings_file import append
from connector.collect.serve import Collector
from connector.settings import CollectPart

pytestmark = pytest.mark.slow


@pytest.fixture
def careless_shell() -> Iterator[None]:
    """A umask that lets everybody read; a process of ours begins with its own."""
    before = os.umask(0o022)
    process.private_files()
    yield
    os.umask(before)


def loose(home: Path) -> list[str]:
    """What somebody else may read, write or enter."""
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (home, *home.rglob("*"))}
    return [f"{path.relative_to(home)} {mode:o}" for path, mode in modes.items() if mode & 0o077]


@pytest.mark.usefixtures("careless_shell")
def test_everything_in_a_home_is_its_owners_alone(
    fresh: Callable[..., Shop], lamplighter: Command, planted: Planted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files 0600, folders 0700, after passes over a CRM and two ad platforms, an import, an erasure, a backup and
    collected events; and every exit that the watch stands at was used on the way."""
    shop = fresh()
    with Advertising(shop, monkeypatch):
        folder = shop.home / "for-meta"
        folder.mkdir()
        append(shop.home, f"  files: [{{name: by-hand, platform: meta, folder: {folder}}}]")
        shop.run()
        more = shop.world.parent / "more.ndjson"
        more.write_text('{"type":"identify","userId":"u","anonymousId":"a","timestamp":"2026-09-01T00:00:00Z"}\n')
        commands = [
            ("import", more, "--as", "segment"),
            ("erase", "dana@example.com"),
            ("status", "--metrics"),
            ("backup", shop.home / "backups"),
        ]
        ended = [lamplighter(*words, "--home", shop.home) for words in commands]
        assert [done.code for done in ended] == [0, 0, 0, 0], [done.err for done in ended]
        shop.run(days=1)
        with Collector(
            shop.home, CollectPart(port=0, pixel=True, origins=("https://shop.example",)), lambda: None
        ) as it:
            body = {"kind": "view", "id": "a", "product": "P", "consent": {"granted": True}}
            assert urllib3.request("POST", f"{it.url}/pixel", json=body).status == 204
    assert loose(shop.home) == []
    assert len(list(shop.home.rglob("*"))) > 50
    assert {"log", "error", "URL", "metrics"} <= planted.looked.keys()
