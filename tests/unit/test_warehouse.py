"""The warehouse: versions are appended, the newest of a key is read, a dead run's decisions are not."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import ibis
import pyarrow as pa
import pytest

from connector.errors import SetupError
from connector.schema import DERIVED, SEEN
from connector.warehouse.tables import Warehouse

T0 = datetime(2026, 1, 1, tzinfo=UTC)


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
