"""A table of a database as a source: read on, out-of-order commits, wrong names, lost connections."""

import json
import sqlite3
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from event_files import Pulled, pull

from connector.errors import RetryLater, SetupError
from connector.events import build_sql, sql_place
from connector.ports import EventSource

COLUMNS = "id, event_id, occurred_at, event, anonymous_id, user_id, product_id, cost"


def row(number: int, **other: Any) -> dict[str, Any]:
    """A view by the names of the mapping that is shipped."""
    usual = {
        "id": number,
        "event_id": f"e{number}",
        "occurred_at": "2026-09-01 10:00:00",
        "event": "view",
        "anonymous_id": f"anon-{number}",
        "user_id": None,
        "product_id": f"P{number}",
        "cost": 0.25,
    }
    return {**usual, **other}


def insert(path: Path, *rows: dict[str, Any], table: str = "page events") -> None:
    """Rows into a table that is made where it is missing; a column may hold anything, as SQLite lets it."""
    with sqlite3.connect(path) as connection:
        connection.execute(f'CREATE TABLE IF NOT EXISTS "{table}" ({COLUMNS})')
        names = ", ".join(f":{name.strip()}" for name in COLUMNS.split(","))
        connection.executemany(f'INSERT INTO "{table}" VALUES ({names})', rows)  # noqa: S608
    connection.close()


def source(home: Path, table: str = "page events", growing: str = "id", mapping: str = "") -> EventSource:
    return build_sql("web", "sqlite:///shop.db", table, growing, mapping, home)


def keys(pulled: Pulled) -> list[str]:
    """The events handed out, without the name of the source."""
    return [row["key"].removeprefix("web:") for row in pulled.rows("interaction")]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with a database of five views."""
    insert(tmp_path / "shop.db", *(row(number) for number in range(1, 6)))
    return tmp_path


def test_rows_are_read_once(home: Path) -> None:
    """All at first, then those that are new, then none, not even a batch."""
    first = pull(source(home))
    assert keys(first) == ["e1", "e2", "e3", "e4", "e5"] and first.books == (5, 5, 0, 0)
    assert pull(source(home), first.cursor).batches == []
    insert(home / "shop.db", row(6, user_id="9001"), row(7, event="page_view"))
    second = pull(source(home), first.cursor)
    assert keys(second) == ["e6"] and second.books == (2, 1, 1, 0)
    assert second.keys("identity_link") == ["anonymous_id:anon-6|user_id:9001"]
    assert pull(source(home), second.cursor).batches == []


def test_rows_that_share_the_greatest_value(home: Path) -> None:
    """`>=` at the boundary: a row of the same moment that comes later is not lost, one that was read not repeated."""
    first = pull(source(home, growing="occurred_at"))
    insert(home / "shop.db", row(6))
    assert keys(pull(source(home, growing="occurred_at"), first.cursor)) == ["e6"]


def test_a_row_that_is_committed_late(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A smaller number that appears after a greater one is found, as far as the overlap reaches."""
    monkeypatch.setattr(sql_place, "OVERLAP", 3)
    insert(home / "shop.db", *(row(number) for number in (10, 11)))
    first = pull(source(home))
    insert(home / "shop.db", row(9), row(2))
    assert keys(pull(source(home), first.cursor)) == ["e9"]


GROWS = [7, 1.5, "x", datetime(2026, 9, 1, tzinfo=UTC), date(2026, 9, 1), Decimal("1.50"), b"\x01", UUID(int=7)]


@pytest.mark.parametrize("value", GROWS, ids=lambda value: type(value).__name__)
def test_what_may_grow(value: Any) -> None:
    """The boundary comes back from the store as it was, whatever its type; what has no order is refused."""
    seen = sql_place.Seen.of(None)
    assert seen.is_new(value, ["a", memoryview(b"b")])
    again = sql_place.Seen.of(json.loads(json.dumps(seen.cursor())))
    assert again.boundary == value and not again.is_new(value, ["a", memoryview(b"b")])
    odd = sql_place.Seen.of(None)
    odd.is_new({"no": "order"}, [])
    with pytest.raises(SetupError, match="a column of type dict cannot be the one that grows"):
        odd.cursor()


@pytest.mark.parametrize("most", [3, 1_000])
def test_many_rows_of_one_value(home: Path, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """More than the overlap: all are known while there is room, else all are handed out again; none is lost."""
    monkeypatch.setattr(sql_place, "OVERLAP", 2)
    monkeypatch.setattr(sql_place, "MOST_SEEN", most)
    first = pull(source(home, growing="occurred_at"))
    insert(home / "shop.db", row(6))
    found = keys(pull(source(home, growing="occurred_at"), first.cursor))
    assert found == (["e6"] if most > 3 else ["e1", "e2", "e3", "e4", "e5", "e6"])


@pytest.mark.parametrize("batches", [1, 2, 3])
def test_a_killed_pull_goes_on(home: Path, monkeypatch: pytest.MonkeyPatch, batches: int) -> None:
    """What a killed process had kept is not read again, the rest is."""
    monkeypatch.setattr("connector.events.sql.ROWS", 2)
    killed = pull(source(home), batches=batches)
    assert keys(killed) + keys(pull(source(home), killed.cursor)) == ["e1", "e2", "e3", "e4", "e5"]


def test_bad_rows_cost_only_themselves(home: Path) -> None:
    """Bytes that are no text, NUL, wrong types: each is rejected by its key, the rest is kept."""
    bad = [
        row(6, product_id=b"\xff\xfe"),
        row(7, anonymous_id="a\0b"),
        row(8, cost="free"),
        row(9, occurred_at=float("inf")),
        row(10, event_id=None),
    ]
    insert(home / "shop.db", *bad, row(11))
    pulled = pull(source(home))
    assert keys(pulled)[-1] == "e11" and pulled.books == (11, 6, 0, 5)
    assert [reference for reference, _ in pulled.complaints][:2] == ["page events:e6", "page events:e7"]
    assert sorted(reference for reference, _ in pulled.complaints)[0] == "page events:10"


def test_texts_that_are_no_texts(home: Path) -> None:
    """SQLite stores any bytes as text; such a row is rejected and does not end the pull."""
    with sqlite3.connect(home / "shop.db") as connection:
        connection.execute("UPDATE \"page events\" SET product_id = CAST(x'ff41' AS TEXT) WHERE id = 3")
    connection.close()
    pulled = pull(source(home))
    assert pulled.complaints == [("page events:e3", "holds bytes that are no text")] and len(keys(pulled)) == 4


def test_a_query(home: Path) -> None:
    """`object` of the mapping may be a query; its columns are what it selects."""
    shipped = (Path(__file__).parents[2] / "mappings" / "events.yaml").read_text("utf-8")
    query = 'object: SELECT e.*, 1 AS one FROM "page events" e WHERE e.id <> 3'
    (home / "mappings").mkdir()
    (home / "mappings" / "mine.yaml").write_text(
        shipped.replace("    table: interaction\n", f"    {query}\n    table: interaction\n", 1)
    )
    first = pull(source(home, table="", mapping="mine"))
    assert keys(first) == ["e1", "e2", "e4", "e5"]
    insert(home / "shop.db", row(6))
    assert keys(pull(source(home, table="", mapping="mine"), first.cursor)) == ["e6"]


@pytest.mark.parametrize(
    ("table", "growing", "message"),
    [
        ("page_events", "id", "there is no table 'page_events'; did you mean 'page events'?"),
        ("main.page_event", "id", "there is no table 'page_event'; did you mean 'page events'?"),
        ("page events", "ids", "page events has no column 'ids'; did you mean 'id'?"),
    ],
)
def test_wrong_names(home: Path, table: str, growing: str, message: str) -> None:
    """The admin reads what is not there, and what may be meant."""
    with pytest.raises(SetupError) as caught:
        pull(source(home, table, growing))
    assert message in caught.value.message and "lamplighter.yaml" in caught.value.hint


def test_a_column_that_the_mapping_needs(home: Path) -> None:
    """The line of the mapping and the nearest column of the table."""
    with sqlite3.connect(home / "shop.db") as connection:
        connection.execute('ALTER TABLE "page events" RENAME COLUMN event_id TO eventid')
    connection.close()
    with pytest.raises(SetupError, match=r"events.yaml, line \d+.*has no column 'event_id'; did you mean 'eventid'"):
        pull(source(home))


def test_no_table_is_named(home: Path) -> None:
    """Neither in the settings nor in the mapping."""
    with pytest.raises(SetupError, match="no table is named"):
        source(home, table="")


@pytest.mark.parametrize("url", ["nonsense", "oracle+nothing://u:secret@h/d", "mssql+pyodbc://u:secret@h/d"])
def test_a_url_that_leads_nowhere(tmp_path: Path, url: str) -> None:
    """No such database, or no driver for it: said without the URL, which may hold a password."""
    with pytest.raises(SetupError) as caught:
        build_sql("web", url, "t", "id", "", tmp_path)
    assert "secret" not in str(caught.value) and "names no database" in caught.value.message


def test_a_database_that_is_not_there(tmp_path: Path) -> None:
    """A missing file is not made; one that is no database is refused."""
    with pytest.raises(SetupError, match="there is no file"):
        source(tmp_path)
    assert not (tmp_path / "shop.db").exists()
    (tmp_path / "shop.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(SetupError, match="refuses to read"):
        pull(source(tmp_path))


def test_a_lost_connection_is_for_later(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was handed out stays so; the next pull goes on behind it. The database is away as a locked one is."""
    monkeypatch.setattr("connector.events.sql.ROWS", 2)
    first = pull(source(home), batches=1)
    lock = sqlite3.connect(home / "shop.db", isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    locked = build_sql("web", "sqlite:///shop.db?timeout=0", "page events", "id", "", home)
    with pytest.raises(RetryLater, match="cannot be reached, or went away") as caught:
        pull(locked, first.cursor)
    assert "lamplighter run" in caught.value.hint
    lock.execute("ROLLBACK")
    lock.close()
    assert keys(pull(locked, first.cursor)) == ["e3", "e4", "e5"]


@pytest.mark.postgres
def test_postgres(postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own types: times with zones, numbers, JSON; a name in capitals and a schema; a zone that is not UTC."""
    shipped = (Path(__file__).parents[2] / "mappings" / "events.yaml").read_text("utf-8")
    (tmp_path / "mappings").mkdir()
    (tmp_path / "mappings" / "mine.yaml").write_text(shipped.replace("{from: product_id}", "{from: what.sku}"))
    engine = sa.create_engine(postgres_url)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE SCHEMA shop"))
        connection.execute(sa.text("CREATE TYPE shop.pair AS (one int, other text)"))
        connection.execute(
            sa.text(
                'CREATE TABLE shop."Events" (id bigserial, event_id uuid, occurred_at timestamptz, event text, '
                "anonymous_id text, user_id int, what jsonb, cost numeric(9, 2), written_at timestamptz, "
                "odd shop.pair)"
            )
        )
    add = sa.text(
        'INSERT INTO shop."Events" (event_id, occurred_at, event, anonymous_id, user_id, what, cost, written_at) '
        "SELECT gen_random_uuid(), '2026-09-01 12:00+02', 'view', 'a' || n, NULL, jsonb_build_object('sku', 'P' || n), "
        "0.25, '2026-09-01 12:00+02'::timestamptz + n * interval '1 second' "
        "FROM generate_series(CAST(:low AS int), CAST(:high AS int)) n"
    )
    monkeypatch.setenv("PGTZ", "America/New_York")
    for growing in ("id", "written_at"):
        with engine.begin() as connection:
            connection.execute(sa.text('TRUNCATE shop."Events" RESTART IDENTITY'))
            connection.execute(add, {"low": 1, "high": 1_500})
        events = build_sql("web", postgres_url, "shop.Events", growing, "mine", tmp_path)
        first = pull(events)
        assert first.books == (1_500, 1_500, 0, 0) and first.rows("interaction")[0]["product_id"] == "P1"
        assert pull(events, first.cursor).batches == []
        with engine.begin() as connection:
            connection.execute(add, {"low": 1_501, "high": 1_502})
        assert [each["product_id"] for each in pull(events, first.cursor).rows("interaction")] == ["P1501", "P1502"]
    engine.dispose()
    with pytest.raises(SetupError, match="did you mean 'Events'"):
        pull(build_sql("web", postgres_url, "shop.events", "id", "mine", tmp_path))
    with pytest.raises(RetryLater, match="cannot be reached"):
        pull(build_sql("web", postgres_url.replace("host=", "host=/nowhere"), "shop.Events", "id", "mine", tmp_path))
