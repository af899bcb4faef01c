"""Malformed input in every source: no exception but the named ones, books that balance, no good row lost."""

import gzip
import json
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date, time, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from event_files import Pulled, event, pull
from hypothesis import given, settings
from hypothesis import strategies as st
from test_events_cm360 import COLUMNS as CM360_COLUMNS
from test_events_cm360 import cm360
from test_events_events import seen
from test_events_ga4 import ga4, typed
from test_events_mapped import AD_COLUMNS, ad
from test_events_meta import meta
from test_events_snowplow import snowplow
from test_events_sql import COLUMNS as SQL_COLUMNS
from test_events_sql import insert, row

from connector.errors import SetupError
from connector.events import build, build_sql
from connector.model import Cursor
from connector.ports import EventSource

FAST, SLOW = 12, 1_000


def as_json(record: dict[str, Any]) -> bytes:
    return json.dumps(record).encode()


def as_csv(record: dict[str, Any]) -> bytes:
    return ",".join(map(str, record.values())).encode()


CONTEXT = {"consent": {"categoryPreferences": {"Advertising": True}}, "campaign": {"name": "autumn"}, "traits": {}}
SOURCES: dict[str, tuple[str, bytes, Callable[[int], bytes]]] = {
    "segment": ("web.ndjson", b"", lambda number: as_json(event(number, traits={"email": "a@b.co"}, context=CONTEXT))),
    "ga4": ("events_20260901.ndjson", b"", lambda number: as_json(ga4(number))),
    "meta_events": ("meta.ndjson", b"", lambda number: as_json(meta(number))),
    "snowplow": ("enriched.tsv", b"", lambda number: snowplow(number).encode().rstrip(b"\n")),
    "cm360": ("impression.csv", ",".join(CM360_COLUMNS).encode(), lambda number: cm360(number).encode().rstrip(b"\n")),
    "ad_log": ("ads.csv", AD_COLUMNS.encode(), lambda number: as_csv(ad(number))),
    "events": ("shop.csv", ",".join(seen()).encode(), lambda number: as_csv(seen(number))),
    "events.ndjson": ("shop.ndjson", b"", lambda number: as_json(seen(number))),
    "catalogue": ("feed.csv", b"id,title,price", lambda number: f"P{number},Lamp,1 EUR".encode()),
}
"""Source -> name of its file, its header, and a good line of that number."""

TEXTS = [
    *("", " ", "null", "NaN", "-0", "0x10", "1e9999999", "-1e-9999999", "9" * 30, "9" * 5_000, "1_000", "²", "٣"),
    *("2026-13-45", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999-14:00", "2026-09-01", "\u200b", "\ufeff"),
    *("view", "CLICK", "email", "phone", "a@b.co", "+4420794609999999", "💡", "=1+1", "a;b", "{}", "[]", '{"a":[{}]}'),
]
VALUES: list[Any] = [
    *TEXTS,
    *(None, True, False, 0, -1, 1.5, 1e308, float("inf"), float("nan"), 10**400, -(2**63), 2**64),
    *([], [[]], [None], {}, {"a": {"b": {}}}, [{}], [{"id": []}], [{"item_id": {}}], {"contents": [[], {"id": 1}]}),
    *("\0", "\ud800", "a\x0bb", "a\u2028b"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all the files, each written over by the next."""
    return tmp_path_factory.mktemp("fuzz")


def bad_json(good: bytes) -> st.SearchStrategy[bytes]:
    """A good event of which some fields hold something else, at the top or one below."""
    record = json.loads(good)
    nested = [(name, inner) for name, value in record.items() if isinstance(value, dict) for inner in value]
    places: list[tuple[str, ...]] = [*((name,) for name in record), *nested]
    changes = st.dictionaries(st.sampled_from(places), st.sampled_from(VALUES), min_size=1, max_size=4)
    return changes.map(lambda changed: as_json(_changed(record, changed)))


def _changed(record: dict[str, Any], changed: dict[tuple[str, ...], Any]) -> dict[str, Any]:
    made = dict(record)
    for place, value in changed.items():
        inner = made.get(place[0])
        if len(place) == 1:
            made[place[0]] = value
        elif isinstance(inner, dict):
            made[place[0]] = {**inner, place[1]: value}
    return made


def bad_cells(good: bytes, delimiter: str) -> st.SearchStrategy[bytes]:
    """A good row of which some cells hold something else, or are one too many or few."""
    cells = good.decode().split(delimiter)
    change = st.dictionaries(st.integers(0, len(cells)), st.sampled_from(TEXTS), min_size=1, max_size=4)
    return change.map(
        lambda changed: delimiter.join(
            changed.get(at, cell)
            for at, cell in enumerate([*cells, "more"][: max(changed) + 1] + cells[max(changed) :])
        ).encode()
    )


def bad(kind: str, good: bytes) -> st.SearchStrategy[bytes]:
    """What stands where a line should: other values, a line cut short, bytes put into it, or any bytes at all."""
    odd = bad_json(good) if good.startswith(b"{") else bad_cells(good, "\t" if kind == "snowplow" else ",")
    cut = st.integers(0, len(good) - 1).map(lambda at: good[:at])
    put = st.tuples(st.integers(0, len(good)), st.binary(min_size=1, max_size=4)).map(
        lambda where: good[: where[0]] + where[1] + good[where[0] :]
    )
    return odd | cut | put | st.binary(max_size=60)


@st.composite
def lines(draw: st.DrawFn, kind: str) -> tuple[list[bytes], list[int]]:
    """Lines, good and bad, and which of them are good. Between two stray quotes in CSV everything is one text, by the
    standard: there is at most one."""
    good = SOURCES[kind][2]
    found = [draw(st.none() | bad(kind, good(1_000 + at))) for at in range(draw(st.integers(1, 6)))]
    whole = [at for at, each in enumerate(found) if each is None]
    quotes = 1
    made = []
    for at, each in enumerate(found):
        line = good(at) if each is None else each
        if SOURCES[kind][1] and each is not None:
            line = line.replace(b'"', b"", line.count(b'"') - quotes)
            quotes -= line.count(b'"')
        made.append(line)
    return made, whole


def looked_at(pulled: Pulled) -> set[str]:
    """Keys of all rows handed out, after a look at everything that others will look at."""
    for table in {name for batch in pulled.batches for name in batch.tables}:
        for found in pulled.rows(table):
            assert "\0" not in "".join(value for value in found.values() if isinstance(value, str))
    for each in pulled.rejected:
        assert each.reason and json.dumps(dict(each.row)).encode()
    return {key for table in ("interaction", "product") for key in pulled.keys(table)}


@cache
def source(folder: Path, kind: str) -> EventSource:
    """A source of a kind; its mapping is read once."""
    return build(kind.partition(".")[0], "it", folder / SOURCES[kind][0], "", None)


def read(folder: Path, kind: str, data: bytes, cursor: Cursor | None = None) -> Pulled:
    """What a source makes of these bytes."""
    (folder / SOURCES[kind][0]).write_bytes(data)
    return pull(source(folder, kind), cursor)


@cache
def key_of(folder: Path, kind: str, number: int) -> str:
    """Key of a good line, read alone."""
    _, header, good = SOURCES[kind]
    (key,) = looked_at(read(folder, kind, header + b"\n" + good(number) + b"\n"))
    return key


def expected(folder: Path, kind: str, numbers: Sequence[int]) -> set[str]:
    """Keys of good lines."""
    return {key_of(folder, kind, at) for at in numbers}


def survives(folder: Path, kind: str, made: tuple[list[bytes], list[int]]) -> None:
    """All good rows are there, and the books balance (`pull` looks); packed and cut short, those before the cut; of a
    file that grows, in two pulls."""
    found, whole = made
    data = b"\n".join([SOURCES[kind][1], *found, b""])
    wanted = expected(folder, kind, whole)
    assert len(wanted) == len(whole) and wanted <= looked_at(read(folder, kind, data))
    packed = gzip.compress(data, mtime=0)
    cut = packed[: len(packed) * 3 // 4]
    left = zlib.decompressobj(wbits=31).decompress(cut).count(b"\n")
    ends = [b"\n".join([SOURCES[kind][1], *found[: at + 1], b""]).count(b"\n") for at in whole]
    before = expected(folder, kind, [at for at, end in zip(whole, ends, strict=True) if end <= left])
    if left:  # else not even a header is whole
        assert before <= looked_at(read(folder, kind, cut))
    first = read(folder, kind, data[: len(data) * 2 // 3])
    second = read(folder, kind, data, first.cursor if first.batches else None)
    assert wanted <= looked_at(first) | looked_at(second)


@pytest.mark.parametrize("kind", SOURCES)
def test_malformed_lines(folder: Path, kind: str) -> None:
    """Cut lines, wrong types, huge numbers, NUL, bad UTF-8, nested JSON, wrong columns, half a gzip."""
    settings(max_examples=FAST, deadline=None)(given(lines(kind))(lambda made: survives(folder, kind, made)))()


@pytest.mark.slow
@pytest.mark.parametrize("kind", SOURCES)
def test_many_malformed_lines(folder: Path, kind: str) -> None:
    """The same, a thousand times a source."""
    settings(max_examples=SLOW, deadline=None)(given(lines(kind))(lambda made: survives(folder, kind, made)))()


def broken(whole: bytes) -> st.SearchStrategy[bytes]:
    """A file cut short, or with some of its bytes replaced."""
    cut = st.integers(0, len(whole)).map(lambda at: whole[:at])
    put = st.lists(st.tuples(st.integers(4, len(whole) - 1), st.integers(0, 255)), min_size=1, max_size=8)
    return cut | put.map(lambda places: _replaced(whole, places))


def _replaced(whole: bytes, places: Sequence[tuple[int, int]]) -> bytes:
    data = bytearray(whole)
    for at, byte in places:
        data[at] = byte
    return bytes(data)


def parquet_survives(folder: Path, examples: int) -> None:
    """A broken Parquet file ends in rows, in rejections or in the one error that asks for another file."""
    for kind, records in {"ga4": [typed(ga4(at)) for at in range(9)], "events": [seen(at) for at in range(9)]}.items():
        pq.write_table(pa.Table.from_pylist(records), folder / "whole.parquet", row_group_size=3)
        check = given(broken((folder / "whole.parquet").read_bytes()))(one_parquet(folder, kind))
        settings(max_examples=examples, deadline=None)(check)()


def one_parquet(folder: Path, kind: str) -> Callable[[bytes], None]:
    """Reads such a file."""
    source = build(kind, "it", folder / "broken.parquet", "", None)

    def check(data: bytes) -> None:
        (folder / "broken.parquet").write_bytes(data)
        with suppress(SetupError):
            looked_at(pull(source))

    return check


def test_broken_parquet(folder: Path) -> None:
    """Cut or with wrong bytes: books balance, nothing else is raised."""
    parquet_survives(folder, FAST)


@pytest.mark.slow
def test_much_broken_parquet(folder: Path) -> None:
    """The same, a thousand times a source."""
    parquet_survives(folder, SLOW)


TYPED: list[Any] = [
    *(pa.array([each]) for each in (1.5, b"\xff", b"view", True, None, Decimal(7), timedelta(1), time(1), date.max)),
    *(pa.array([each], pa.timestamp("ns")) for each in (0, 2**62)),
    *(pa.array([each], pa.timestamp("ms", "Europe/Paris")) for each in (0, 2**62, -(2**62))),
    *(pa.array([each], pa.timestamp("us")) for each in (2**62, None)),
    *(pa.array([[each]]) for each in ("a", {"item_id": b"\xff"}, {"item_id": "\0"})),
    *(pa.array([each]) for each in ({"ads_storage": 1}, {"a": None}, "a\0", "", "💡")),
    pa.array(["view"]).dictionary_encode(),
    pa.array([2**63], pa.uint64()),
    pa.array([10**60], pa.decimal256(70, 2)),
]


@given(
    kind=st.sampled_from(["ga4", "events"]),
    changes=st.dictionaries(st.sampled_from(sorted({**ga4(), **seen()})), st.sampled_from(TYPED), max_size=4),
)
@settings(max_examples=3 * FAST, deadline=None)
def test_parquet_of_other_types(folder: Path, kind: str, changes: dict[str, Any]) -> None:
    """Columns of any type: every row is kept, skipped or rejected, but for a column that the mapping misses."""
    usual = pa.Table.from_pylist([typed(ga4()) if kind == "ga4" else seen()])
    columns = {name: usual[name] for name in usual.column_names} | changes
    pq.write_table(pa.table(columns), folder / "typed.parquet")
    assert pull(build(kind, "it", folder / "typed.parquet", "", None)).books[0] == 1


def table_survives(folder: Path, examples: int) -> None:
    """Rows of a SQLite table hold anything; the good ones among them are kept."""
    names = [name.strip() for name in SQL_COLUMNS.split(",")][1:]
    fits = st.sampled_from([each for each in VALUES if _fits(each)]) | st.binary(max_size=4)
    odd = st.dictionaries(st.sampled_from(names), fits, min_size=1, max_size=4)

    @settings(max_examples=examples, deadline=None)
    @given(changes=st.lists(st.none() | odd, max_size=8))
    def check(changes: list[dict[str, Any] | None]) -> None:
        path = folder / "shop.db"
        path.unlink(missing_ok=True)
        insert(path, *(row(at, **({"event_id": f"bad{at}"} | (each or {}))) for at, each in enumerate(changes)))
        insert(path, *(row(100 + at) for at in range(len(changes))))
        pulled = pull(build_sql("it", "sqlite:///shop.db", "page events", "id", "", folder))
        assert {f"it:e{100 + at}" for at in range(len(changes))} <= looked_at(pulled)
        assert pulled.books[0] == 2 * len(changes)

    check()


def _fits(value: Any) -> bool:
    """What Python's driver of SQLite takes."""
    whole = isinstance(value, int) and not -(2**63) <= value < 2**63
    return not (whole or isinstance(value, list | dict) or value == "\ud800")


def test_malformed_table(folder: Path) -> None:
    """Values of other types, NUL, bytes, numbers beyond all bounds."""
    table_survives(folder, FAST)


@pytest.mark.slow
def test_much_malformed_table(folder: Path) -> None:
    """The same, a thousand times."""
    table_survives(folder, SLOW)
