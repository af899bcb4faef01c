"""What a source still tells of erased persons is left out, and nothing of anybody else."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from small_seen import contact, event, link, order, seen

from connector.model import Batch, Rejection
from connector.pull.forgotten import Forgotten
from connector.store import Store, erasures, open_store

GONE = [("contact", "hubspot:1"), ("email", "ann@example.com"), ("phone", "+442079460123"), ("anonymous_id", "cookie")]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Ann was erased."""
    opened = open_store(f"sqlite:///{tmp_path / 'state.db'}")
    salt = erasures.keep_salt(opened)
    erasures.remember(opened, "E1", [erasures.digest(salt, *one) for one in GONE])
    yield opened
    opened.close()


def told(kept: int, rejected: list[Rejection] = [], **tables: list[dict[str, Any]]) -> Batch:  # noqa: B006
    rows = {name: getattr(seen(**tables), name).to_pyarrow() for name in tables}
    return Batch(tables=rows, cursor={}, read=kept + len(rejected), kept=kept, rejected=rejected)


def keys(table: pa.Table) -> list[str]:
    found: list[str] = table["key"].to_pylist()
    return found


def test_contacts_are_known_by_key_address_or_number(store: Store) -> None:
    """A phone alone tells only of who has nothing else; a further address in any case tells, too."""
    people = [
        contact("hubspot:1"),
        contact("hubspot:2", email="Ann@Example.com"),
        contact("hubspot:3", email="bob@example.com", other_emails="b@example.com;ANN@example.com"),
        contact("hubspot:4", phone="+442079460123"),
        contact("hubspot:5", email="carl@example.com", phone="+442079460123"),
    ]
    kept = Forgotten(store).without(told(5, contact=people))
    assert keys(kept.tables["contact"]) == ["hubspot:5"]
    assert (kept.read, kept.kept, kept.skipped) == (5, 1, 4)


def test_orders_of_theirs_are_nobodys_also_under_a_new_record(store: Store) -> None:
    """The new record is left out by its address; from then on its key is known, in later runs as well."""
    first = Forgotten(store)
    first.without(told(1, contact=[contact("crm:9", email="ann@example.com")]))
    for forgotten in (first, Forgotten(store)):
        heads = [order("A", "crm:9", "2026-01-01"), order("B", "crm:8", "2026-01-01")]
        kept = forgotten.without(told(2, order_header=heads))
        assert kept.tables["order_header"]["contact_key"].to_pylist() == [None, "crm:8"]
        assert (kept.kept, kept.skipped) == (2, 0)


def test_events_and_links_of_theirs_are_left_out(store: Store) -> None:
    """By whatever identifier, at either end; of the tables that lose rows the worst tells how many records."""
    events = [
        event(str(at), "view", who, "X", "2026-01-01") for at, who in enumerate(("anonymous_id:cookie", "user_id:u"))
    ]
    links = [link("anonymous_id:new", "email:ann@example.com"), link("anonymous_id:new", "user_id:u")]
    kept = Forgotten(store).without(told(3, interaction=events, identity_link=links))
    assert (keys(kept.tables["interaction"]), len(keys(kept.tables["identity_link"]))) == (["1"], 1)
    assert (kept.read, kept.kept, kept.skipped) == (3, 2, 1)


def test_a_rejected_row_keeps_nothing_of_theirs(store: Store) -> None:
    """Neither in its content nor in its reason; others stay as they are."""
    hers = Rejection(stream="s", reference="1", reason="ann@example.com is odd", row={"a": {"b": ["ann@example.com"]}})
    other = Rejection(stream="s", reference="2", reason="odd", row={"a": "bob@example.com"})
    kept = Forgotten(store).without(told(0, [hers, other]))
    assert [(one.reason, dict(one.row)) for one in kept.rejected] == [
        ("… is odd", {}),
        ("odd", {"a": "bob@example.com"}),
    ]


def test_where_nobody_was_erased_nothing_is_looked_at(tmp_path: Path) -> None:
    """The batch is handed on as it is."""
    opened = open_store(f"sqlite:///{tmp_path / 'state.db'}")
    batch = told(1, contact=[contact("hubspot:1")])
    assert Forgotten(opened).without(batch) is batch
    opened.close()
