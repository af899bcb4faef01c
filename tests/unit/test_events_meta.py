"""Meta events: what an event becomes, who is behind it, what is rejected."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from event_files import Pulled, ndjson, pull, write

from connector.errors import SetupError
from connector.events import build

HASH = hashlib.sha256(b"dana@example.com").hexdigest()
FBP = "fb.1.1596403881668.1116446470"


def meta(number: int = 1, **other: Any) -> dict[str, Any]:
    """A view as the Conversions API takes it; `other` replaces fields."""
    usual = {
        "event_name": "ViewContent",
        "event_time": 1_788_256_800 + number,
        "event_id": f"e{number}",
        "action_source": "website",
        "user_data": {"em": [HASH], "fbp": FBP, "client_user_agent": "x"},
        "custom_data": {"content_ids": [f"P{number}"], "content_type": "product", "value": 12.5, "currency": "EUR"},
    }
    return {**usual, **other}


def read(tmp_path: Path, *events: dict[str, Any]) -> Pulled:
    return pull(build("meta_events", "meta", write(tmp_path / "meta.ndjson", ndjson(events)), "", None))


def test_a_view(tmp_path: Path) -> None:
    """Every column of the interaction, and the browser tied to the hashed address."""
    pulled = read(tmp_path, meta())
    at = datetime(2026, 9, 1, 10, 0, 1, tzinfo=UTC)
    assert pulled.rows("interaction") == [
        {
            "key": "meta-ViewContent-e1#P1",
            "version": at,
            "source": "meta",
            "kind": "view",
            "identifier_type": "anonymous_id",
            "identifier": FBP,
            "product_id": "P1",
            "occurred_at": at,
            "received_at": None,
            "campaign": None,
            "cost": None,
            "consent": None,
        }
    ]
    assert pulled.keys("identity_link") == [f"anonymous_id:{FBP}|email:{HASH}"]


@pytest.mark.parametrize(
    ("custom", "ids"),
    [
        ({"contents": [{"id": "A", "quantity": 2}, {"id": 7}]}, ["A", "7"]),
        ({"contents": [{"id": "A"}], "content_ids": ["B"]}, ["A"]),
        ({"content_ids": "A"}, ["A"]),
        ({"content_ids": [1, "B"], "content_type": "product_group"}, ["1", "B"]),
    ],
)
def test_products(tmp_path: Path, custom: dict[str, Any], ids: list[str]) -> None:
    """contents before content_ids; each product is a record."""
    pulled = read(tmp_path, meta(event_name="AddToCart", custom_data=custom))
    assert [row["product_id"] for row in pulled.rows("interaction")] == ids and pulled.books[1] == len(ids)


@pytest.mark.parametrize(
    ("user", "who"),
    [
        ({"external_id": ["9001"], "em": HASH}, ("user_id", "9001")),
        ({"em": " Dana@Example.com"}, ("email", "dana@example.com")),
        ({"em": [HASH.upper()]}, ("email", HASH)),
    ],
)
def test_who_it_was(tmp_path: Path, user: dict[str, Any], who: tuple[str, str]) -> None:
    """Lists or single values, hashed or plain."""
    (row,) = read(tmp_path, meta(user_data=user)).rows("interaction")
    assert (row["identifier_type"], row["identifier"]) == who


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"event_time": "yesterday"}, "event_time is not in seconds since 1970"),
        ({"event_time": 1_788_256_800_000_000}, "event_time is not in seconds since 1970"),
        ({"user_data": {}}, "no fbp, external_id or em in user_data"),
        ({"user_data": {"ph": HASH}}, "no fbp, external_id or em in user_data"),
        ({"custom_data": {}}, "neither contents[] nor content_ids[] in custom_data"),
    ],
)
def test_events_that_should_have_been_of_use(tmp_path: Path, other: dict[str, Any], reason: str) -> None:
    """Each is kept aside with its line, between two that are kept."""
    pulled = read(tmp_path, meta(2), meta(1, **other), meta(3))
    assert pulled.complaints == [("meta.ndjson:2", reason)] and pulled.books == (3, 2, 0, 1)


def test_an_item_without_an_id_is_rejected_alone(tmp_path: Path) -> None:
    """Its neighbours in the same event are kept."""
    pulled = read(tmp_path, meta(custom_data={"contents": [{"id": "A"}, {}, "B"]}))
    assert pulled.complaints == [(f"meta.ndjson:1#{at}", "an id of contents[] is missing") for at in (1, 2)]
    assert pulled.books == (3, 1, 0, 2)


def test_other_events_tie_or_are_skipped(tmp_path: Path) -> None:
    """A purchase is the CRM's business, but it may show whose a browser is."""
    pulled = read(tmp_path, meta(event_name="Purchase"), meta(event_name="PageView", user_data={"fbp": FBP}))
    assert pulled.books == (2, 1, 1, 0) and pulled.rows("interaction") == []


@pytest.mark.parametrize(
    "other", [{"opt_out": True}, {"data_processing_options": ["LDU"], "data_processing_options_country": 0}]
)
def test_a_no_to_ads(tmp_path: Path, other: dict[str, Any]) -> None:
    """What the shop told Meta not to use is not used here."""
    assert read(tmp_path, meta(**other)).rows("interaction")[0]["consent"] is False


def test_one_event_one_key(tmp_path: Path) -> None:
    """Sent twice it is one event; without an id its line names it; another name makes another event of an id."""
    pulled = read(tmp_path, meta(), meta(), meta(event_name="AddToCart"), meta(event_id=None), meta(event_id=None))
    keys = pulled.keys()
    assert keys[0] == keys[1] and keys[3] == keys[4] and len(set(keys)) == 3


def test_a_whole_request_a_line(tmp_path: Path) -> None:
    """The events of `data[]` are each told by itself; a bad one is named, and the same event elsewhere is the same."""
    request = {"data": [meta(1), "no event", meta(2)], "test_event_code": "T"}
    pulled = read(tmp_path, request, meta(2), {"data": []})
    assert pulled.keys() == ["meta-ViewContent-e1#P1", "meta-ViewContent-e2#P2", "meta-ViewContent-e2#P2"]
    assert pulled.complaints == [("meta.ndjson:1#1", "an event of data[] is no object")]
    assert pulled.books == (5, 3, 1, 1)


def test_a_mapping_is_refused(tmp_path: Path) -> None:
    """A mapping that would do nothing is not passed over in silence."""
    with pytest.raises(SetupError, match="meta_events files take no mapping"):
        build("meta_events", "meta", tmp_path, "mine", None)
