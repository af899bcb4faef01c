"""What the sandbox tells of changes and deletions: spans, windows, late commits, mass edits, what never shows."""

from datetime import UTC, datetime, timedelta
from typing import Any

from salesforce_caller import SOBJECTS, Caller, calling

HOUR, DAY = 3_600, 86_400


def now(call: Caller) -> datetime:
    """The sandbox's time."""
    return datetime.fromtimestamp(call.sandbox.clock.milliseconds() / 1000, UTC)


def told(call: Caller, which: str, *, back: float = HOUR, ahead: float = HOUR, kind: str = "Contact") -> Any:
    """What is told of changes from `back` seconds ago to `ahead` from now."""
    begin, end = (f"{now(call) + timedelta(seconds=at):%Y-%m-%dT%H:%M:%S}Z" for at in (-back, ahead))
    return call("GET", f"{SOBJECTS}/{kind}/{which}?start={begin}&end={end}")


def test_changed_records_are_told_with_what_is_covered() -> None:
    """Ids of living records in the span; covered is until now, in Salesforce's form of a time."""
    with calling() as call:
        old = call.contact("Old")
        call.sandbox.clock.advance(2 * HOUR)
        kept, gone = call.contact("Kept"), call.contact("Gone")
        call.sandbox.levers["delete"]("Contact", gone)
        answer = told(call, "updated/").body
        assert answer["ids"] == [kept]
        assert old not in answer["ids"]
        covered = datetime.fromisoformat(answer["latestDateCovered"])
        assert timedelta(0) <= now(call) - covered < timedelta(seconds=5)
        assert answer["latestDateCovered"].endswith(".000+0000")


def test_deleted_records_are_told() -> None:
    """Deleted and merged away, each with its time; a record that was never there for long is told too."""
    with calling() as call:
        winner, loser, gone = call.contact("W"), call.contact("L"), call.contact("G")
        call.sandbox.clock.advance(90)
        call.sandbox.levers["merge"]("Contact", winner, [loser])
        call.sandbox.levers["delete"]("Contact", gone)
        answer = told(call, "deleted").body
        assert {one["id"] for one in answer["deletedRecords"]} == {loser, gone}
        assert all(datetime.fromisoformat(one["deletedDate"]) <= now(call) for one in answer["deletedRecords"])
        earliest = datetime.fromisoformat(answer["earliestDateAvailable"])
        assert timedelta(days=15) <= now(call) - earliest < timedelta(days=15, minutes=2)
        call.sandbox.levers["undelete"]("Contact", [gone])
        assert [one["id"] for one in told(call, "deleted").body["deletedRecords"]] == [loser]
        assert gone in told(call, "updated").body["ids"]


def test_a_hard_deletion_is_never_told() -> None:
    """Neither queryAll nor the list of deletions knows of it, nor of what went with it."""
    with calling() as call:
        contact = call.contact()
        order = call.order(contact)
        call.sandbox.levers["hard_delete"]("Order", [order])
        assert call.column("SELECT Id FROM OrderItem", "queryAll") == []
        assert call.column("SELECT Id FROM Order", "queryAll") == []
        assert told(call, "deleted", kind="Order").body["deletedRecords"] == []
        assert call.column("SELECT Id FROM Contact") == [contact]


def test_windows_end() -> None:
    """30 days of changes, 15 of deletions; a span runs forward by more than a minute, and is given."""
    with calling() as call:
        for which, days in (("updated", 30), ("deleted", 15)):
            assert told(call, which, back=(days - 1) * DAY).status == 200
            refused = told(call, which, back=(days + 1) * DAY)
            assert (refused.status, refused.body[0]["errorCode"]) == (400, "INVALID_REPLICATION_DATE")
        assert told(call, "updated", back=0, ahead=20 - now(call).second).status == 400
        assert call.error("GET", f"{SOBJECTS}/Contact/updated?start=x&end=y")[0] == 400
        assert told(call, "deleted", kind="Organization").body[0]["errorCode"] == "INVALID_TYPE_FOR_OPERATION"


def test_a_trimmed_log_says_from_when_it_knows() -> None:
    """earliestDateAvailable moves, and what was deleted before is not told."""
    with calling() as call:
        call.sandbox.levers["delete"]("Contact", call.contact())
        call.sandbox.clock.advance(2 * DAY)
        call("POST", "/_sandbox/settings", {"delete_log_days": 1})
        answer = told(call, "deleted", back=3 * DAY).body
        assert answer["deletedRecords"] == []
        assert now(call) - datetime.fromisoformat(answer["earliestDateAvailable"]) < timedelta(days=1, minutes=2)


def test_a_late_commit_shows_up_with_an_old_stamp() -> None:
    """While the transaction runs nothing shows and covered stays at its begin; then the rows carry that time."""
    with calling() as call:
        changed = call.contact("Before")
        call.sandbox.clock.advance(HOUR)
        began = now(call).replace(microsecond=0)
        call.sandbox.levers["late_commit"]("Contact", {"LastName": "After"}, id=changed, seconds=HOUR)
        call.sandbox.levers["late_commit"]("Contact", {"LastName": "Made"}, seconds=HOUR)
        call.sandbox.clock.advance(HOUR / 2)
        other = call.contact("Meanwhile")
        covered = datetime.fromisoformat(told(call, "updated").body["latestDateCovered"])
        assert abs(covered - began) <= timedelta(seconds=1)
        assert call.column("SELECT LastName FROM Contact ORDER BY Id") == ["Before", "Meanwhile"]
        call.sandbox.clock.advance(HOUR / 2 + 1)
        rows = call.rows("SELECT LastName, SystemModstamp FROM Contact WHERE LastName IN ('After', 'Made')")
        assert [row["LastName"] for row in rows] == ["After", "Made"]
        assert all(abs(datetime.fromisoformat(row["SystemModstamp"]) - began) <= timedelta(seconds=1) for row in rows)
        assert now(call) - datetime.fromisoformat(told(call, "updated").body["latestDateCovered"]) < timedelta(
            minutes=1
        )
        newest = call.column("SELECT Id FROM Contact ORDER BY SystemModstamp DESC LIMIT 1")
        assert newest == [other]


def test_an_open_transaction_holds_its_record() -> None:
    """Nobody else writes it until the commit; one whose record is gone by then comes to nothing."""
    with calling() as call:
        held, gone = call.contact("Held"), call.contact("Gone")
        for contact in (held, gone):
            call.sandbox.levers["late_commit"]("Contact", {"Title": "late"}, id=contact)
        assert call.error("PATCH", f"{SOBJECTS}/Contact/{held}", {"Title": "Dr"})[1] == "UNABLE_TO_LOCK_ROW"
        call.sandbox.levers["hard_delete"]("Contact", [gone])
        call.sandbox.clock.advance(HOUR + 1)
        assert call("PATCH", f"{SOBJECTS}/Contact/{held}", {"Phone": "1"}).status == 204
        assert call.rows("SELECT Title, Phone FROM Contact") == [{"Title": "late", "Phone": "1"}]


def test_another_object_s_transaction_holds_nothing_up() -> None:
    """Covered is the object's own; `commit` ends all transactions at once."""
    with calling() as call:
        call.sandbox.levers["late_commit"]("Lead", {"LastName": "L", "Company": "Co"})
        call.sandbox.clock.advance(HOUR)
        covered = datetime.fromisoformat(told(call, "updated").body["latestDateCovered"])
        assert now(call) - covered < timedelta(minutes=1)
        call.sandbox.levers["late_commit"]("Lead", {"LastName": "M", "Company": "Co"}, seconds=DAY)
        assert call.sandbox.levers["commit"]() == 1
        assert call.column("SELECT LastName FROM Lead ORDER BY LastName") == ["L", "M"]


def test_a_mass_edit_gives_one_second_to_all() -> None:
    """All living records, or those named, are changed with one and the same stamp, by an admin."""
    with calling() as call:
        ids = [call.contact(str(number)) for number in range(3)]
        call.sandbox.levers["delete"]("Contact", ids[2])
        call.sandbox.clock.advance(HOUR)
        assert call.sandbox.levers["touch"]("Contact") == 2
        assert len(set(call.column("SELECT SystemModstamp FROM Contact"))) == 1
        reply = call("POST", "/_sandbox/touch", {"kind": "Contact", "ids": ids[:1], "values": {"Title": "Dr"}})
        assert reply.body == {"result": 1}
        assert call.column("SELECT Title FROM Contact ORDER BY Id") == ["Dr", None]
        assert call.column("SELECT LastModifiedById FROM Contact LIMIT 1") == [call.sandbox.org.admin.id]


def test_levers_refuse_in_words() -> None:
    """A lever that Salesforce would refuse answers 400 with its words; an unknown lever is none."""
    with calling() as call:
        refused = call("POST", "/_sandbox/insert", {"kind": "Contact", "values": {}})
        assert refused.status == 400
        assert refused.body["error"].startswith("REQUIRED_FIELD_MISSING")
        assert call("POST", "/_sandbox/hide_field", {"kind": "Contact", "name": "Foo"}).status == 400
        assert call("POST", "/_sandbox/no_such_lever", {}).status == 404
        assert call("POST", "/_sandbox/settings", {"no_such_setting": 1}).status == 400
