"""The warehouse: versions are appended, the newest of a key is read, a dead run's decisions and the erased are not."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import ibis
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from connector.errors import SetupError
from connector.schema import DERIVED, SEEN, TABLES
from connector.warehouse import tables
from connector.warehouse.tables import Warehouse

T0 = datetime(2026, 1, 1, tzinfo=UTC)
RUN = pa.field("run", pa.int64())


def products(*rows: tuple[str, int, str]) -> pa.Table:
    """(key, version in days after T0, title)."""
    plain = [{"key": k, "version": T0 + timedelta(days=v), "title": t} for k, v, t in rows]
    return pa.Table.from_pylist(plain, schema=SEEN["product"])


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(tmp_path / "warehouse")


def titles(warehouse: Warehouse) -> dict[str, str]:
    rows = warehouse.current("product").select("key", "title").to_pyarrow().to_pylist()
    return {row["key"]: row["title"] for row in rows}


def test_an_older_version_never_hides_a_newer_one(warehouse: Warehouse) -> None:
    """Order of arrival does not matter, only the source's own modification time."""
    warehouse.append("product", products(("a", 2, "new"), ("b", 1, "b")), run=1)
    warehouse.append("product", products(("a", 1, "old")), run=2)
    assert titles(warehouse) == {"a": "new", "b": "b"}


def test_of_equal_versions_the_last_seen_is_read(warehouse: Warehouse) -> None:
    """A source that changes a row without moving its time is still followed."""
    warehouse.append("product", products(("a", 1, "first")), run=1)
    warehouse.append("product", products(("a", 1, "second")), run=2)
    assert titles(warehouse) == {"a": "second"}


def test_a_replayed_batch_changes_nothing_a_reader_sees(warehouse: Warehouse) -> None:
    """At least once in, exactly once seen."""
    batch = products(("a", 1, "a"), ("b", 2, "b"))
    warehouse.append("product", batch, run=1)
    before = warehouse.current("product").order_by("key").to_pyarrow()
    warehouse.append("product", batch, run=1)
    assert warehouse.current("product").order_by("key").to_pyarrow() == before


def test_an_empty_table_reads_as_empty(warehouse: Warehouse) -> None:
    """Before the first row a table has its columns and no rows."""
    assert warehouse.current("contact").count().to_pyarrow().as_py() == 0
    assert set(warehouse.current("contact").columns) == set(SEEN["contact"].names)


def decide(warehouse: Warehouse, run: int, *rows: tuple[str, str], seal: tuple[str, ...] = ()) -> None:
    wanted = [{"person_id": p, "audience": a} for p, a in rows]
    schema = pa.schema([f for f in DERIVED["wanted"] if f.name != "run"])
    warehouse.write("wanted", ibis.memtable(pa.Table.from_pylist(wanted, schema=schema)), run)
    if seal:
        warehouse.write("decided", ibis.memtable(pa.table({"person_id": list(seal)})), run)


def wanted(warehouse: Warehouse) -> set[tuple[str, str]]:
    rows = warehouse.derived("wanted").select("person_id", "audience").to_pyarrow().to_pylist()
    return {(row["person_id"], row["audience"]) for row in rows}


def test_a_person_keeps_its_decisions_until_decided_again(warehouse: Warehouse) -> None:
    """A later run replaces the rows of the persons it decided, also by none, and of nobody else."""
    decide(warehouse, 1, ("p", "cart"), ("q", "cart"), ("r", "cart"), seal=("p", "q", "r"))
    decide(warehouse, 2, ("p", "loyal"), seal=("p", "r"))
    assert wanted(warehouse) == {("p", "loyal"), ("q", "cart")}


def test_rows_of_a_run_that_died_are_not_read(warehouse: Warehouse) -> None:
    """Without its last table a run has decided nothing."""
    decide(warehouse, 1, ("p", "cart"), seal=("p",))
    decide(warehouse, 2, ("p", "loyal"))
    assert wanted(warehouse) == {("p", "cart")}


def test_compaction_changes_files_not_rows(warehouse: Warehouse) -> None:
    """Many small files become one; readers see the same."""
    for day in range(12):
        warehouse.append("product", products((f"k{day}", day, str(day))), run=1)
    before = titles(warehouse)
    assert warehouse.compact()["product"] == 1
    assert titles(warehouse) == before


def test_compaction_keeps_the_log_short(warehouse: Warehouse) -> None:
    """Entries that a checkpoint of two days ago holds are gone: every opening of a table lists them all."""
    log = warehouse.root / "product" / "_delta_log"
    for day in range(6):
        warehouse.append("product", products((f"k{day}", day, str(day))), run=1)
    before = titles(warehouse)
    warehouse.compact()
    entries = set(log.glob("*.json"))
    for path in log.iterdir():
        os.utime(path, (0, path.stat().st_mtime - 2 * 86_400))
    warehouse.append("product", products(("k1", 1, "1")), run=2)
    warehouse.compact()
    assert (len(entries & set(log.glob("*.json"))) <= 1, titles(warehouse)) == (True, before)


def test_history_of_older_runs_goes_after_a_full_pass(warehouse: Warehouse) -> None:
    """Only the last full pass remains; what holds now is unchanged."""
    decide(warehouse, 1, ("p", "cart"), seal=("p",))
    decide(warehouse, 2, ("p", "loyal"), seal=("p",))
    warehouse.drop_runs_before(2)
    assert wanted(warehouse) == {("p", "loyal")}
    assert warehouse.versions("wanted").count().to_pyarrow().as_py() == 1


def test_a_folder_that_cannot_be_written_is_a_setup_error(tmp_path: Path) -> None:
    """The message names the folder and the way out."""
    blocker = tmp_path / "file"
    blocker.write_text("in the way")
    with pytest.raises(SetupError, match="cannot be written"):
        Warehouse(blocker / "warehouse")


def test_newest_versions_names_only_known_keys(warehouse: Warehouse) -> None:
    """A key never seen is left out; a known one has its newest time."""
    warehouse.append("product", products(("a", 1, "x"), ("a", 3, "y")), run=1)
    assert warehouse.newest_versions("product", ["a", "z"]) == {"a": T0 + timedelta(days=3)}


# Erasing, and tables of an older version


def contacts(*rows: dict[str, object]) -> pa.Table:
    """Rows of `contact`; `version` in days after T0."""
    plain = [{"crm": "x", **row, "version": T0 + timedelta(days=float(str(row["version"])))} for row in rows]
    return pa.Table.from_pylist(plain, schema=SEEN["contact"])


def emails(warehouse: Warehouse) -> list[tuple[str, str | None]]:
    """Key and e-mail of every row of every version."""
    rows = warehouse.versions("contact").select("key", "email").order_by("key", "email").to_pyarrow().to_pylist()
    return [(row["key"], row["email"]) for row in rows]


def test_erasing_leaves_a_tombstone_alone(warehouse: Warehouse) -> None:
    """Rows of all runs lose what they told; a merge is still known, the neighbours are untouched, again is harmless."""
    warehouse.append("contact", contacts({"key": "x:1", "version": 1, "email": "a@example.com"}), run=1)
    warehouse.append("contact", contacts({"key": "x:1", "version": 2, "email": "b@example.com"}), run=2)
    warehouse.append("contact", contacts({"key": "x:2", "version": 1, "email": "c@example.com"}), run=2)
    warehouse.append("contact", contacts({"key": "x:1", "version": 3, "deleted_at": T0}), run=2)
    assert warehouse.erase("contact", ["x:1", "x:9"], run=2) == ["x:1"]
    assert emails(warehouse) == [("x:1", None), ("x:2", "c@example.com")]
    assert warehouse.erase("contact", ["x:1"], run=3) == []
    assert emails(warehouse) == [("x:1", None), ("x:2", "c@example.com")]


def test_a_deleted_row_that_still_tells_something_is_reduced(warehouse: Warehouse) -> None:
    """What lay in the bin with its content: a bare row takes its place, newer than it."""
    said = {"email": "a@example.com", "deleted_at": T0, "merged_into": "x:7"}
    warehouse.append("contact", contacts({"key": "x:1", "version": 1, **said}), run=1)
    assert warehouse.erase("contact", ["x:1"], run=2) == ["x:1"]
    row = warehouse.current("contact").to_pyarrow().to_pylist()[0]
    assert {name for name, value in row.items() if value is not None} == {
        *("key", "version", "crm", "merged_into", "deleted_at")
    }


def test_nobody_alive_is_erased(warehouse: Warehouse) -> None:
    """A contact whose newest row lives keeps its rows, whoever asks."""
    warehouse.append("contact", contacts({"key": "x:1", "version": 1, "deleted_at": T0}), run=1)
    warehouse.append("contact", contacts({"key": "x:1", "version": 2, "email": "a@example.com"}), run=2)
    assert warehouse.erase("contact", ["x:1"], run=3) == []
    assert emails(warehouse) == [("x:1", "a@example.com"), ("x:1", None)]


def test_a_key_with_a_quote_harms_nothing(warehouse: Warehouse) -> None:
    """Keys are data, never a part of a condition."""
    odd = "x:1' OR key <> '"
    warehouse.append("contact", contacts({"key": odd, "version": 1, "email": "a@example.com", "deleted_at": T0}), run=1)
    warehouse.append("contact", contacts({"key": "x:2", "version": 1, "email": "c@example.com"}), run=1)
    assert warehouse.erase("contact", [odd], run=2) == [odd]
    assert emails(warehouse) == [(odd, None), ("x:2", "c@example.com")]


def test_superseded_decisions_of_some_persons_are_dropped_and_no_current_one(warehouse: Warehouse) -> None:
    """Only rows that a later run replaced; who was not decided again keeps what holds."""
    decide(warehouse, 1, ("p", "cart"), ("q", "cart"), seal=("p", "q"))
    decide(warehouse, 2, ("p", "loyal"), seal=("p",))
    warehouse.erase_superseded(["p", "q"])
    assert wanted(warehouse) == {("p", "loyal"), ("q", "cart")}
    assert warehouse.versions("wanted").count().to_pyarrow().as_py() == 2


def test_a_reader_keeps_what_it_opened_while_rows_are_erased(warehouse: Warehouse) -> None:
    """Another process that opened the table before goes on reading it."""
    warehouse.append(
        "contact", contacts({"key": "x:1", "version": 1, "email": "a@example.com", "deleted_at": T0}), run=1
    )
    reader = Warehouse(warehouse.root)
    opened = reader.versions("contact")
    warehouse.erase("contact", ["x:1"], run=2)
    warehouse.tidy()
    assert opened.count().to_pyarrow().as_py() == 1
    assert emails(reader) == [("x:1", None)]
    reader.close()


def test_files_go_once_nobody_can_be_reading_them(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was erased is on disk no more, and the log never told it."""
    warehouse.append(
        "contact", contacts({"key": "x:1", "version": 1, "email": "a@example.com", "deleted_at": T0}), run=1
    )
    warehouse.erase("contact", ["x:1"], run=2)
    monkeypatch.setattr(tables, "READING_HOURS", 0)
    warehouse.tidy()
    files = list((warehouse.root / "contact").glob("*.parquet"))
    assert sorted(str(one) for one in files) == sorted(warehouse._open("contact").file_uris())
    logs = [path.read_text("utf-8") for path in (warehouse.root / "contact" / "_delta_log").glob("*.json")]
    assert logs and not any("example.com" in text for text in logs)


def test_a_table_of_an_older_version_gains_the_columns_it_lacks(warehouse: Warehouse) -> None:
    """Read with nothing in the new columns, appended to, read again, erased: the old rows stay what they were."""
    old = SEEN["contact"].remove(SEEN["contact"].get_field_index("quarantined"))
    row = {"key": "x:1", "version": T0, "crm": "x", "email": "a@example.com", "deleted_at": T0, "run": 1}
    write_deltalake(str(warehouse.root / "contact"), pa.Table.from_pylist([row], schema=old.append(RUN)))
    assert list(warehouse.versions("contact").columns) == TABLES["contact"].names
    assert warehouse.current("contact").select("email", "quarantined").to_pyarrow().to_pylist() == [
        {"email": "a@example.com", "quarantined": None}
    ]
    warehouse.append("contact", contacts({"key": "x:2", "version": 1, "quarantined": True}), run=2)
    found = warehouse.current("contact").select("key", "quarantined").order_by("key").to_pyarrow().to_pylist()
    assert [row["quarantined"] for row in found] == [None, True]
    assert warehouse.erase("contact", ["x:1"], run=3) == ["x:1"]
    assert emails(warehouse) == [("x:1", None), ("x:2", None)]


def test_a_column_that_no_file_has_reads_as_empty(warehouse: Warehouse) -> None:
    """A table learns of a column with no row to show for it: what older files hold is still there to read."""
    old = DERIVED["trait"].remove(DERIVED["trait"].get_field_index("ads_barrier"))
    rows = pa.Table.from_pylist([{"person_id": "p", "run": 1}], schema=old)
    write_deltalake(str(warehouse.root / "trait"), rows)
    warehouse.write("trait", ibis.memtable(DERIVED["trait"].empty_table().drop_columns(["run"])), 2)
    found = warehouse.versions("trait").select("person_id", "ads_barrier").to_pyarrow().to_pylist()
    assert found == [{"person_id": "p", "ads_barrier": None}]
