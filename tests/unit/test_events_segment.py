"""Segment events: what becomes an interaction, what a link, what is skipped, what is rejected."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from event_files import Pulled, event, ndjson, pull, write
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import SetupError
from connector.events import build
from connector.events.segment import SegmentFile


def read(tmp_path: Path, *events: dict[str, Any] | str) -> Pulled:
    return pull(SegmentFile("web", write(tmp_path / "web.ndjson", ndjson(events))))


def one(tmp_path: Path, **other: Any) -> dict[str, Any]:
    """The only interaction of one event."""
    (row,) = read(tmp_path, event(**other)).rows("interaction")
    return row


def test_a_view(tmp_path: Path) -> None:
    """Every column of a plain product view."""
    received = "2026-09-01T12:00:05+02:00"
    assert one(tmp_path, receivedAt=received, context={"campaign": {"name": "autumn"}}) == {
        "key": "m1",
        "version": datetime(2026, 9, 1, 10, 0, 5, tzinfo=UTC),
        "source": "web",
        "kind": "view",
        "identifier_type": "anonymous_id",
        "identifier": "anon-1",
        "product_id": "P1",
        "occurred_at": datetime(2026, 9, 1, 10, 0, 1, tzinfo=UTC),
        "received_at": datetime(2026, 9, 1, 10, 0, 5, tzinfo=UTC),
        "campaign": "autumn",
        "cost": None,
        "consent": None,
    }


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Product Viewed", "view"),
        ("Product Clicked", "click"),
        ("Product Added", "cart"),
        ("Product Added to Wishlist", "wish"),
        ("Viewed Product", "view"),
        ("Added Product", "cart"),
    ],
)
def test_kinds(tmp_path: Path, name: str, kind: str) -> None:
    """The spec's names, and those of its first version, have their kinds."""
    assert one(tmp_path, event=name)["kind"] == kind


@pytest.mark.parametrize(
    "other",
    [
        {"event": "Order Completed"},
        {"event": "Cart Viewed"},
        {"event": "Product Removed"},
        {"event": None},
        {"event": ["Product Viewed"]},
        {"type": "page", "userId": "7"},
        {"type": "identify"},
        {"type": None},
        {"type": {}},
    ],
)
def test_events_of_no_interest_are_skipped(tmp_path: Path, other: dict[str, Any]) -> None:
    """What tells of no product and ties nobody is counted as skipped, not as kept or bad."""
    pulled = read(tmp_path, event(**other))
    assert pulled.books == (1, 0, 1, 0) and not pulled.rows("interaction") + pulled.rows("identity_link")


def test_a_checkout_is_one_interaction_a_product(tmp_path: Path) -> None:
    """Each product of a checkout has a key of its own; one without an id is rejected alone."""
    products = [{"product_id": "P1"}, {"sku": "S2"}, {"name": "no id"}, "nonsense"]
    pulled = read(tmp_path, event(event="Checkout Started", properties={"products": products}))
    assert [(row["key"], row["product_id"], row["kind"]) for row in pulled.rows("interaction")] == [
        ("m1#0", "P1", "checkout"),
        ("m1#1", "S2", "checkout"),
    ]
    assert pulled.books == (4, 2, 0, 2)
    assert pulled.complaints == [(f"web.ndjson:1#{at}", "product_id missing (and sku)") for at in (2, 3)]


def test_who_it_was(tmp_path: Path) -> None:
    """anonymousId before userId before e-mail; a placeholder for nobody does not count."""
    assert one(tmp_path, userId="7")["identifier_type"] == "anonymous_id"
    user = one(tmp_path, anonymousId="00000000-0000-0000-0000-000000000000", userId=7)
    assert (user["identifier_type"], user["identifier"]) == ("user_id", "7")
    mail = one(tmp_path, anonymousId=None, context={"traits": {"email": " Dana@Example.com"}})
    assert (mail["identifier_type"], mail["identifier"]) == ("email", "dana@example.com")


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"timestamp": None}, "no timestamp"),
        ({"timestamp": "2026-09-01T10:00:00"}, "timestamp is not ISO 8601 with a time zone"),
        ({"timestamp": "yesterday"}, "timestamp is not ISO 8601 with a time zone"),
        ({"timestamp": 1_756_720_800}, "timestamp is not ISO 8601 with a time zone"),
        ({"properties": {}}, "product_id missing (and sku)"),
        ({"properties": "P1"}, "product_id missing (and sku)"),
        ({"properties": {"product_id": True}}, "product_id missing (and sku)"),
        ({"anonymousId": None}, "no anonymousId, userId or e-mail"),
        ({"anonymousId": "null", "userId": "undefined"}, "no anonymousId, userId or e-mail"),
        ({"event": "Checkout Started"}, "a checkout without products[]"),
    ],
)
def test_events_that_should_have_been_of_use(tmp_path: Path, other: dict[str, Any], reason: str) -> None:
    """Each is kept aside with its line and reason, between two good ones that are not harmed."""
    pulled = read(tmp_path, event(2), event(**other), event(3))
    assert pulled.complaints == [("web.ndjson:2", reason)]
    assert pulled.keys() == ["m2", "m3"] and json.loads(str(pulled.rejected[0].row["text"]))["type"] == "track"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "not JSON: Expecting property name enclosed in double quotes at column 2"),
        ("[1, 2]", "not a JSON object"),
        ('"text"', "not a JSON object"),
        ("[" * 100_000, "not JSON that can be kept: RecursionError"),
        ('{"n": ' + "9" * 5_000 + "}", "not JSON that can be kept: ValueError"),
        ('{"type": "track", "userId": "\\ud800"}', "not JSON that can be kept: UnicodeEncodeError"),
        ('{"type": "track", "userId": "a\\u0000b"}', "holds NUL characters"),
    ],
)
def test_lines_that_are_no_events(tmp_path: Path, line: str, reason: str) -> None:
    """What is not JSON, or is JSON that no table can hold, costs only its own line."""
    pulled = read(tmp_path, event(2), line, event(3))
    assert pulled.complaints == [("web.ndjson:2", reason)] and pulled.keys() == ["m2", "m3"]


def test_escapes_that_only_look_bad(tmp_path: Path) -> None:
    """An escaped emoji, and a backslash before u0000, are ordinary text."""
    pulled = read(tmp_path, json.dumps(event(userId="\U0001f4a1")), json.dumps(event(2, userId="a\\u0000")))
    assert pulled.books == (2, 2, 0, 0)


def test_without_message_id_the_line_is_the_key(tmp_path: Path) -> None:
    """The same line makes the same key, another line another."""
    keys = read(tmp_path, event(1, messageId=None), event(2, messageId=None), event(1, messageId=None)).keys()
    assert keys[0] == keys[2] != keys[1] and keys[0].startswith("line-")


def test_times_in_order_of_trust(tmp_path: Path) -> None:
    """Segment's own timestamp counts; where it is missing the device's, then the server's."""
    other = {"timestamp": None, "receivedAt": "2026-09-02T00:00:00Z"}
    assert one(tmp_path, **other)["occurred_at"] == datetime(2026, 9, 2, tzinfo=UTC)
    device = one(tmp_path, **other, originalTimestamp="2026-09-01T00:00:00Z")
    assert device["occurred_at"] == datetime(2026, 9, 1, tzinfo=UTC) < device["version"]


@pytest.mark.parametrize(
    ("preferences", "consent"),
    [
        (None, None),
        ({}, None),
        ({"Analytics": False}, None),
        ({"Advertising": True, "Analytics": False}, True),
        ({"Advertising": True, "Marketing": False}, False),
        ({"C0004": True}, True),
        ({"ad_storage": "granted"}, False),
        ({"Loads": True, "Roadmap": True}, None),
        ("nonsense", None),
    ],
)
def test_consent(tmp_path: Path, preferences: Any, consent: bool | None) -> None:
    """Any advertising category that is not plainly true is no; nothing said about advertising is unknown."""
    assert one(tmp_path, context={"consent": {"categoryPreferences": preferences}})["consent"] is consent


def _links(pulled: Pulled) -> set[str]:
    return set(pulled.keys("identity_link"))


def test_identify_ties_what_it_names(tmp_path: Path) -> None:
    """An identify gives a link of each id with what stands beside it, values normalised, both ends in order."""
    traits = {"email": "Dana@Example.com ", "phone": "+44 20 7946 0999"}
    pulled = read(tmp_path, event(type="identify", userId="9001", traits=traits))
    assert _links(pulled) == {
        "anonymous_id:anon-1|user_id:9001",
        "anonymous_id:anon-1|email:dana@example.com",
        "anonymous_id:anon-1|phone:+442079460999",
        "email:dana@example.com|user_id:9001",
        "phone:+442079460999|user_id:9001",
    }
    row = next(row for row in pulled.rows("identity_link") if row["key"].endswith("user_id:9001"))
    assert row["first_seen"] == row["last_seen"] == row["version"] == datetime(2026, 9, 1, 10, 0, 1, tzinfo=UTC)
    assert pulled.books == (1, 1, 0, 0)


def test_alias_ties_before_and_after(tmp_path: Path) -> None:
    """previousId is the browser's id, or an e-mail where it looks like one; the event's own ids are tied as well."""
    pulled = read(
        tmp_path,
        event(type="alias", anonymousId=None, previousId="old-cookie", userId="7"),
        event(type="alias", anonymousId="now", previousId="Jen@Example.com", userId="8"),
    )
    assert _links(pulled) == {
        "anonymous_id:old-cookie|user_id:7",
        "email:jen@example.com|user_id:8",
        "anonymous_id:now|user_id:8",
    }


def test_a_track_event_with_both_ids_is_a_link_too(tmp_path: Path) -> None:
    """Also where the event itself is of no interest; seen often, a pair is one row with its first and last time."""
    pulled = read(tmp_path, *(event(at, anonymousId="a", userId="7", event="Order Completed") for at in (5, 3, 9)))
    (row,) = pulled.rows("identity_link")
    assert (row["first_seen"].second, row["last_seen"].second) == (3, 9)
    assert pulled.books == (3, 3, 0, 0)


def test_link_ends_do_not_depend_on_their_order(tmp_path: Path) -> None:
    """A link has one key, whichever way round it is seen."""
    schema_order = read(tmp_path, event(type="identify", anonymousId="zzz", userId="aaa")).rows("identity_link")[0]
    assert (schema_order["a_type"], schema_order["b_type"]) == ("anonymous_id", "user_id")


ODD: list[Any] = [
    *(
        None,
        True,
        0,
        -1,
        1.5,
        float("inf"),
        "",
        "x",
        "\ud800",
        "\0",
        "2026-09-01T00:00:00Z",
        "9999-12-31T23:59:59-23:59",
    ),
    *([], [[]], {}, {"a": 1}, {"email": 5}, {"email": "a@example.com"}, {"phone": "1"}, {"products": [{}, 1]}),
    *({"traits": []}, {"consent": {"categoryPreferences": {"Advertising": {}}}}, {"product_id": []}, {"product_id": 1}),
]
FIELDS = ("type", "event", "messageId", "anonymousId", "userId", "timestamp", "receivedAt", "properties", "context")


@given(
    others=st.lists(
        st.dictionaries(st.sampled_from([*FIELDS, "traits", "previousId"]), st.sampled_from(ODD), max_size=6),
        max_size=5,
    )
)
def test_no_event_can_break_the_pull(tmp_path_factory: pytest.TempPathFactory, others: list[dict[str, Any]]) -> None:
    """Whatever the fields hold, books balance and the good event behind them is kept."""
    path = tmp_path_factory.mktemp("any") / "web.ndjson"
    lines = [json.dumps({**event(1, type="identify", userId="7"), **other}) for other in others]
    assert pull(SegmentFile("web", write(path, ndjson([*lines, event(2)])))).keys()[-1] == "m2"


@given(data=st.binary(max_size=300))
def test_no_bytes_can_break_the_pull(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    """Any bytes at all, also packed ones, end as rows or as rejections."""
    path = tmp_path_factory.mktemp("any")
    good = ndjson([event(2)])
    assert pull(SegmentFile("web", write(path / "web.ndjson", data + b"\n" + good))).books[1] >= 0
    (path / "broken.gz").write_bytes(b"\x1f\x8b" + data)
    assert pull(SegmentFile("web", path / "broken.gz")).keys() == []


def test_a_mapping_is_refused(tmp_path: Path) -> None:
    """A mapping that would do nothing is not passed over in silence."""
    with pytest.raises(SetupError, match="take no mapping"):
        build("segment", "web", tmp_path / "web.ndjson", "mine", None)


@pytest.mark.shared
def test_taobao(worlds: Path) -> None:
    """The real world's events give its views, carts, wishes and 1,069 sign-ins, and nothing is left over."""
    pulled = pull(SegmentFile("web", worlds / "taobao" / "events.ndjson.gz"))
    assert pulled.books == (98_925, 98_925, 0, 0)
    kinds = [row["kind"] for row in pulled.rows("interaction")]
    assert [kinds.count(each) for each in ("view", "cart", "wish")] == [89_666, 5_446, 2_744]
    assert sum(key.startswith("anonymous_id:") and "|user_id:" in key for key in pulled.keys("identity_link")) == 1_069
