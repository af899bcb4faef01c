"""Reading a file where it was left: grown, rewritten, torn, packed, broken, absent."""

import gzip
import os
import zlib
from pathlib import Path

import pytest
from event_files import event, ndjson, pull, write

from connector.errors import SetupError
from connector.events import build, reading
from connector.events.delimited import MOST_COLUMNS
from connector.events.files import LONGEST_LINE
from connector.ports import EventSource

TEN = [event(number) for number in range(10)]
KEYS = [f"m{number}" for number in range(10)]


def source(path: Path) -> EventSource:
    return build("segment", "web", path, "", None)


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three records a batch."""
    monkeypatch.setattr(reading, "ROWS", 3)


@pytest.mark.parametrize("name", ["web.ndjson", "web.ndjson.gz"])
def test_an_unchanged_file_costs_nothing(tmp_path: Path, name: str) -> None:
    """A second pull hands out no batch; size and time tell, nothing is read."""
    path = write(tmp_path / name, ndjson(TEN))
    first, stat = pull(source(path)), path.stat()
    assert first.keys() == KEYS and first.books == (10, 10, 0, 0)
    path.write_bytes(b"?" * stat.st_size)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert pull(source(path), first.cursor).batches == []


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("name", ["web.ndjson", "web.ndjson.gz"])
@pytest.mark.parametrize("batches", [1, 2, 3, 4])
def test_a_killed_import_resumes(tmp_path: Path, name: str, batches: int) -> None:
    """What a killed process had kept is not read again, the rest is, and line numbers go on."""
    path = write(tmp_path / name, ndjson([*TEN, "torn"]))
    killed = pull(source(path), batches=batches)
    resumed = pull(source(path), killed.cursor)
    assert killed.keys() + resumed.keys() == KEYS
    assert (killed.complaints + resumed.complaints)[0][0] == f"{name}:11"


def test_a_plain_file_that_grew_is_read_on(tmp_path: Path) -> None:
    """Only appended lines are handed out, and their numbers count from the top of the file."""
    path = write(tmp_path / "web.ndjson", ndjson(TEN[:4]))
    first = pull(source(path))
    with path.open("ab") as file:
        file.write(ndjson([*TEN[4:6], "{"]))
    second = pull(source(path), first.cursor)
    assert second.keys() == KEYS[4:6]
    assert second.complaints == [
        ("web.ndjson:7", "not JSON: Expecting property name enclosed in double quotes at column 2")
    ]


def test_a_gzip_file_that_grew_is_read_on(tmp_path: Path) -> None:
    """A second gzip member appended to the first is read on, too."""
    path = write(tmp_path / "web.ndjson.gz", ndjson(TEN[:4]))
    first = pull(source(path))
    with path.open("ab") as file:
        file.write(gzip.compress(ndjson(TEN[4:]), mtime=0))
    assert pull(source(path), first.cursor).keys() == KEYS[4:]


@pytest.mark.parametrize("name", ["web.ndjson", "web.ndjson.gz"])
@pytest.mark.parametrize("changed", [0, 9], ids=["first line", "last line"])
def test_a_rewritten_file_is_read_again(tmp_path: Path, name: str, changed: int) -> None:
    """Another beginning, or other bytes where reading stood, make another file."""
    path = write(tmp_path / name, ndjson(TEN))
    first = pull(source(path))
    other = [event(99, anonymousId="somebody-else") if at == changed else each for at, each in enumerate(TEN)]
    write(path, ndjson([*other, event(10)]))
    assert len(pull(source(path), first.cursor).keys()) == 11


def test_a_file_that_shrank_is_read_again(tmp_path: Path) -> None:
    """A rotated log starts anew."""
    path = write(tmp_path / "web.ndjson", ndjson(TEN))
    first = pull(source(path))
    write(path, ndjson([event(77)]))
    assert pull(source(path), first.cursor).keys() == ["m77"]


def test_a_touched_file_yields_no_rows(tmp_path: Path) -> None:
    """A new time without new content moves the cursor and hands out nothing, once."""
    path = write(tmp_path / "web.ndjson", ndjson(TEN))
    first = pull(source(path))
    os.utime(path, (1, 1))
    again = pull(source(path), first.cursor)
    assert again.books == (0, 0, 0, 0) and again.keys() == []
    assert pull(source(path), again.cursor).batches == []


def test_a_torn_last_line_is_rejected_then_read_whole(tmp_path: Path) -> None:
    """A line without its end is reported with its number, and read again when the file has grown."""
    lines = ndjson(TEN[:3])
    path = write(tmp_path / "web.ndjson", lines[:-30])
    torn = pull(source(path))
    assert torn.keys() == KEYS[:2] and torn.books == (3, 2, 0, 1)
    assert torn.complaints[0][0] == "web.ndjson:3" and torn.complaints[0][1].startswith("not JSON: ")
    assert pull(source(path), torn.cursor).batches == []
    write(path, ndjson(TEN[:4]))
    assert pull(source(path), torn.cursor).keys() == KEYS[2:4]


def test_a_last_line_without_line_break_is_used(tmp_path: Path) -> None:
    """Many tools write no line break at the end; such a line counts, and once more when the file grows."""
    path = write(tmp_path / "web.ndjson", ndjson(TEN[:2]).rstrip(b"\n"))
    first = pull(source(path))
    assert first.keys() == KEYS[:2]
    write(path, ndjson(TEN[:3]))
    assert pull(source(path), first.cursor).keys() == KEYS[1:3]


def test_cut_anywhere_nothing_is_lost(tmp_path: Path) -> None:
    """However much of a growing file is there at first, two pulls give every event, and the first one gives every
    whole line of what was there."""
    whole = ndjson(TEN[:5])
    for cut in range(len(whole) + 1):
        path = write(tmp_path / "web.ndjson", whole[:cut])
        first = pull(source(path))
        assert len(set(first.keys())) >= whole[:cut].count(b"\n")
        write(path, whole)
        second = pull(source(path), first.cursor) if cut < len(whole) else first
        assert set(first.keys()) | set(second.keys()) == set(KEYS[:5])


def test_half_a_gzip_keeps_its_whole_rows(tmp_path: Path) -> None:
    """Cut at any byte, a gzip file gives the whole lines before the break and one rejection that names it; copied
    again, it gives the rest."""
    whole = ndjson(event(number, context={"page": {"title": os.urandom(40).hex()}}) for number in range(10))
    packed = gzip.compress(whole, mtime=0)
    for cut in range(20, len(packed) - 1, 7):
        path = write(tmp_path / "web.ndjson", packed[:cut])
        first = pull(source(path))
        lines = zlib.decompressobj(wbits=31).decompress(packed[:cut]).count(b"\n")
        assert first.keys() == KEYS[:lines]
        ((reference, reason),) = first.complaints
        assert reference == f"web.ndjson:{lines + 1}" and reason.startswith("the gzip file breaks off here")
        assert pull(source(path), first.cursor).batches == []
        write(path, packed)
        assert first.keys() + pull(source(path), first.cursor).keys() == KEYS


def test_garbage_behind_a_gzip_is_named(tmp_path: Path) -> None:
    """Bytes that are no gzip behind one that is: all rows kept, the break rejected, nothing raised."""
    path = tmp_path / "web.gz"
    path.write_bytes(gzip.compress(ndjson(TEN), mtime=0) + b"garbage")
    pulled = pull(source(path))
    assert pulled.keys() == KEYS and pulled.books == (11, 10, 0, 1)


def test_gzip_is_told_by_its_bytes(tmp_path: Path) -> None:
    """A packed file without .gz, and a plain one with it, are both read."""
    (tmp_path / "packed.ndjson").write_bytes(gzip.compress(ndjson(TEN)))
    (tmp_path / "plain.gz").write_bytes(ndjson(TEN))
    assert pull(source(tmp_path / "packed.ndjson")).keys() == KEYS
    assert pull(source(tmp_path / "plain.gz")).keys() == KEYS


@pytest.mark.parametrize("name", ["web.ndjson", "web.ndjson.gz"])
def test_bad_lines_cost_only_themselves(tmp_path: Path, name: str) -> None:
    """Too long, NUL bytes, not UTF-8: each is rejected by its number and the lines around it are kept."""
    bad = [b"x" * (3 * LONGEST_LINE), b'{"a":"\0"}', b"\xff\xfe{}", b"x" * (LONGEST_LINE + 1)]
    data = b"".join(ndjson([each]) + line + b"\n" for each, line in zip(TEN, bad, strict=False)) + ndjson([TEN[4]])
    pulled = pull(source(write(tmp_path / name, data)))
    assert pulled.keys() == KEYS[:5] and pulled.books == (9, 5, 0, 4)
    assert pulled.complaints == [
        (f"{name}:2", "longer than 1,000,000 bytes"),
        (f"{name}:4", "holds NUL bytes"),
        (f"{name}:6", "not UTF-8 text (byte 1 of the line)"),
        (f"{name}:8", "longer than 1,000,000 bytes"),
    ]


def test_a_last_line_too_long_is_passed_over_when_the_file_grows(tmp_path: Path) -> None:
    """A huge line without an end is rejected; what is appended behind it is read."""
    path = write(tmp_path / "web.ndjson", ndjson(TEN[:1]) + b"x" * (2 * LONGEST_LINE))
    first = pull(source(path))
    assert first.keys() == KEYS[:1] and first.complaints == [("web.ndjson:2", "longer than 1,000,000 bytes")]
    with path.open("ab") as file:
        file.write(b"\n" + ndjson(TEN[1:3]))
    assert pull(source(path), first.cursor).keys() == KEYS[1:3]


def test_blank_lines_and_windows_line_ends(tmp_path: Path) -> None:
    """Blank lines are no records; CRLF and a byte order mark are no trouble."""
    data = b"\xef\xbb\xbf" + ndjson(TEN[:2]).replace(b"\n", b"\r\n") + b"\r\n\n" + ndjson(TEN[2:3])
    pulled = pull(source(write(tmp_path / "web.ndjson", data)))
    assert pulled.keys() == KEYS[:3] and pulled.books == (3, 3, 0, 0)


def test_an_empty_file_is_no_news(tmp_path: Path) -> None:
    """An empty file gives no rows and no complaint."""
    assert pull(source(write(tmp_path / "web.ndjson", b""))).books == (0, 0, 0, 0)


@pytest.mark.parametrize("kind", ["segment", "ad_log", "catalogue"])
def test_a_missing_file_names_the_path_and_the_setting(tmp_path: Path, kind: str) -> None:
    """The admin reads which source, which path, why, and what to change."""
    path = tmp_path / "absent.ndjson"
    with pytest.raises(SetupError) as caught:
        pull(build(kind, "web", path, "", None))
    assert str(path) in caught.value.message and "'web'" in caught.value.message
    assert "`sources:`" in caught.value.hint and "lamplighter.yaml" in caught.value.hint


@pytest.mark.usefixtures("small_batches")
def test_batches_are_small(tmp_path: Path) -> None:
    """A file of any length is handed out in batches that fit in memory."""
    pulled = pull(source(write(tmp_path / "web.ndjson", ndjson(TEN))))
    assert [each.read for each in pulled.batches] == [3, 3, 3, 1, 0]


def test_a_header_of_far_too_many_columns_is_refused(tmp_path: Path) -> None:
    """Each would cost memory in every row."""
    path = tmp_path / "ads.csv"
    path.write_text(",".join(f"c{number}" for number in range(MOST_COLUMNS + 1)) + "\n")
    with pytest.raises(SetupError, match="columns; more than 2,000 are a mistake"):
        pull(build("ad_log", "ads", path, "", tmp_path))
