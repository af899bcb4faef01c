"""Erasures, sales told and what waste is measured by, on SQLite and on PostgreSQL."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from store_rows import membership, properties, record

from connector.model import Receipt, Rejection
from connector.store import Store, acknowledged, ad_members, erasures, forgetting, outbox, rejections, runs, told_sales
from connector.store.erasures import DONE, Erasure, Recipient
from connector.store.tables import rejected

NOON = datetime(2026, 9, 30, 12, tzinfo=UTC)


def test_a_request_is_kept_as_it_stands(store: Store) -> None:
    """With its digests, both or neither; finished ones are told apart; one salt, whoever asks first."""
    salt = erasures.keep_salt(store)
    assert erasures.keep_salt(store, "other") == salt == erasures.known_salt(store)
    digest = erasures.digest(salt, "email", " Ann@Example.com ")
    assert (
        digest == erasures.digest(salt, "email", "ann@example.com") != erasures.digest(salt, "phone", "ann@example.com")
    )
    waits = Recipient(members=["email:a"])
    request = Erasure(
        reference="E1",
        requested_at=NOON,
        digest=digest,
        subject=[("email", "ann@example.com")],
        places=[],
        recipients={"ads": waits},
    )
    erasures.begin(store, request, [digest])
    assert erasures.all_of(store, unfinished=True) == [request]
    assert erasures.digests(store) == {digest: "E1"}
    ended = Erasure(
        reference="E1", requested_at=NOON, digest=digest, recipients={"ads": Recipient(state=DONE)}, finished_at=NOON
    )
    erasures.write(store, ended)
    assert erasures.all_of(store, unfinished=True) == []
    assert [each.finished_at for each in erasures.named(store, ["E1"])] == [NOON]
    erasures.scrub(store)


def test_members_vanish_from_books_and_payloads(store: Store) -> None:
    """Of one destination; the others in the same batch stay."""
    batches = [membership(add=("1", "2")), properties({"1": {"a": "x"}, "2": {"a": "y"}})]
    outbox.enqueue(store, 1, batches)
    record(store, batches[0], Receipt(added=["1", "2"]))
    record(store, batches[1], Receipt(written={"1": None}, rejected={"2": "no"}))
    ad_members.remember(store, "ads", {"email:a": "hubspot:1", "email:b": "hubspot:2"})
    forgetting.forget_members(store, "hubspot", ["1"])
    forgetting.forget_members(store, "ads", ["email:a"])
    assert forgetting.known_members(store) == {("hubspot", "2")}
    assert acknowledged.profiles(store, "hubspot") == {}
    assert ad_members.of_persons(store, "ads", ["hubspot:1", "hubspot:2"]) == {"email:b": "hubspot:2"}
    payloads: list[Any] = [row.payload for row in store.rows(outbox.outbox.select().order_by(outbox.outbox.c.position))]
    assert [(one["add"], one["values"]) for one in payloads] == [(["2"], {}), ([], {"2": {"a": "y"}})]


def test_rejected_rows_that_name_somebody_vanish(store: Store) -> None:
    """Wherever in the row the name stands; every other row stays."""
    rows = [Rejection(stream="s", reference=str(at), reason="odd", row={"a": [text]}) for at, text in enumerate("xyz")]
    rejections.keep(store, "site", 1, rows)
    assert forgetting.rejected_texts(store) == {"x", "y", "z"}
    assert forgetting.forget_rejected(store, lambda text: text == json.dumps({"a": ["y"]})) == 1
    assert sorted(row.reference for row in store.rows(rejected.select())) == ["0", "2"]


def test_sales_told_and_passes_are_remembered(store: Store) -> None:
    """A refused sale counts as told; a pass has its stages' lengths."""
    told_sales.keep(store, "ads", {"a": "", "b": "no"}, 1)
    assert told_sales.known(store, "ads", ["a", "b", "c"]) == {"a", "b"}
    assert told_sales.known(store, "other", ["a"]) == set()
    assert told_sales.forget_before(store, datetime.now(UTC) + timedelta(minutes=1)) == 2
    for decided in (True, False):
        number = runs.start(store, NOON)
        if decided:
            runs.mark_decided(store, number, full=True, rules="")
        runs.finish(store, number, "done", {"run": {"seconds": {"pull": 1.5}}})
    assert [(one.as_of, one.status, one.seconds) for one in runs.passes(store)] == [(NOON, "done", {"pull": 1.5})]
