"""A huge file of bad rows: the first are kept with what they hold, the rest counted by their reasons."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from event_files import event, ndjson, write

from connector.events import build
from connector.model import Batch, Rejection
from connector.pull import Book, pull_source
from connector.pull.few import MOST, MOST_REASONS, OTHERS, Few
from connector.store import Store, open_store, rejections
from connector.store.tables import rejected
from connector.warehouse.tables import Warehouse


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    opened = open_store(f"sqlite:///{tmp_path / 'state.db'}")
    yield opened
    opened.close()


def bad(reference: str, reason: str = "odd") -> Rejection:
    """One row that could not be used."""
    return Rejection(stream="s", reference=reference, reason=reason, row={"text": "x"})


def batch(rows: list[Rejection]) -> Batch:
    """Nothing but these."""
    return Batch(tables={}, cursor={}, read=len(rows), kept=0, rejected=rows)


def test_a_huge_bad_file(tmp_path: Path, store: Store) -> None:
    """The books balance and count every row; the store keeps a thousand of them, and one row for the others. Read again
    from the start it is the same."""
    path = write(tmp_path / "web.ndjson", ndjson([event(1), *["{"] * (2 * MOST), *["[]"] * 300]))
    with closing(Warehouse(tmp_path / "warehouse")) as warehouse:
        for run, copy in ((1, "a"), (2, "b")):
            book = pull_source(build("segment", copy, path, "", None), warehouse, store, run, lambda *told: None)
            assert (book.balanced, book.read, book.kept, book.rejected) == (True, 2_301, 1, 2_300)
    counted = [(source, rows) for source, _, _, rows in rejections.counts(store)]
    assert sorted(counted) == [("a", 300), ("a", 2_000), ("b", 300), ("b", 2_000)]
    rows = store.rows(rejected.select().where(rejected.c.source == "a"))
    assert (len(rows), sum(bool(row.row) for row in rows)) == (MOST + 2, MOST)
    assert {row.reference for row in rows if row.rows > 1} == {"from web.ndjson:1002 on", "from web.ndjson:2002 on"}


def test_each_file_has_its_first_rows(store: Store) -> None:
    """One bad file of a folder does not hide the rows of the next, nor does its next batch begin anew."""
    few = Few()
    few.of(batch([bad(f"one:{number}") for number in range(MOST - 1)]))
    found = few.of(batch([bad(f"{name}:{number}") for name in ("one", "two") for number in range(MOST, MOST + 3)]))
    assert [(each.reference, each.rows) for each in found.rejected] == [
        *(("one:1000", 1), ("from one:1001 on", 2)),
        *(("two:1000", 1), ("two:1001", 1), ("two:1002", 1)),
    ]


def test_reasons_that_quote_are_not_each_a_row(store: Store) -> None:
    """A million different reasons are a few, and those of the others together."""
    book, few = Book(), Few()
    found = few.of(batch([bad(f"one:{number}", f"no {number}") for number in range(5 * MOST)]))
    book.enter(found)
    assert len(found.rejected) == MOST + MOST_REASONS + 1
    assert (found.rejected[-1].reason, book.rejected) == (OTHERS, 5 * MOST)
