"""Files in the home that name a person: what is left of them."""

import gzip
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cli import Command

from connector.cli.init import create
from connector.erase.files import Unreached, blank
from connector.erase.untouched import untouched
from connector.errors import SetupError
from connector.home import open_home

DANA = [("email", "dana@example.com"), ("user_id", "77"), ("anonymous_id", "cookie-7f3a")]
ROWS = [
    {"user": {"em": "Dana@Example.com"}, "items": [], "user_id": 5},
    {"user": {"em": "ann@example.com"}, "items": [{"note": "for cookie-7f3a"}], "user_id": 5},
    {"user": {"em": None}, "items": [], "user_id": 77},
    {"user": {"em": "bob@example.com"}, "items": [{"note": "77 lamps"}], "user_id": 6},
]


def test_parquet_rows_are_left_out(tmp_path: Path) -> None:
    """Whatever column names the person, nested ones too; other rows, types (also those that Arrow cannot filter) and
    files stay as they are."""
    create(tmp_path)
    (tmp_path / "inbox").mkdir()
    path, other = tmp_path / "inbox" / "day.parquet", tmp_path / "inbox" / "other.parquet"
    table = pa.Table.from_pylist(ROWS).append_column("page", pa.array(["a", "b", None, "d"], pa.string_view()))
    pq.write_table(table, path)
    pq.write_table(table.slice(3), other)
    before = other.read_bytes()
    with open_home(tmp_path) as home:
        assert blank(home, DANA) == ["inbox/day.parquet"]
        assert blank(home, DANA) == []
    assert pq.read_table(path).equals(table.slice(3))
    assert other.read_bytes() == before and len(list((tmp_path / "inbox").iterdir())) == 2


def test_a_home_may_be_named_from_where_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `--home lamplighter`, which is what is taken where nobody says otherwise, and by a link."""
    create(tmp_path / "lamplighter")
    (tmp_path / "linked").symlink_to("lamplighter")
    monkeypatch.chdir(tmp_path)
    for name in ("lamplighter", "linked"):
        (tmp_path / "lamplighter" / "notes.txt").write_text("dana@example.com\nothers\n")
        with open_home(Path(name)) as home:
            assert blank(home, DANA) == ["notes.txt"]
        assert (tmp_path / "lamplighter" / "notes.txt").read_text().split() == ["others"]


def test_what_no_erasure_reaches_is_named(tmp_path: Path) -> None:
    """Backups, copies of before an upgrade, and what restores set aside; by name, from the home."""
    create(tmp_path)
    names = ["backups/lamplighter-20260101T000000Z.zip", "replaced-20260101T000000Z", "state.db.before-0009"]
    (tmp_path / "backups").mkdir()
    for name in (*names, "backups/mine.txt", "state.db.before-0009.part"):
        (tmp_path / name).touch()
    with open_home(tmp_path) as home:
        assert sorted(untouched(home)) == names


def test_a_home_that_was_set_aside_stays_as_it_was(tmp_path: Path) -> None:
    """It is a whole of its own, and somebody may want it back; the receipt names it."""
    create(tmp_path)
    (tmp_path / "replaced-20260101T000000Z").mkdir()
    (tmp_path / "replaced-20260101T000000Z" / "notes.txt").write_text("dana@example.com")
    with open_home(tmp_path) as home:
        assert blank(home, DANA) == []
    assert (tmp_path / "replaced-20260101T000000Z" / "notes.txt").read_text() == "dana@example.com"


def test_a_damaged_parquet_file_is_told(tmp_path: Path) -> None:
    """Nobody can tell whom it names, so the erasure waits for the admin."""
    create(tmp_path)
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 and no more")
    with open_home(tmp_path) as home, pytest.raises(SetupError, match=r"torn\.parquet"):
        blank(home, DANA)
    assert (tmp_path / "torn.parquet").exists() and not (tmp_path / "torn.parquet.new").exists()


def test_a_file_that_cannot_be_read_holds_up_no_other(tmp_path: Path) -> None:
    """A packed file that ends in the middle is told, left as it is, and nothing is left beside it; others are done."""
    create(tmp_path)
    torn = gzip.compress(b'{"email": "dana@example.com"}\n' * 9)[:-12]
    (tmp_path / "a.ndjson.gz").write_bytes(torn)
    (tmp_path / "b.ndjson").write_text('{"email": "dana@example.com"}\n{"b": 2}\n')
    with open_home(tmp_path) as home, pytest.raises(SetupError, match=r"a\.ndjson\.gz") as caught:
        blank(home, DANA)
    assert "--resume" in caught.value.hint
    assert (tmp_path / "a.ndjson.gz").read_bytes() == torn
    assert (tmp_path / "b.ndjson").read_text().split() == ['{"b":', "2}"]
    assert not [*tmp_path.rglob("*.new")]


@contextmanager
def deep(folder: Path) -> Iterator[None]:
    """A folder with one in it that nobody may look into, not even root: its path is longer than a path may be."""
    folder.mkdir()
    at = os.open(folder, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("d" * 250, dir_fd=at)
        below = os.open("d" * 250, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(at)
    try:
        yield
    finally:
        shutil.rmtree(folder)


def test_a_folder_that_nobody_may_look_into_holds_up_no_file(tmp_path: Path) -> None:
    """It is named by its path from the home; what can be reached is done."""
    create(tmp_path)
    (tmp_path / "z.ndjson").write_text('{"email": "dana@example.com"}\n{"b": 2}\n')
    unreached = pytest.raises(Unreached, match="exports/ddd")
    with deep(tmp_path / "exports"), open_home(tmp_path) as home, unreached as caught:
        blank(home, DANA)
    assert len(caught.value.paths) == 1
    assert (tmp_path / "z.ndjson").read_text().split() == ['{"b":', "2}"]


@pytest.mark.slow
def test_a_receipt_tells_what_was_not_reached(tmp_path: Path, lamplighter: Command) -> None:
    """Exit 2 and a receipt that names the folder; the erasure ends once that is mended."""
    create(tmp_path)
    with deep(tmp_path / "exports"):
        first = lamplighter("erase", "dana@example.com", "--home", tmp_path, "--json")
        assert (first.code, "exports" in first.err, "--resume" in first.err) == (2, True, True)
        (named,) = first.json["not_reached"]
        assert named.startswith("exports/ddd")
        (receipt,) = first.json["erasures"]
        assert (receipt["places"]["store"], receipt["places"]["files"]) == ("done", "open")
        again = lamplighter("erase", "--resume", "--home", tmp_path)
        assert (again.code, "exports/ddd" in again.out) == (2, True)
    assert lamplighter("erase", "--resume", "--home", tmp_path).code == 0
    assert lamplighter("erase", "--resume", "--home", tmp_path, "--json").json["not_reached"] == []
