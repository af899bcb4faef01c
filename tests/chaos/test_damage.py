"""Damage: broken warehouse files, a broken store, a full disk, a home that may only be read. Each is said in words, and
what can be had again is had again by itself."""

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from cli import Command
from form import SHORT
from read_only import read_only
from small_shop import END, install

from connector.backup import take
from connector.errors import Failed, SetupError
from connector.home import open_home
from connector.limits import never_wait
from connector.pipeline import Options, Report, run
from connector.sandbox.serve import Sandbox
from connector.settings import load
from connector.store import open_store
from connector.store.damage import BACKUPS
from jobs.compact import compact
from jobs.stop import Stop

HERE = Path(__file__).parent
NOW = datetime.fromisoformat(END)
SIZES = (0, 30, 200, 600) if SHORT else (0, 10, 30, 60, 100, 150, 200, 300, 400, 600, 900, 1_300)
"""Kilobytes that are left on a disk."""


@pytest.fixture(autouse=True)
def environment(clean_environment: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The token stands in the environment; retries do not sleep."""
    monkeypatch.setenv("SHOP_TOKEN", "sandbox-token")
    never_wait()
    yield
    never_wait(False)


@pytest.fixture(scope="module")
def settled(small_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a home and its portal after two quiet passes."""
    folder = tmp_path_factory.mktemp("settled")
    with Sandbox(small_shop, state=folder / "portal.db") as portal, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHOP_TOKEN", portal.token)
        home = install(folder / "home", small_shop, portal)
        for _ in range(2):
            assert passing(home).status == "done"
            portal.clock.advance(10)
    return folder


@pytest.fixture
def portal(settled: Path, tmp_path: Path) -> Iterator[Sandbox]:
    """The portal as it was then."""
    shutil.copy(settled / "portal.db", tmp_path / "portal.db")
    with Sandbox(None, state=tmp_path / "portal.db") as running:
        running.clock.advance(60)
        yield running


@pytest.fixture
def home(settled: Path, portal: Sandbox, tmp_path: Path) -> Path:
    """The home as it was then."""
    return copied(settled, tmp_path / "home", portal)


def copied(settled: Path, home: Path, portal: Sandbox) -> Path:
    """A copy of the home that finds its portal."""
    shutil.copytree(settled / "home", home, dirs_exist_ok=True)
    settings = home / "lamplighter.yaml"
    lines = settings.read_text().splitlines()
    settings.write_text("\n".join(f"  base_url: {portal.url}" if "base_url:" in one else one for one in lines) + "\n")
    return home


def passing(home: Path, **options: Any) -> Report:
    """One pass."""
    with open_home(home) as opened:
        return run(opened, Options(as_of=NOW, **options))


def shown(portal: Sandbox) -> Any:
    """What a marketer sees."""
    state = portal.portal.state()
    return {name: sorted(each["members"]) for name, each in state["lists"].items()}, state["contacts"]


def newest_rows(home: Path) -> dict[str, list[Any]]:
    """What the warehouse holds as true now."""
    with open_home(home) as opened:
        tables = {name: opened.warehouse.current(name) for name in ("contact", "order_line", "interaction")}
        tables["contact"] = tables["contact"].drop("updated_at")  # what we wrote last counts as a change once more
        tables |= {name: opened.warehouse.derived(name).drop("run") for name in ("wanted", "suppression", "holding")}
        return {name: sorted(map(str, rows.to_pyarrow().to_pylist())) for name, rows in tables.items()}


# The warehouse


def truncate(table: Path) -> None:
    """Half of a file is gone."""
    os.truncate(first(table), first(table).stat().st_size // 2)


def flip(table: Path) -> None:
    """One bit in the middle of a file is another."""
    content = bytearray(first(table).read_bytes())
    content[len(content) // 3] ^= 0x04
    first(table).write_bytes(content)


def lose_a_file(table: Path) -> None:
    """A file is gone."""
    first(table).unlink()


def lose_the_last_entry(table: Path) -> None:
    """The newest entry of the log is gone: what is left reads as an older table."""
    sorted((table / "_delta_log").glob("*.json"))[-1].unlink()


def spoil_the_log(table: Path) -> None:
    """An entry of the log is no JSON."""
    sorted((table / "_delta_log").glob("*.json"))[0].write_text("{")


def lose_the_log(table: Path) -> None:
    """The log is gone; only files are left."""
    shutil.rmtree(table / "_delta_log")


def lose_the_table(table: Path) -> None:
    """The whole folder is gone."""
    shutil.rmtree(table)


def first(table: Path) -> Path:
    """A file of a table that is read."""
    from deltalake import DeltaTable

    return table / sorted(DeltaTable(str(table)).file_uris())[0].rpartition("/")[2]


WAYS = (truncate, flip, lose_a_file, lose_the_last_entry, spoil_the_log, lose_the_log, lose_the_table)
TABLES = ("contact", "interaction", "wanted")


@pytest.mark.parametrize("way", WAYS)
def test_a_damaged_table_is_built_again(home: Path, portal: Sandbox, way: Callable[[Path], None]) -> None:
    """Said with the table's name; afterwards rows, decisions and CRM are what they were, and nothing was written."""
    before, there = newest_rows(home), shown(portal)
    tables = (TABLES[WAYS.index(way) % 3],) if SHORT else TABLES
    for table in tables:
        way(home / "warehouse" / table)
        report = passing(home)
        assert report.status == "done"
        assert [table in note for note in report.notes if "is damaged" in note] == [True], report.notes
        assert newest_rows(home) == before
        assert (shown(portal), report.calls["hubspot"].writes) == (there, 0)
        assert not [note for note in passing(home).notes if "damaged" in note]


def test_a_warehouse_that_is_gone_is_read_again(home: Path, portal: Sandbox) -> None:
    """All of it: one pass, one sentence, and nothing is written."""
    before, there = newest_rows(home), shown(portal)
    shutil.rmtree(home / "warehouse")
    report = passing(home)
    assert (report.status, report.calls["hubspot"].writes) == ("done", 0)
    assert any("is older than the store, or gone" in note for note in report.notes)
    assert (newest_rows(home), shown(portal)) == (before, there)


def test_what_no_source_holds_any_more_is_said_and_the_rest_is_saved(
    home: Path, tmp_path: Path, lamplighter: Command
) -> None:
    """Imported once, and its file damaged: how many rows are lost, where the damaged files are, how to import again."""
    told = '{"type":"track","event":"Product Viewed","messageId":"m1","anonymousId":"z","timestamp":'
    told += '"2026-09-29T09:01:00.000Z","properties":{"product_id":"BULB"}}\n'
    (tmp_path / "old.ndjson").write_text(told)
    assert lamplighter("import", tmp_path / "old.ndjson", "--as", "segment", "--home", home).code == 0
    passing(home)
    before = newest_rows(home)["contact"]
    damaged = newest_file(home / "warehouse" / "interaction")
    damaged.write_bytes(damaged.read_bytes()[:100])
    asked = lamplighter("explain", "carl@example.com", "--home", home)
    assert (asked.code, "interaction" in asked.err, "lamplighter run" in asked.err) == (1, True, True), asked.err
    (note,) = [note for note in passing(home).notes if "is damaged" in note]
    assert "1 rows" in note
    assert "lamplighter import" in note
    assert len(list((home / "warehouse" / ".damaged").glob("interaction-*"))) == 1
    rows = newest_rows(home)
    assert len([row for row in rows["interaction"] if "'z'" in row]) == 0
    assert rows["contact"] == before


def newest_file(table: Path) -> Path:
    """The file that was written last."""
    return max(table.glob("*.parquet"), key=lambda path: path.stat().st_mtime_ns)


def test_damage_that_shows_in_mid_pass_ends_it_in_words(home: Path, lamplighter: Command) -> None:
    """A file that breaks after it was looked at: exit 1 and a sentence, and the next run builds the table again."""
    from connector.pipeline import recovery

    seen = recovery.set_right
    table = home / "warehouse" / "contact"

    def then_break(*words: Any, **more: Any) -> list[str]:
        found = seen(*words, **more)
        truncate(table)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recovery, "set_right", then_break)
        broken = lamplighter("run", "--home", home, "--as-of", "2027-01-01")
    assert (broken.code, "contact" in broken.err, "Traceback" in broken.err) == (1, True, False)
    assert "lamplighter run" in broken.err
    assert passing(home).status == "done"


def test_damage_is_not_merged_into_files_that_look_well(home: Path) -> None:
    """Compaction refuses what is damaged; the next pass builds it again, and then it compacts."""
    flip(home / "warehouse" / "contact")
    with pytest.raises(Failed, match="contact"):
        compact(home, Stop())
    assert any("contact is damaged" in note for note in passing(home).notes)
    compact(home, Stop())
    assert not [note for note in passing(home).notes if "damaged" in note]


# The store


@pytest.mark.parametrize("seed", range(2 if SHORT else 12))
def test_a_damaged_store_is_refused_and_left_alone(home: Path, lamplighter: Command, seed: int) -> None:
    """Exit 2, the newest backup in a command that can be typed, and not one byte of the file is changed."""
    store = open_store(load(home).store_url(home))
    path, _ = take(home, load(home), store, home / BACKUPS)
    store.close()
    state, chance = home / "state.db", random.Random(seed)
    content = bytearray(state.read_bytes())
    for page in chance.sample(range(1, len(content) // 4_096), 12):
        content[page * 4_096 : page * 4_096 + 64] = chance.randbytes(64)
    state.write_bytes(content)
    refused = lamplighter("run", "--home", home)
    assert refused.code == 2, refused.err
    assert f"lamplighter restore {path} --store-only --replace --home {home}" in refused.err
    assert state.read_bytes() == bytes(content)


def test_a_store_whose_process_was_killed_always_opens(tmp_path: Path) -> None:
    """Killed in the middle of transactions, again and again: each is there or is not, and it opens every time."""
    kills = 12 if SHORT else 50
    command = [sys.executable, HERE / "store_killer.py", f"sqlite:///{tmp_path / 'state.db'}", str(kills), "7"]
    told = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True).stdout
    assert "torn" not in told
    assert f"opened {kills} times" in told
    assert int(told.rpartition(" ")[2]) >= kills


# The disk


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MB."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", folder], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("this machine lets nobody mount a small disk")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_full_disk_loses_nothing(settled: Path, portal: Sandbox, small_disk: Path, lamplighter: Command) -> None:
    """Wherever in a pass it runs full: exit 1, the folder and what to do in words; with room the next run ends as an
    undisturbed one."""
    there, met = shown(portal), 0
    home = copied(settled, small_disk / "home", portal)
    for kilobytes in SIZES:
        shutil.rmtree(home / "warehouse" / "wanted")  # a whole pass, which writes every table
        fill(small_disk, leaving=kilobytes * 1_024)
        full = lamplighter("run", "--home", home, "--as-of", END)
        assert full.code in (0, 1), full.err
        if full.code:
            met += 1
            assert str(home) in full.err
            assert "make room" in full.err
            assert "Traceback" not in full.err
        (small_disk / "ballast").unlink()
        assert passing(home).status == "done"
        assert shown(portal) == there
    assert met >= 2


def fill(disk: Path, *, leaving: int) -> None:
    """Write a file that leaves so much room."""
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    with (disk / "ballast").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, free - leaving))


def test_a_home_that_may_only_be_read_is_said(home: Path, lamplighter: Command) -> None:
    """Commands that only look do their work; any other ends in a set-up error that names the folder."""
    with read_only(home):
        for words in (("status",), ("runs",), ("explain", "carl@example.com")):
            assert lamplighter(*words, "--home", home).code == 0, words
        for words in (("run",), ("backup", home / "b.zip"), ("erase", "dana@example.com")):
            refused = lamplighter(*words, "--home", home)
            assert (refused.code, str(home) in refused.err) == (2, True), (words, refused.err)


def test_a_damaged_store_is_a_set_up_error_for_programs_too(home: Path) -> None:
    """What a caller of the library gets is one of our errors, whichever page is broken."""
    (home / "state.db").write_bytes(b"no database" * 1_000)
    with pytest.raises(SetupError, match="damaged"):
        open_store(load(home).store_url(home))
