"""A home that may only be read: looking at it works, whatever else stands there is said in words."""

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from cli import Command
from read_only import read_only

from connector.cli.init import create
from connector.errors import SetupError
from connector.store import database, open_store, open_to_look, runs


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An install with one run in its store, closed."""
    folder = tmp_path / "home"
    create(folder)
    store = open_store(url_of(folder))
    runs.start(store, datetime.now(UTC))
    store.close()
    return folder


def url_of(home: Path) -> str:
    """Of its store."""
    return f"sqlite:///{home / 'state.db'}"


def started(home: Path) -> int:
    """How many runs one who looks sees."""
    store = open_to_look(url_of(home))
    try:
        return len(runs.latest(store, limit=9))
    finally:
        store.close()


def test_commands_that_look_work_on_a_home_that_may_only_be_read(home: Path, lamplighter: Command) -> None:
    """`status` and `runs` answer; what writes ends with exit code 2, the folder and what to do. Nothing is changed."""
    before = sorted(path.name for path in home.iterdir())
    with read_only(home):
        status = lamplighter("status", "--home", home, "--json")
        assert (status.code, len(status.json["runs"])) == (0, 1)
        assert lamplighter("runs", "--home", home).code == 0
        for words in (("run",), ("retry",), ("erase", "a@example.com")):
            refused = lamplighter(*words, "--home", home)
            assert (refused.code, str(home) in refused.err, "-> give --home" in refused.err) == (2, True, True)
    assert sorted(path.name for path in home.iterdir()) == before


def test_what_another_process_writes_meanwhile_is_seen(home: Path) -> None:
    """Its log is read, too: what it has committed counts."""
    writer = open_store(url_of(home))
    runs.start(writer, datetime.now(UTC))
    with read_only(home):
        assert started(home) == 2
    writer.close()


def test_what_a_killed_process_left_is_not_passed_over(home: Path, tmp_path: Path) -> None:
    """A log without its index cannot be read there: that is said, rather than what stood before it shown."""
    writer = open_store(url_of(home))
    runs.start(writer, datetime.now(UTC))
    there = tmp_path / "there"
    shutil.copytree(home, there, ignore=shutil.ignore_patterns("*-shm"))
    writer.close()
    with read_only(there), pytest.raises(SetupError, match="may only be read") as caught:
        started(there)
    assert "where it may be written" in caught.value.hint
    assert started(there) == 2


def test_an_older_or_damaged_store_is_said(tmp_path: Path) -> None:
    """Nothing can be brought up to date, nor mended, where nobody may write."""
    engine = database.engine_of(url_of(tmp_path))
    with engine.execution_options(**database.WRITES).begin() as connection:
        command.upgrade(database.config_of(connection), "0010")
    engine.dispose()
    with read_only(tmp_path), pytest.raises(SetupError, match="of an older Lamplighter"):
        started(tmp_path)
    (tmp_path / "state.db").write_bytes(os.urandom(9_000))
    with read_only(tmp_path), pytest.raises(SetupError, match="is damaged"):
        started(tmp_path)
