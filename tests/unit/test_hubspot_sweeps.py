"""What only HubSpot's sweeps and second pass ask for: listings that lack too much, other ids in answers, lateness."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from hubspot_rig import Rig, keys, pulled, rigged

from connector.crms.hubspot import HubSpot
from connector.errors import GuardStop
from connector.limits import Clock
from connector.model import Batch, Cursor
from connector.ports import Held
from connector.schema import TIME

T0 = datetime(2026, 1, 1, tzinfo=UTC)
WAITS: dict[str, Any] = {"lag_seconds": 60, "overlap_seconds": 600, "batch_records": 100}
COLUMNS = pa.schema(
    [
        ("key", pa.string()),
        ("version", TIME),
        ("gone", pa.bool_()),
        ("bare", pa.bool_()),
        ("points_to", pa.string()),
        ("replaces", pa.string()),
    ]
)


@pytest.fixture
def rig() -> Iterator[Rig]:
    """An empty portal."""
    with rigged() as rig:
        yield rig


def holding(contacts: list[str], **said: Any) -> Held:
    """A warehouse that holds some contacts, newer than the portal has them, and nothing else."""
    late = datetime(2030, 1, 1, tzinfo=UTC)
    plain = {"version": late, "gone": False, "bare": False, "points_to": None, "replaces": None, **said}
    rows = [{"key": f"hubspot:{one}", **plain} for one in sorted(contacts)]

    def held(table: str) -> pa.Table:
        return pa.Table.from_pylist(rows if table == "contact" else [], schema=COLUMNS)

    return held


def swept(rig: Rig, name: str, held: Held, **how: Any) -> list[Batch]:
    """A whole sweep."""
    batches = list(rig.crm(batch_records=100).sweep(name, None, held, **how))
    assert all(batch.read == batch.kept + batch.skipped + len(batch.rejected) for batch in batches)
    return batches


def test_a_listing_that_lacks_far_too_much_deletes_nothing(rig: Rig) -> None:
    """More than a hundred and more than 30 %: the sweep stops with the figures and the command that lets it through."""
    held = holding([str(number) for number in range(9_001, 9_201)] + rig.contacts(50))
    with pytest.raises(GuardStop, match="200 of our 250 contacts") as caught:
        swept(rig, "gone", held)
    assert "--sweep gone --approve-deletions" in caught.value.hint
    assert not rig.requests("batch/read")


def test_an_approved_sweep_asks_for_each_before_it_counts_as_deleted(rig: Rig) -> None:
    """Approval is no proof: those that answer by id stay, only those that are nowhere go."""
    people = rig.contacts(150)
    held = holding([str(number) for number in range(9_001, 9_201)] + people)
    shown = {"results": [{"id": people[0], "properties": {}, "updatedAt": T0.isoformat()}]}
    rig.fault("/objects/2026-09/contacts", status=200, body=shown, method="GET")
    batches = swept(rig, "gone", held, approved=True)
    assert keys(batches) == [f"hubspot:{number}" for number in range(9_001, 9_201)]
    assert [list(batch.erased["contact"]) for batch in batches if batch.erased] == [keys(batches)]


def test_a_few_that_are_missing_need_nobody(rig: Rig) -> None:
    """Up to a hundred, or 30 %, is what happens in a shop."""
    assert len(keys(swept(rig, "gone", holding([str(number) for number in range(9_001, 9_101)])))) == 100


def test_an_id_that_answers_with_another_was_merged(rig: Rig) -> None:
    """Also where the survivor does not name it: results are held against what was asked for."""
    shown = {"id": "8", "properties": {}, "updatedAt": T0.isoformat()}
    rig.fault("/contacts/batch/read", status=200, body={"results": [shown]}, times=2)
    batches = [batch for batch in swept(rig, "gone", holding(["7"])) if batch.tables]
    rows = [row for batch in batches for row in batch.tables["contact"].to_pylist()]
    assert [(row["key"], row["merged_into"], row["deleted_at"]) for row in rows] == [("hubspot:7", "hubspot:8", None)]


def test_whose_survivor_lies_in_the_bin_is_not_erased(rig: Rig) -> None:
    """Merged, and the survivor deleted before any pull saw it: the old id may come back with it, so its data stays."""
    first, second = rig.contacts(2)
    merged = {"primaryObjectId": first, "objectIdToMerge": second}
    survivor = rig.act("POST", "/crm/objects/2026-09/contacts/merge", merged)["id"]
    rig.act("DELETE", f"/crm/objects/2026-09/contacts/{survivor}")
    batches = swept(rig, "gone", holding([first, "7"]))
    assert sorted(keys(batches)) == sorted([f"hubspot:{first}", "hubspot:7"])
    assert [list(batch.erased["contact"]) for batch in batches if batch.erased] == [["hubspot:7"]]


def test_a_record_that_no_answer_accounts_for_stays(rig: Rig) -> None:
    """Neither there nor said to be missing: nothing is concluded from it."""
    other = {"category": "OBJECT_NOT_FOUND", "message": "", "context": {"ids": ["5"]}}
    rig.fault("/contacts/batch/read", status=207, body={"results": [], "errors": [other]}, times=9)
    assert keys(swept(rig, "gone", holding(["7"]))) == []


def test_ties_that_are_suddenly_gone_stop_the_sweep(rig: Rig) -> None:
    """Orders of many buyers become guests only when a person says so."""
    buyer = rig.contacts(1)[0]
    orders = [rig.sandbox.portal.create_order(None, []) for _ in range(120)]
    rows = [
        {"key": f"hubspot:{one}", "version": T0, "gone": False, "bare": False, "points_to": f"hubspot:{buyer}"}
        for one in orders
    ]

    def held(table: str) -> pa.Table:
        return pa.Table.from_pylist(rows if table == "order_header" else [], schema=COLUMNS)

    with pytest.raises(GuardStop, match="120 of 120 orders") as caught:
        swept(rig, "moved", held)
    assert "--sweep moved --approve-deletions" in caught.value.hint
    assert len(keys(swept(rig, "moved", held, approved=True))) == 120


# The second pass


def adapter(rig: Rig, **settings: Any) -> HubSpot:
    """A new adapter whose own clock is the portal's."""
    clock = Clock(now=lambda: datetime.fromtimestamp(rig.sandbox.clock.milliseconds() / 1000, UTC))
    return rig.crm(None, clock, **{**WAITS, **settings})


def walked(rig: Rig, cursor: Cursor | None, seen: dict[str, datetime]) -> Cursor | None:
    """A pull by somebody who keeps what it hands out."""

    def known(keys: Sequence[str]) -> dict[str, datetime]:
        return {key: seen[key] for key in keys if key in seen}

    for batch in adapter(rig).pull("contact", cursor, known):
        cursor = batch.cursor
        for row in batch.tables.get("contact", pa.table({"key": [], "version": []})).to_pylist():
            seen[row["key"]] = row["version"]
    return cursor


def test_what_is_indexed_within_an_hour_is_never_missed(rig: Rig) -> None:
    """However late within that hour, and whenever it was made: a search may miss it, the second pass does not."""
    cursor, seen, late = walked(rig, None, {}), {}, []
    for number in range(14):
        rig.sandbox.clock.advance(450)
        contact = rig.contacts(1)[0]
        rig.sandbox.index_late("contacts", contact, (0, 599, 700, 1_800, 3_000, 3_599)[number % 6])
        late.append(f"hubspot:{contact}")
        rig.sandbox.clock.advance(450)
        cursor = walked(rig, cursor, seen)
    assert not set(late) <= seen.keys()
    for _ in range(9):
        rig.sandbox.clock.advance(900)
        cursor = walked(rig, cursor, seen)
    assert set(late) <= seen.keys()


def test_the_second_pass_costs_one_search_an_hour(rig: Rig) -> None:
    """Quiet pulls are one search; about one an hour is two; what is held already is not read again."""
    seen: dict[str, datetime] = {}
    cursor = walked(rig, None, seen)
    rig.sandbox.clock.advance(900)
    rig.contacts(3)
    rig.forget()
    searches = []
    for _ in range(24):
        rig.sandbox.clock.advance(900)
        before = len(rig.requests("/search"))
        cursor = walked(rig, cursor, seen)
        searches.append(len(rig.requests("/search")) - before)
    assert set(searches) == {1, 2}
    assert 4 <= searches.count(2) <= 6
    assert len(rig.requests("batch/read")) == 1


def test_a_second_pass_that_was_broken_off_goes_on(rig: Rig) -> None:
    """Killed after any batch of either walk, the rest comes from its cursor."""
    cursor = walked(rig, None, {})
    rig.sandbox.clock.advance(300)
    late = [f"hubspot:{one}" for one in rig.contacts(450)]
    for one in late:
        rig.sandbox.index_late("contacts", one.removeprefix("hubspot:"), 3_000)
    rig.sandbox.clock.advance(2_000)
    cursor = walked(rig, cursor, {})
    rig.sandbox.clock.advance(6_000)
    whole = pulled(adapter(rig), "contact", cursor)
    assert set(keys(whole)) == set(late)
    assert len(whole) > 3
    for at, batch in enumerate(whole):
        rest = pulled(adapter(rig), "contact", batch.cursor)
        assert set(keys(whole[: at + 1])) | set(keys(rest)) == set(late)
    assert keys(pulled(adapter(rig), "contact", whole[-1].cursor)) == []


def test_no_second_pass_where_it_is_switched_off(rig: Rig) -> None:
    """Zero seconds: one search a pull, always."""
    cursor = pulled(adapter(rig, delayed_seconds=0), "contact")[-1].cursor
    rig.sandbox.clock.advance(50_000)
    rig.forget()
    pulled(adapter(rig, delayed_seconds=0), "contact", cursor)
    assert len(rig.requests("/search")) == 1
