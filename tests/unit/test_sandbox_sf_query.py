"""The sandbox's query resources: pages, cursors that end, deleted rows, columns told in advance, versions."""

import pytest
from salesforce_caller import DATA, Caller, calling

DAY = 86_400


def test_a_long_answer_comes_in_pages() -> None:
    """200 to a page at least; each page says where the next is; together they are all rows, once, in order."""
    with calling() as call:
        _contacts(call, 450)
        found = call.soql("SELECT LastName FROM Contact ORDER BY LastName DESC", Sforce_Query_Options="batchSize=1")
        assert (found["totalSize"], found["done"], len(found["records"])) == (450, False, 200)
        names = [one["LastName"] for one in found["records"]]
        while not found["done"]:
            found = call("GET", found["nextRecordsUrl"], Sforce_Query_Options="batchSize=200").body
            names += [one["LastName"] for one in found["records"]]
        assert names == [f"Person {number:03d}" for number in reversed(range(450))]
        assert "nextRecordsUrl" not in found


def _contacts(call: Caller, count: int) -> None:
    for start in range(0, count, 200):
        rows = [
            {"attributes": {"type": "Contact"}, "LastName": f"Person {number:03d}"}
            for number in range(start, min(start + 200, count))
        ]
        assert all(one["success"] for one in call("POST", f"{DATA}/composite/sobjects", {"records": rows}).body)


def test_a_cursor_lives_two_days() -> None:
    """A page's address can be read again, is the caller's own, and is no locator after two days."""
    with calling(settings={"query_batch": 200}) as call:
        _contacts(call, 201)
        url = call.soql("SELECT Id FROM Contact")["nextRecordsUrl"]
        assert [len(call("GET", url).body["records"]) for _ in range(2)] == [1, 1]
        call.sandbox.clock.advance(2 * DAY + 60)
        reply = call("GET", url, Authorization="Bearer sandbox-token")
        if reply.status == 401:  # the session did not last as long
            pytest.fail("the token given at the start has no end")
        assert (reply.status, reply.body[0]["errorCode"]) == (400, "INVALID_QUERY_LOCATOR")
        assert call.error("GET", f"{DATA}/query/01gnothing-2000")[1] == "INVALID_QUERY_LOCATOR"
        assert call.error("GET", f"{DATA}/query/nothing")[1] == "INVALID_QUERY_LOCATOR"


def test_groups_have_no_second_page() -> None:
    """An aggregate query with more rows than a page holds is refused."""
    with calling(settings={"query_batch": 200}) as call:
        _contacts(call, 201)
        assert call.refused("SELECT LastName, COUNT(Id) FROM Contact GROUP BY LastName")[0] == "EXCEEDED_ID_LIMIT"


def test_query_all_sees_the_deleted() -> None:
    """queryAll has the recycle bin's rows with IsDeleted; query has not."""
    with calling() as call:
        kept, gone = call.contact("Kept"), call.contact("Gone")
        assert call("DELETE", f"{DATA}/sobjects/Contact/{gone}").status == 204
        assert call.column("SELECT Id FROM Contact") == [kept]
        found = call.rows("SELECT Id, IsDeleted FROM Contact ORDER BY Id", "queryAll")
        assert found == [{"Id": kept, "IsDeleted": False}, {"Id": gone, "IsDeleted": True}]


def test_columns_can_be_asked_for_first() -> None:
    """`columns=true` tells what the rows would be, with a parent's columns within it."""
    with calling() as call:
        told = call("GET", f"{DATA}/query?columns=true&q=SELECT+Id,Account.Name,CreatedDate+FROM+Contact").body
    first, second, third = told["columnMetadata"]
    assert (first["columnName"], first["apexType"], told["idSelected"], told["keyPrefix"]) == ("Id", "Id", True, "003")
    assert (second["columnName"], [one["columnName"] for one in second["joinColumns"]]) == ("Account", ["Name"])
    assert third["apexType"] == "Datetime"


def test_rows_that_sharing_hides_are_not_there() -> None:
    """The integration user gets fewer rows, counts them less, and cannot read or write them; an admin sees all."""
    with calling() as call:
        seen, unseen = call.contact("Seen"), call.contact("Unseen")
        call.sandbox.levers["restrict"]([unseen])
        assert call.column("SELECT Id FROM Contact") == [seen]
        assert call.soql("SELECT COUNT() FROM Contact")["totalSize"] == 1
        assert call.error("GET", f"{DATA}/sobjects/Contact/{unseen}")[:2] == (404, "NOT_FOUND")
        assert call.error("PATCH", f"{DATA}/sobjects/Contact/{unseen}", {"LastName": "X"})[0] == 404
        admin = call.sandbox.service.act("GET", f"{DATA}/query?q=SELECT+COUNT()+FROM+Contact")
        assert admin.content["totalSize"] == 2
        call.sandbox.levers["unrestrict"]()
        assert call.column("SELECT Id FROM Contact") == [seen, unseen]
