"""GA4 exports: what an event becomes, a key that survives the rewriting of a daily table, which days are read again."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from event_files import Pulled, ndjson, pull, write

from connector.errors import SetupError
from connector.events import build


def ga4(number: int = 1, **other: Any) -> dict[str, Any]:
    """An exported view of one item, as `bq extract` spells it; `other` replaces fields."""
    usual = {
        "event_date": "20260901",
        "event_timestamp": str(1_788_256_800_000_000 + number),
        "event_name": "view_item",
        "event_bundle_sequence_id": "77",
        "batch_page_id": "1",
        "batch_ordering_id": "2",
        "batch_event_index": str(number),
        "user_pseudo_id": f"GA.{number}",
        "user_id": None,
        "privacy_info": {"analytics_storage": "Yes", "ads_storage": "Yes", "uses_transient_token": "No"},
        "collected_traffic_source": {"gclid": None, "manual_campaign_name": "autumn"},
        "items": [{"item_id": f"P{number}", "item_name": "Lamp", "price": 12.5}],
    }
    return {**usual, **other}


def read(path: Path, *events: dict[str, Any]) -> Pulled:
    return pull(build("ga4", "ga4", write(path / "events_20260901.ndjson", ndjson(events)), "", None))


def typed(event: dict[str, Any]) -> dict[str, Any]:
    """The same event as a Parquet export types it."""
    whole = ("event_timestamp", "event_bundle_sequence_id", "batch_page_id", "batch_ordering_id", "batch_event_index")
    return {**event, **{name: int(event[name]) for name in whole}}


def test_a_view(tmp_path: Path) -> None:
    """Every column of the interaction but its key."""
    (row,) = read(tmp_path, ga4()).rows("interaction")
    at = datetime(2026, 9, 1, 10, 0, 0, 1, tzinfo=UTC)
    assert row.pop("key").startswith("ga4-")
    assert row == {
        "version": at,
        "source": "ga4",
        "kind": "view",
        "identifier_type": "anonymous_id",
        "identifier": "GA.1",
        "product_id": "P1",
        "occurred_at": at,
        "received_at": None,
        "campaign": "autumn",
        "cost": None,
        "consent": True,
    }


@pytest.mark.parametrize(
    ("name", "kind"),
    [("select_item", "click"), ("add_to_cart", "cart"), ("add_to_wishlist", "wish"), ("begin_checkout", "checkout")],
)
def test_kinds(tmp_path: Path, name: str, kind: str) -> None:
    """Google's recommended events have their kinds."""
    assert read(tmp_path, ga4(event_name=name)).rows("interaction")[0]["kind"] == kind


@pytest.mark.parametrize(
    "other",
    [
        {"event_name": "purchase"},
        {"event_name": "view_item_list"},
        {"event_name": "view_promotion"},
        {"event_name": None},
        {"user_pseudo_id": None},
        {"user_pseudo_id": "", "user_id": "null"},
    ],
)
def test_events_of_no_use_are_skipped(tmp_path: Path, other: dict[str, Any]) -> None:
    """Purchases, lists, and events of somebody who refused storage are neither kept nor bad."""
    assert read(tmp_path, ga4(**other)).books == (1, 0, 1, 0)


def test_items_are_records_of_their_own(tmp_path: Path) -> None:
    """Each item counts; one that has no id is rejected alone, whatever its order next time."""
    items = [{"item_id": "P1"}, {"item_id": "(not set)"}, {"item_name": "no id"}, "nonsense", {"item_id": 7}]
    pulled = read(tmp_path, ga4(event_name="add_to_cart", items=items))
    assert [row["product_id"] for row in pulled.rows("interaction")] == ["P1", "7"]
    assert pulled.complaints == [(f"events_20260901.ndjson:1#{at}", "item_id missing") for at in (1, 2, 3)]
    assert pulled.books == (5, 2, 0, 3)
    turned = read(tmp_path, ga4(event_name="add_to_cart", items=items[::-1]))
    assert sorted(turned.keys()) == sorted(pulled.keys())


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"event_timestamp": None}, "event_timestamp is not in microseconds since 1970"),
        ({"event_timestamp": "9" * 30}, "event_timestamp is not in microseconds since 1970"),
        ({"items": []}, "a view_item without items[]"),
        ({"items": "P1"}, "a view_item without items[]"),
    ],
)
def test_events_that_should_have_been_of_use(tmp_path: Path, other: dict[str, Any], reason: str) -> None:
    """Each is kept aside with its line, between two that are kept."""
    pulled = read(tmp_path, ga4(2), ga4(1, **other), ga4(3))
    assert pulled.complaints == [("events_20260901.ndjson:2", reason)] and pulled.books == (3, 2, 0, 1)


@pytest.mark.parametrize(
    ("ads", "analytics", "granted"),
    [("Yes", "Yes", [True]), ("No", "Yes", [False]), ("No", "No", []), ("No", "Unset", []), ("Unset", "Yes", [])],
)
def test_a_word_about_ads(tmp_path: Path, ads: str, analytics: str, granted: list[bool]) -> None:
    """A no is one where somebody was asked; its signal grants nothing. Of a browser's day each answer is kept once."""
    event = ga4(privacy_info={"ads_storage": ads, "analytics_storage": analytics}, user_id="9001")
    later = {**event, "event_timestamp": str(int(event["event_timestamp"]) + 5_000_000)}
    words = read(tmp_path, event, later).rows("consent")
    assert [(row["granted"], row["signal"], row["identifier"]) for row in words] == [
        (each, "ad_storage", "9001") for each in granted
    ]
    assert all(row["said_at"].second == 5 for row in words)


@pytest.mark.parametrize(("told", "consent"), [("No", False), ("Unset", None), (None, None), ({}, None)])
def test_consent(tmp_path: Path, told: Any, consent: bool | None) -> None:
    """ads_storage is consent to ads; what is not plainly yes or no is unknown."""
    (row,) = read(tmp_path, ga4(privacy_info={"analytics_storage": "Yes", "ads_storage": told})).rows("interaction")
    assert row["consent"] is consent


def test_both_ids_tie(tmp_path: Path) -> None:
    """Any event with both ids is a link, also one that is no interaction."""
    pulled = read(tmp_path, ga4(user_id="9001"), ga4(user_id="9001", event_name="login", items=[]))
    assert pulled.keys("identity_link") == ["anonymous_id:GA.1|user_id:9001"] and pulled.books == (2, 2, 0, 0)


def test_the_key_survives_the_rewriting_of_a_table(tmp_path: Path) -> None:
    """What Google fills in or corrects later changes no key; another event of the same moment has another."""
    later = {"user_id": "9001", "event_date": "20260902", "collected_traffic_source": None, "is_active_user": True}
    first, again = read(tmp_path, ga4()), read(tmp_path, ga4(**later))
    assert first.keys() == again.keys()
    for other in ({"event_name": "select_item"}, {"batch_event_index": "9"}, {"event_bundle_sequence_id": "78"}):
        assert read(tmp_path, ga4(**other)).keys() != first.keys()


def test_parquet_gives_the_same_rows(tmp_path: Path) -> None:
    """The same events from a Parquet file, nested and typed, and with columns that nobody needs."""
    events = [ga4(1), ga4(2, user_id="9001"), ga4(3, event_name="purchase"), ga4(4, items=[])]
    table = pa.Table.from_pylist([typed(each) for each in events])
    pq.write_table(table, tmp_path / "events_20260901.parquet", row_group_size=2)
    packed = pull(build("ga4", "ga4", tmp_path / "events_20260901.parquet", "", None))
    plain = read(tmp_path, *events)
    assert packed.rows("interaction") == plain.rows("interaction") and packed.books == plain.books == (4, 2, 1, 1)
    assert packed.rows("identity_link") == plain.rows("identity_link")
    assert packed.complaints == [("events_20260901.parquet:4", "a view_item without items[]")]
    assert json.loads(str(packed.rejected[0].row["text"]))["user_pseudo_id"] == "GA.4"


def test_the_newest_four_days_are_read_again(tmp_path: Path) -> None:
    """Of a folder of days, a changed file counts where Google may still have written it; a new one always does."""
    days = [f"events_202609{day:02}.ndjson.gz" for day in range(1, 8)]
    for at, day in enumerate(days):
        write(tmp_path / day, ndjson([ga4(at)]))
    source = build("ga4", "ga4", tmp_path, "", None)
    first = pull(source)
    assert first.books == (7, 7, 0, 0)
    assert pull(source, first.cursor).batches == []
    for at, day in enumerate(days):
        write(tmp_path / day, ndjson([ga4(at), ga4(at + 100)]))
        os.utime(tmp_path / day, (at + 1, at + 1))
    write(tmp_path / "events_20260820.ndjson", ndjson([ga4(50)]))
    again = pull(source, first.cursor)
    assert {row["product_id"] for row in again.rows("interaction")} >= {"P50", "P103", "P104", "P105", "P106"}
    assert {row["product_id"] for row in again.rows("interaction")} <= {
        "P50",
        *(f"P{at}" for at in (3, 4, 5, 6, 103, 104, 105, 106)),
    }


def test_names_that_are_no_days(tmp_path: Path) -> None:
    """A file without a day in its name, or with a day that is none, may change for ever."""
    for name in ("events_20261399.ndjson", "export.ndjson", "events_20260901.ndjson"):
        write(tmp_path / name, ndjson([ga4()]))
    assert pull(build("ga4", "ga4", tmp_path, "", None)).books == (3, 3, 0, 0)


def test_a_mapping_is_refused(tmp_path: Path) -> None:
    """A mapping that would do nothing is not passed over in silence."""
    with pytest.raises(SetupError, match="ga4 files take no mapping"):
        build("ga4", "ga4", tmp_path, "mine", None)
