"""Events of any file through a mapping: four ways to write them, times, words, ties, folders."""

import csv
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from event_files import Pulled, ndjson, pull, write

from connector.errors import SetupError
from connector.events import build

AT = datetime(2026, 9, 1, 10, 0, 0, tzinfo=UTC)


def seen(number: int = 1, **other: Any) -> dict[str, Any]:
    """A view by the names of the mapping that is shipped; `other` replaces fields."""
    usual = {
        "event_id": f"e{number}",
        "occurred_at": "2026-09-01T10:00:00Z",
        "event": "view",
        "anonymous_id": f"anon-{number}",
        "user_id": "",
        "product_id": f"P{number}",
        "cost": "0.25",
    }
    return {**usual, **other}


def written(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    """Rows as the name of the file says."""
    kind = path.name.removesuffix(".gz").rpartition(".")[2]
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(list(rows)), path)
        return path
    if kind == "ndjson":
        return write(path, ndjson(rows))
    file = io.StringIO()
    writer = csv.DictWriter(file, list(rows[0]), delimiter="\t" if kind == "tsv" else ",", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return write(path, file.getvalue().encode())


def read(path: Path, *rows: dict[str, Any], home: Path | None = None, mapping: str = "") -> Pulled:
    return pull(build("events", "shop", written(path, rows), mapping, home))


def mapped(home: Path, fields: str, more: str = "") -> Path:
    """A home with a mapping `mine` whose interaction has these lines besides the identifier's type."""
    (home / "mappings").mkdir(exist_ok=True)
    head = "streams:\n  interaction:\n    table: interaction\n    fields:\n      identifier_type: {default: user_id}\n"
    (home / "mappings" / "mine.yaml").write_text(head + fields + more)
    return home


FILES = ["shop.csv", "shop.tsv.gz", "shop.ndjson", "shop.ndjson.gz", "shop.parquet"]


@pytest.mark.parametrize("name", FILES)
def test_however_they_are_written(tmp_path: Path, name: str) -> None:
    """The same rows out of each kind of file, with the same books."""
    rows = [seen(1), seen(2, event="page_view"), seen(3, user_id="9001"), seen(4, anonymous_id="null"), seen(5)]
    pulled = read(tmp_path / name, *rows)
    assert pulled.books == (5, 3, 1, 1) and pulled.keys() == ["shop:e1", "shop:e3", "shop:e5"]
    assert pulled.rows("interaction")[0] == {
        "key": "shop:e1",
        "version": AT,
        "source": "shop",
        "kind": "view",
        "identifier_type": "anonymous_id",
        "identifier": "anon-1",
        "product_id": "P1",
        "occurred_at": AT,
        "received_at": None,
        "campaign": None,
        "cost": Decimal("0.2500"),
        "consent": None,
    }
    assert pulled.keys("identity_link") == ["anonymous_id:anon-3|user_id:9001"]
    ((reference, reason),) = pulled.complaints
    line = 4 if "json" in name or "parquet" in name else 5
    assert (reference, reason) == (f"{name}:{line}", "identifier: names nobody, or is not of its type")


def test_what_only_ties_is_kept(tmp_path: Path) -> None:
    """A sign-in is no interaction, and not skipped either."""
    pulled = read(tmp_path / "shop.csv", seen(1, event="sign in", user_id="9001"))
    assert pulled.books == (1, 1, 0, 0) and pulled.rows("interaction") == []


@pytest.mark.parametrize(
    ("transform", "value", "expected"),
    [
        ("time", "2026-09-01T12:00:00+02:00", AT),
        ("time", 1_788_256_800_000, AT),
        ("utc", "2026-09-01 10:00:00", AT),
        ("utc", "2026-09-01T12:00:00+02:00", AT),
        ("seconds", 1_788_256_800, AT),
        ("seconds", "1788256800.5", AT.replace(microsecond=500_000)),
        ("microseconds", "1788256800000001", AT.replace(microsecond=1)),
    ],
)
def test_times(tmp_path: Path, transform: str, value: Any, expected: datetime) -> None:
    """ISO 8601 with a zone or without, seconds, milliseconds and microseconds, as number and as text."""
    fields = f"""\
      key: {{from: id, required: true}}
      occurred_at: {{from: at, transform: {transform}, required: true}}
      kind: {{default: view}}
      identifier: {{from: customer, required: true}}
"""
    row = {"id": 1, "at": value, "customer": 9001}
    pulled = read(tmp_path / "x.ndjson", row, home=mapped(tmp_path, fields), mapping="mine")
    assert pulled.rows("interaction")[0]["occurred_at"] == expected


@pytest.mark.parametrize(
    ("transform", "value", "reason"),
    [
        ("time", "2026-09-01T10:00:00", "occurred_at: a time without its zone"),
        ("time", "0001-01-01T00:00:00+05:00", "occurred_at: a time before the year 1 or after 9999"),
        ("utc", "soon", "occurred_at: not a time (ISO 8601 with a zone, or milliseconds since 1970)"),
        ("seconds", "9" * 17, "occurred_at: a time before the year 1 or after 9999"),
        ("seconds", "1e9999999", "occurred_at: a time before the year 1 or after 9999"),
        ("microseconds", "2026-09-01", "occurred_at: not a number"),
    ],
)
def test_times_that_are_none(tmp_path: Path, transform: str, value: str, reason: str) -> None:
    """Each costs its own row."""
    fields = f"""\
      key: {{from: id, required: true}}
      occurred_at: {{from: at, transform: {transform}, required: true}}
      kind: {{default: view}}
      identifier: {{from: customer, required: true}}
"""
    row = {"id": 1, "at": value, "customer": "9001"}
    pulled = read(tmp_path / "x.csv", row, home=mapped(tmp_path, fields), mapping="mine")
    assert pulled.complaints == [("x.csv:2", reason)]


def test_nested_objects(tmp_path: Path) -> None:
    """A dot in the mapping leads into an object, in NDJSON and in Parquet."""
    fields = """\
      key: {from: meta.id, required: true}
      occurred_at: {from: meta.at, required: true}
      kind: {from: what, values: {shown: impression}}
      identifier: {from: user.crm.number, required: true}
      product_id: item.sku
"""
    home = mapped(tmp_path, fields)
    row = {
        "meta": {"id": "1", "at": "2026-09-01T10:00:00Z"},
        "what": "shown",
        "user": {"crm": {"number": 9001}},
        "item": {"sku": "P1", "tags": ["a"]},
    }
    found = [read(tmp_path / name, row, home=home, mapping="mine").rows("interaction") for name in FILES[2:]]
    assert found[0] == found[1] == found[2] and found[0][0]["identifier"] == "9001"


def test_parquet_types(tmp_path: Path) -> None:
    """Times with nanoseconds, numbers with gaps, bytes that are text: as a data frame writes them."""
    table = pa.table(
        {
            "event_id": pa.array([1.0, 2.0]),
            "occurred_at": pa.array([1_788_256_800_000_000_001] * 2, pa.timestamp("ns", "UTC")),
            "event": pa.array([b"view", b"cart"]),
            "anonymous_id": pa.array(["a", "b"]).dictionary_encode(),
            "product_id": pa.array([85048.0, None]),
            "cost": pa.array([Decimal("0.10"), None], pa.decimal128(9, 2)),
            "nobody_needs_this": pa.array([{"x": [1]}, None]),
        }
    )
    pq.write_table(table, tmp_path / "x.parquet")
    rows = pull(build("events", "shop", tmp_path / "x.parquet", "", None)).rows("interaction")
    assert [(row["key"], row["product_id"], row["cost"]) for row in rows] == [
        ("shop:1", "85048", Decimal("0.1000")),
        ("shop:2", None, None),
    ]
    assert rows[0]["occurred_at"] == AT


def test_a_parquet_file_that_breaks_off(tmp_path: Path) -> None:
    """Cut anywhere it is one rejection, costs no exception, and is read when it was copied again."""
    whole = written(tmp_path / "x.parquet", [seen(number) for number in range(50)]).read_bytes()
    source = build("events", "shop", tmp_path / "x.parquet", "", None)
    for cut in (4, 8, 100, len(whole) - 4, len(whole) - 1):
        (tmp_path / "x.parquet").write_bytes(whole[:cut])
        torn = pull(source)
        ((reference, reason),) = torn.complaints
        assert reference == "x.parquet:1" and reason.startswith("the Parquet file cannot be read from here on")
        assert pull(source, torn.cursor).batches == []
        (tmp_path / "x.parquet").write_bytes(whole)
        assert len(pull(source, torn.cursor).keys()) == 50


def test_a_killed_import_of_parquet_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind the rows that were kept; a file that was written anew is read whole."""
    monkeypatch.setattr("connector.events.reading.ROWS", 7)
    monkeypatch.setattr("connector.events.parquet.ROWS", 5)
    path = written(tmp_path / "x.parquet", [seen(number) for number in range(20)])
    source = build("events", "shop", path, "", None)
    killed = pull(source, batches=2)
    assert killed.keys() + pull(source, killed.cursor).keys() == [f"shop:e{number}" for number in range(20)]
    written(path, [seen(number) for number in range(21)])
    assert len(pull(source, killed.cursor).keys()) == 21


def test_a_folder_of_rotated_files(tmp_path: Path) -> None:
    """Each file has a place of its own: one that grew is read on, a new one read, one that is gone forgotten."""
    folder = tmp_path / "logs"
    (folder / "day=2").mkdir(parents=True)
    written(folder / "a.csv", [seen(1), seen(2)])
    written(folder / "day=2" / "b.parquet", [seen(3)])
    (folder / "_SUCCESS").write_text("no data")
    (folder / ".hidden.csv").write_text("no data")
    source = build("events", "shop", folder, "", None)
    first = pull(source)
    assert first.keys() == ["shop:e1", "shop:e2", "shop:e3"] and set(first.cursor["files"]) == {
        "a.csv",
        "day=2/b.parquet",
    }
    assert pull(source, first.cursor).batches == []
    with (folder / "a.csv").open("a") as file:
        file.write(",".join(map(str, seen(4, cost="?").values())) + "\n")
    written(folder / "c.ndjson", [seen(5)])
    (folder / "day=2" / "b.parquet").unlink()
    second = pull(source, first.cursor)
    assert second.keys() == ["shop:e5"] and second.complaints == [("a.csv:4", "cost: not a number")]
    assert set(second.cursor["files"]) == {"a.csv", "c.ndjson"}


def test_a_killed_import_of_a_folder_goes_on(tmp_path: Path) -> None:
    """What a killed process had kept of a folder is not read again, the rest is."""
    for number in range(5):
        written(tmp_path / f"{number}.ndjson", [seen(number)])
    source = build("events", "shop", tmp_path, "", None)
    for batches in range(1, 10):
        killed = pull(source, batches=batches)
        assert killed.keys() + pull(source, killed.cursor).keys() == [f"shop:e{number}" for number in range(5)]


def test_an_empty_folder_is_no_news(tmp_path: Path) -> None:
    """Files may come later."""
    assert pull(build("events", "shop", tmp_path, "", None)).batches == []


def test_a_link_without_a_time_is_refused(tmp_path: Path) -> None:
    """The mapping is wrong, and its file, stream and column are named."""
    fields = "      key: a\n      occurred_at: b\n      kind: c\n      identifier: d\n"
    more = "  tie:\n    table: identity_link\n    fields: {a_type: a, a_value: b, b_type: c, b_value: d}\n"
    with pytest.raises(SetupError, match=r"mine.yaml, line \d+, streams.tie.fields: column 'first_seen' is missing"):
        build("events", "shop", tmp_path, "mine", mapped(tmp_path, fields, more))


def test_a_bad_row_is_kept_for_its_repair(tmp_path: Path) -> None:
    """Columns by name for CSV, the text of the record for all others."""
    bad = seen(1, cost="free")
    assert read(tmp_path / "x.csv", bad).rejected[0].row == bad
    for name in ("x.ndjson", "x.parquet"):
        text = read(tmp_path / name, bad).rejected[0].row["text"]
        assert json.loads(str(text))["cost"] == "free"
