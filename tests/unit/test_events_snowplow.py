"""Snowplow's enriched TSV: what an event becomes, who is behind it, what is rejected."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from event_files import Pulled, pull, write

from connector.errors import SetupError
from connector.events import build
from connector.events.snowplow import COLUMNS

SCHEMA = "iglu:com.snowplowanalytics.snowplow"


def action(kind: str) -> str:
    """The column of an e-commerce action."""
    data = {"schema": f"{SCHEMA}.ecommerce/snowplow_ecommerce_action/jsonschema/1-0-2", "data": {"type": kind}}
    return json.dumps({"schema": f"{SCHEMA}/unstruct_event/jsonschema/1-0-0", "data": data})


def contexts(*entities: tuple[str, dict[str, Any]]) -> str:
    """The column of entities: (kind, what it holds)."""
    page = {"schema": f"{SCHEMA}/web_page/jsonschema/1-0-0", "data": {"id": "w"}}
    found = [{"schema": f"{SCHEMA}.ecommerce/{kind}/jsonschema/1-0-0", "data": data} for kind, data in entities]
    return json.dumps({"schema": f"{SCHEMA}/contexts/jsonschema/1-0-0", "data": [page, *found]})


def snowplow(number: int = 1, **other: str) -> str:
    """A line: a product view; `other` replaces columns."""
    usual = {
        "app_id": "shop",
        "collector_tstamp": f"2026-09-01 10:00:{number % 60:02}.500",
        "derived_tstamp": f"2026-09-01 10:00:{number % 60:02}.123",
        "event": "unstruct",
        "event_id": f"uuid-{number}",
        "domain_userid": f"duid-{number}",
        "network_userid": "nuid",
        "mkt_campaign": "autumn",
        "contexts": contexts(("product", {"id": f"P{number}", "category": "Lamps", "currency": "EUR", "price": 9})),
        "unstruct_event": action("product_view"),
        "event_name": "snowplow_ecommerce_action",
    }
    row = {**usual, **other}
    return "\t".join(row.get(column, "") for column in COLUMNS) + "\n"


def read(tmp_path: Path, *lines: str) -> Pulled:
    return pull(build("snowplow", "sp", write(tmp_path / "enriched.tsv", "".join(lines).encode()), "", None))


def test_columns() -> None:
    """131, each once, the first, some within and the last where Snowplow's SDKs have them."""
    assert len(COLUMNS) == len(set(COLUMNS)) == 131
    known = {0: "app_id", 6: "event_id", 12: "user_id", 15: "domain_userid", 52: "contexts", 58: "unstruct_event"}
    known |= {116: "mkt_clickid", 122: "derived_contexts", 126: "event_name", 130: "true_tstamp"}
    assert {at: COLUMNS[at] for at in known} == known


def test_a_view(tmp_path: Path) -> None:
    """Every column of the interaction."""
    assert read(tmp_path, snowplow()).rows("interaction") == [
        {
            "key": "uuid-1#P1",
            "version": datetime(2026, 9, 1, 10, 0, 1, 500_000, tzinfo=UTC),
            "source": "sp",
            "kind": "view",
            "identifier_type": "anonymous_id",
            "identifier": "duid-1",
            "product_id": "P1",
            "occurred_at": datetime(2026, 9, 1, 10, 0, 1, 123_000, tzinfo=UTC),
            "received_at": datetime(2026, 9, 1, 10, 0, 1, 500_000, tzinfo=UTC),
            "campaign": "autumn",
            "cost": None,
            "consent": None,
        }
    ]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("list_click", "click"), ("add_to_cart", "cart"), ("checkout_step", "checkout")],
)
def test_kinds(tmp_path: Path, kind: str, expected: str) -> None:
    """The actions of Snowplow's e-commerce plugin."""
    assert read(tmp_path, snowplow(unstruct_event=action(kind))).rows("interaction")[0]["kind"] == expected


@pytest.mark.parametrize(
    "other",
    [
        {"unstruct_event": action("transaction")},
        {"unstruct_event": action("promo_view")},
        {"unstruct_event": action("checkout_step"), "contexts": contexts(("checkout_step", {"step": 1}))},
        {"event_name": "page_view", "unstruct_event": "", "contexts": "not read at all"},
    ],
)
def test_events_of_no_use_are_skipped(tmp_path: Path, other: dict[str, str]) -> None:
    """Purchases, promotions, steps without products and page views are neither kept nor bad."""
    assert read(tmp_path, snowplow(**other)).books == (1, 0, 1, 0)


def test_each_product_is_a_record(tmp_path: Path) -> None:
    """A cart of two products is two interactions; a product without an id is rejected alone."""
    entities = contexts(("product", {"id": "A"}), ("product", {"id": 7}), ("product", {"name": "no id"}))
    pulled = read(tmp_path, snowplow(unstruct_event=action("add_to_cart"), contexts=entities))
    assert pulled.keys() == ["uuid-1#A", "uuid-1#7"] and pulled.books == (3, 2, 0, 1)
    assert pulled.complaints == [("enriched.tsv:1#2", "id of a product entity missing")]


def test_who_it_was(tmp_path: Path) -> None:
    """The first-party cookie, else the collector's; the user entity names and ties."""
    (row,) = read(tmp_path, snowplow(domain_userid="")).rows("interaction")
    assert row["identifier"] == "nuid"
    user = ("user", {"id": "9001", "email": "Dana@Example.com"})
    pulled = read(tmp_path, snowplow(contexts=contexts(user, ("product", {"id": "A"}))))
    assert set(pulled.keys("identity_link")) == {
        "anonymous_id:duid-1|user_id:9001",
        "anonymous_id:duid-1|email:dana@example.com",
        "email:dana@example.com|user_id:9001",
    }
    page = read(tmp_path, snowplow(event_name="page_view", user_id="9001"))
    assert page.keys("identity_link") == ["anonymous_id:duid-1|user_id:9001"] and page.books == (1, 1, 0, 0)


def test_times_in_order_of_trust(tmp_path: Path) -> None:
    """true_tstamp, derived_tstamp, collector_tstamp."""
    told = read(tmp_path, snowplow(true_tstamp="2026-08-01 00:00:00.000")).rows("interaction")[0]
    assert told["occurred_at"] == datetime(2026, 8, 1, tzinfo=UTC)
    late = read(tmp_path, snowplow(derived_tstamp="")).rows("interaction")[0]
    assert late["occurred_at"] == late["received_at"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("a\tb\n", "2 columns instead of 131"),
        (snowplow(derived_tstamp="soon", collector_tstamp=""), "no derived_tstamp and no collector_tstamp that can be"),
        (snowplow(contexts="{"), "contexts: not JSON"),
        (snowplow(unstruct_event="[]"), "unstruct_event: not a JSON object"),
        (snowplow(contexts=contexts()), "no product entity in contexts"),
        (snowplow(event_id=""), "event_id missing"),
        (snowplow(domain_userid="", network_userid=""), "no domain_userid, network_userid or user_id"),
    ],
)
def test_lines_that_should_have_been_of_use(tmp_path: Path, line: str, reason: str) -> None:
    """Each is kept aside with its number, between two that are kept."""
    pulled = read(tmp_path, snowplow(2), line, snowplow(3))
    ((reference, found),) = pulled.complaints
    assert reference == "enriched.tsv:2" and found.startswith(reason) and pulled.books == (3, 2, 0, 1)


def test_a_mapping_is_refused(tmp_path: Path) -> None:
    """A mapping that would do nothing is not passed over in silence."""
    with pytest.raises(SetupError, match="snowplow files take no mapping"):
        build("snowplow", "sp", tmp_path, "mine", None)
