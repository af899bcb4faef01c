"""A real shop's page events by every way in: its Segment file, a mapping of it, CSV, Parquet and databases."""

import csv
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from event_files import pull

from connector.events import build, build_sql
from connector.ports import EventSource

KINDS = """{Product Viewed: view, Product Clicked: click, Product Added: cart, Product Added to Wishlist: wish,
        "*": null}"""
FIELDS = {
    "event_id": "messageId",
    "occurred_at": "timestamp",
    "type": "type",
    "event": "event",
    "anonymous_id": "anonymousId",
    "user_id": "userId",
    "email": "traits.email",
    "product_id": "properties.product_id",
}
"""Column of a flat table -> where Segment's spec has it."""

pytestmark = [pytest.mark.slow, pytest.mark.shared]


def mapping(home: Path, spelled: Callable[[str], str]) -> Path:
    """A mapping `site` that reads columns by these names."""
    at = f"{{from: {spelled('occurred_at')}, required: true}}"
    ends = {"anonymous_id": "user_id", "user_id": "email", "email": "anonymous_id"}
    ties = [
        f"""
  tie_{one}:
    table: identity_link
    fields:
      a_type: {{default: {one}}}
      a_value: {spelled(one)}
      b_type: {{default: {other}}}
      b_value: {spelled(other)}
      first_seen: {spelled("occurred_at")}"""
        for one, other in ends.items()
    ]
    (home / "mappings").mkdir(exist_ok=True)
    (home / "mappings" / "site.yaml").write_text(
        f"""streams:
  interaction:
    table: interaction
    fields:
      key: {{from: {spelled("event_id")}, required: true}}
      occurred_at: {at}
      kind: {{from: [{spelled("event")}, {spelled("type")}], values: {KINDS}}}
      identifier_type: {{default: anonymous_id}}
      identifier: {{from: {spelled("anonymous_id")}, required: true}}
      product_id: {{from: {spelled("product_id")}, required: true}}"""
        + "".join(ties)
    )
    return home


def flat(event: dict[str, Any]) -> dict[str, Any]:
    """An event as a row of a table."""
    inner = {**event, "traits.email": event.get("traits", {}).get("email")}
    inner["properties.product_id"] = event.get("properties", {}).get("product_id")
    return {column: inner.get(field) for column, field in FIELDS.items()}


@pytest.fixture(scope="module")
def events(worlds: Path) -> Path:
    """The world's events."""
    return worlds / "taobao" / "events.ndjson.gz"


@pytest.fixture(scope="module")
def rows(events: Path) -> list[dict[str, Any]]:
    """The same as rows of a table."""
    with gzip.open(events, "rt", encoding="utf-8") as lines:
        return [flat(json.loads(line)) for line in lines]


@pytest.fixture(scope="module")
def expected(events: Path) -> tuple[list[Any], dict[str, Any]]:
    """What the Segment file gives."""
    found = told(build("segment", "site", events, "", None))
    assert len(found[0]) == 97_856
    return found


def told(source: EventSource) -> tuple[list[Any], dict[str, Any]]:
    """Everything that a source hands out, without its name: interactions, and links with their first and last time."""
    pulled = pull(source)
    assert pulled.books == (98_925, 98_925, 0, 0)
    interactions = [
        (row.pop("key").removeprefix("site:"), *(value for name, value in row.items() if name != "received_at"))
        for row in pulled.rows("interaction")
    ]
    links: dict[str, Any] = {}
    for row in pulled.rows("identity_link"):
        first, last = links.get(row["key"], (row["first_seen"], row["last_seen"]))
        links[row["key"]] = (min(first, row["first_seen"]), max(last, row["last_seen"]))
    return sorted(interactions), links


def same_name(column: str) -> str:
    return column


def test_a_mapping_of_the_spec(events: Path, expected: Any, tmp_path: Path) -> None:
    """The Segment file itself, read as events of any kind by names with dots."""
    home = mapping(tmp_path, FIELDS.__getitem__)
    assert told(build("events", "site", events, "site", home)) == expected


def test_csv_and_parquet(rows: list[dict[str, Any]], expected: Any, tmp_path: Path) -> None:
    """A flat table in a packed CSV file, and the same in Parquet."""
    home = mapping(tmp_path, same_name)
    with gzip.open(tmp_path / "site.csv.gz", "wt", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(FIELDS))
        writer.writeheader()
        writer.writerows(rows)
    assert told(build("events", "site", tmp_path / "site.csv.gz", "site", home)) == expected
    pq.write_table(pyarrow.csv.read_csv(tmp_path / "site.csv.gz"), tmp_path / "site.parquet")
    assert told(build("events", "site", tmp_path / "site.parquet", "site", home)) == expected


def fill(url: str, rows: list[dict[str, Any]]) -> None:
    """The flat table in a database."""
    columns = [sa.Column(name, sa.Text) for name in FIELDS]
    table = sa.Table("page_events", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), *columns)
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        table.create(connection)
        connection.execute(table.insert(), rows)
    engine.dispose()


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], str]:
    """Makes an empty database of a kind; returns its URL."""
    return lambda kind: f"sqlite:///{tmp_path}/shop.db" if kind == "sqlite" else request.getfixturevalue("postgres_url")


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_databases(
    rows: list[dict[str, Any]], expected: Any, database: Callable[[str], str], tmp_path: Path, kind: str
) -> None:
    """The flat table in SQLite and in PostgreSQL; a second pull has nothing to tell."""
    url = database(kind)
    fill(url, rows)
    source = build_sql("site", url, "page_events", "id", "site", mapping(tmp_path, same_name))
    assert told(source) == expected
    assert pull(source, pull(source).cursor).batches == []
