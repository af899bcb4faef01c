"""Many things in one call: composites with references, their caps, batches, and collections of records."""

# ruff: noqa: S608 - SOQL of the tests' own

from typing import Any
from urllib.parse import quote

from salesforce_caller import DATA, MANY, SOBJECTS, Caller, bare, calling


def parts(*requests: tuple[Any, ...]) -> list[dict[str, Any]]:
    """Subrequests of (method, path below the version, body), named r0, r1, ..."""
    made = []
    for number, (method, path, *body) in enumerate(requests):
        part = {"method": method, "url": f"{DATA}/{path}", "referenceId": f"r{number}"}
        made.append({**part, "body": body[0]} if body else part)
    return made


def composite(call: Caller, *requests: tuple[Any, ...], **more: Any) -> list[dict[str, Any]]:
    """The answers to the parts of a composite."""
    reply = call("POST", f"{DATA}/composite", {"compositeRequest": parts(*requests), **more})
    assert reply.status == 200, reply.body
    return list(reply.body["compositeResponse"])


def row(kind: str, **values: Any) -> dict[str, Any]:
    """A record of a collection."""
    return {"attributes": {"type": kind}, **values}


def test_later_parts_use_what_earlier_ones_answered() -> None:
    """References reach ids, fields of rows, and text within addresses and bodies; one call is counted."""
    with calling() as call:
        answers = composite(
            call,
            ("POST", "sobjects/Account", {"Name": "Shop"}),
            ("POST", "sobjects/Contact", {"LastName": "Reed", "AccountId": "@{r0.id}"}),
            ("GET", "query?q=" + quote("SELECT Id, Account.Name FROM Contact")),
            ("GET", "sobjects/Contact/@{r2.records[0].Id}?fields=LastName"),
            ("PATCH", "sobjects/Contact/@{r1.id}", {"Title": "of @{r2.records[0].Account.Name}"}),
            ("GET", "sobjects/Contact/describe"),
            ("GET", "sobjects/Contact/updated?start=2020-01-01T00:00:00Z&end=2020-01-02T00:00:00Z"),
        )
        assert [one["httpStatusCode"] for one in answers] == [201, 201, 200, 200, 204, 200, 400]
        assert [one["referenceId"] for one in answers[:2]] == ["r0", "r1"]
        assert answers[0]["httpHeaders"]["Location"].endswith(answers[0]["body"]["id"])
        assert bare(answers[3]["body"]) == {"LastName": "Reed"}
        assert answers[4]["body"] is None
        assert call.column("SELECT Title FROM Contact") == ["of Shop"]


def test_one_part_that_fails_fails_alone_or_all() -> None:
    """What refers to it is halted; with allOrNone all is taken back, and those that went well say so."""
    with calling() as call:
        wrong = (
            ("POST", "sobjects/Contact", {"LastName": "Kept"}),
            ("POST", "sobjects/Contact", {}),
            ("PATCH", "sobjects/Contact/@{r1.id}", {"Title": "x"}),
            ("GET", "nowhere"),
        )
        answers = composite(call, *wrong)
        assert [one["httpStatusCode"] for one in answers] == [201, 400, 400, 404]
        assert answers[1]["body"][0]["errorCode"] == "REQUIRED_FIELD_MISSING"
        assert answers[2]["body"][0]["errorCode"] == "PROCESSING_HALTED"
        answers = composite(call, *wrong[:2], allOrNone=True)
        assert [one["body"][0]["errorCode"] for one in answers] == ["PROCESSING_HALTED", "REQUIRED_FIELD_MISSING"]
        assert call.column("SELECT LastName FROM Contact") == ["Kept"]


def test_a_composite_has_its_caps() -> None:
    """25 parts, five queries or collections, a name of its own for each."""
    with calling() as call:
        many = {"compositeRequest": parts(*[("GET", "sobjects/Contact/describe")] * 26)}
        assert call.error("POST", f"{DATA}/composite", many)[:2] == (400, "LIMIT_EXCEEDED")
        query = ("GET", "query?q=" + quote("SELECT Id FROM Contact"))
        heavy = [query, ("GET", query[1].replace("query", "queryAll", 1)), *[query] * 3]
        assert [one["httpStatusCode"] for one in composite(call, *heavy)] == [200] * 5
        more = parts(*heavy, ("POST", "composite/sobjects", {"records": []}))
        assert call.error("POST", f"{DATA}/composite", {"compositeRequest": more})[1] == "LIMIT_EXCEEDED"
        doubled = [{**part, "referenceId": "same"} for part in parts(query, query)]
        assert call.error("POST", f"{DATA}/composite", {"compositeRequest": doubled})[1] == "INVALID_INPUT"


def test_a_composite_of_reads_is_a_read() -> None:
    """The journal tells composites that only read from those that write."""
    with calling() as call:
        call("DELETE", "/_sandbox/requests")
        composite(call, ("GET", "sobjects/Contact/describe"))
        composite(call, ("POST", "sobjects/Contact", {"LastName": "X"}))
        log = call("GET", "/_sandbox/requests").body["requests"]
    assert [one["kind"] for one in log] == ["read", "write"]


def test_the_pages_of_a_query_can_travel_in_a_composite() -> None:
    """A page's address works there, and a part's own headers are heard."""
    with calling(settings={"query_batch": 400}) as call:
        for _ in range(2):
            rows = [row("Contact", LastName=str(number)) for number in range(200)]
            call("POST", MANY, {"records": rows})
        part = parts(("GET", "query?q=" + quote("SELECT Id FROM Contact")))[0]
        asked = {"compositeRequest": [{**part, "httpHeaders": {"Sforce-Query-Options": "batchSize=200"}}]}
        first = call("POST", f"{DATA}/composite", asked).body["compositeResponse"][0]["body"]
        assert (len(first["records"]), first["done"]) == (200, False)
        (second,) = composite(call, ("GET", first["nextRecordsUrl"].removeprefix(f"{DATA}/")))
        assert (len(second["body"]["records"]), second["body"]["done"]) == (200, True)


def test_a_batch_does_its_parts_each_for_itself() -> None:
    """Statuses and results in order; haltOnError ends it at the first that fails."""
    with calling() as call:
        asked = [{"method": "GET", "url": "v68.0/nowhere"}, {"method": "GET", "url": "v68.0/sobjects/Contact"}]
        told = call("POST", f"{DATA}/composite/batch", {"batchRequests": asked}).body
        assert (told["hasErrors"], [one["statusCode"] for one in told["results"]]) == (True, [404, 200])
        halted = call("POST", f"{DATA}/composite/batch", {"batchRequests": asked, "haltOnError": True}).body
        assert [one["statusCode"] for one in halted["results"]] == [404]


def test_collections_answer_row_by_row() -> None:
    """Several objects in one call; a row that fails says why and the others stand."""
    with calling() as call:
        rows = [row("Contact", LastName="Reed"), row("Contact"), row("Account", Name="Shop")]
        told = call("POST", f"{MANY}/", {"records": rows}).body
        assert [one["success"] for one in told] == [True, False, True]
        assert told[1] == {
            "success": False,
            "errors": [
                {
                    "statusCode": "REQUIRED_FIELD_MISSING",
                    "message": "Required fields are missing: [LastName]",
                    "fields": ["LastName"],
                }
            ],
        }
        contact, account = told[0]["id"], told[2]["id"]
        changes = [
            row("Contact", id=contact, Title="Dr"),
            row("Contact", Title="lost"),
            row("Account", Id=account, Site="A"),
        ]
        told = call("PATCH", MANY, {"records": changes}).body
        assert [one["success"] for one in told] == [True, False, True]
        assert told[1]["errors"][0]["statusCode"] == "MISSING_ARGUMENT"
        wanted = {"ids": [account, contact, "003Qy0000000zzz"], "fields": ["Id", "Title"]}
        read = call("POST", f"{MANY}/Contact", wanted).body
        assert [bare(one) for one in read] == [None, {"Id": contact, "Title": "Dr"}, None]
        assert bare(call("GET", f"{MANY}/Contact?ids={contact}&fields=Title").body) == [{"Title": "Dr"}]
        told = call("DELETE", f"{MANY}?ids={contact},{account},{contact}").body
        assert [one["success"] for one in told] == [True, True, False]


def test_all_or_none() -> None:
    """One bad row takes the good ones back, in making as in deleting."""
    with calling() as call:
        told = call(
            "POST", MANY, {"allOrNone": True, "records": [row("Contact", LastName="Reed"), row("Contact")]}
        ).body
        codes = [one["errors"][0]["statusCode"] for one in told]
        assert codes == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "REQUIRED_FIELD_MISSING"]
        id = call.contact()
        call("DELETE", f"{MANY}?allOrNone=true&ids={id},003Qy0000000zzz")
        assert call.column("SELECT Id FROM Contact") == [id]


def test_collections_upsert_by_a_key() -> None:
    """Made or found is told for each; a key twice in one call, or on several records, fails that row."""
    with calling() as call:
        rows = [row("Contact", Customer_Id__c="c1", LastName="A"), row("Contact", Customer_Id__c="c2", LastName="B")]
        told = call("PATCH", f"{MANY}/Contact/Customer_Id__c", {"records": rows}).body
        assert [one["created"] for one in told] == [True, True]
        again = [*rows[:1], row("Contact", Customer_Id__c="C1", LastName="twice"), row("Contact", LastName="none")]
        told = call("PATCH", f"{MANY}/Contact/Customer_Id__c", {"records": again}).body
        assert [one.get("created") for one in told] == [False, None, None]
        assert [one["errors"][0]["statusCode"] for one in told[1:]] == ["DUPLICATE_VALUE", "MISSING_ARGUMENT"]
        call.contact(Email="same@example.com")
        call.contact(Email="same@example.com")
        told = call("PATCH", f"{MANY}/Contact/Email", {"records": [row("Contact", Email="same@example.com")]}).body
        assert told[0]["errors"][0]["statusCode"] == "DUPLICATE_EXTERNAL_ID"
        told = call("PATCH", f"{MANY}/Contact/Id", {"records": [row("Contact", Id=None, LastName="new")]}).body
        assert told[0]["created"]


def test_collections_have_their_caps() -> None:
    """200 rows, ten changes of object, a type for each row."""
    with calling() as call:
        many = {"records": [row("Contact", LastName="X")] * 201}
        assert call.error("POST", MANY, many)[1] == "EXCEEDED_ID_LIMIT"
        mixed = {"records": [row("Contact" if number % 2 else "Account") for number in range(11)]}
        assert call.error("POST", MANY, mixed)[1] == "INVALID_INPUT"
        told = call("POST", MANY, {"records": [{"LastName": "X"}]}).body
        assert told[0]["errors"][0]["statusCode"] == "INVALID_INPUT"
        assert call("GET", f"{SOBJECTS}/Contact").body["objectDescribe"]["name"] == "Contact"


def test_faults_reach_salesforce_too() -> None:
    """The sandbox's faults spoil its answers, in Salesforce's shape of an error."""
    with calling() as call:
        call("POST", "/_sandbox/faults", {"status": 503, "path_contains": "composite"})
        assert call.error("POST", MANY, {"records": []})[:2] == (503, "SERVER_UNAVAILABLE")
        call("POST", "/_sandbox/faults", {"status": 502, "after_effect": True})
        assert call("POST", MANY, {"records": [row("Contact", LastName="Made anyway")]}).status == 502
        assert call.column("SELECT LastName FROM Contact") == ["Made anyway"]
