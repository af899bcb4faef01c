"""The sandbox Salesforce's bulk queries: a job's life, its pages, and what cannot be asked in bulk."""

import gzip
from collections.abc import Iterator
from typing import Any

import pytest
from salesforce_bulk import QUERIES, Bulk, rows, table

from connector.sandbox.salesforce_serve import SalesforceSandbox

NAMES = "SELECT Id, LastName FROM Contact"
PEOPLE = 25


@pytest.fixture(scope="module")
def bulk() -> Iterator[Bulk]:
    """An org with some people, for tests that only read."""
    with SalesforceSandbox() as sandbox:
        one = Bulk(sandbox)
        lines = (f'Reed{number},r{number}@lamp.example,"line {number}\nof ""two"", Ü"' for number in range(PEOPLE))
        one.ingest(table("LastName,Email,Description", *lines))
        yield one
        one.pool.clear()


@pytest.fixture
def configure(bulk: Bulk) -> Iterator[Any]:
    """Change settings of the org for one test."""
    settings = bulk.sandbox.org.settings
    before = dict(vars(settings))
    yield bulk.sandbox.service.configure
    vars(settings).update(before)


def test_the_life_of_a_query(bulk: Bulk) -> None:
    """Queued, in progress, complete, deleted; each look tells how far it is."""
    made = bulk.job(QUERIES, operation="query", query=NAMES)
    assert made["id"].startswith("750")
    told = {name: made[name] for name in ("operation", "object", "state", "apiVersion", "contentType", "lineEnding")}
    assert told == {
        "operation": "query",
        "object": "Contact",
        "state": "UploadComplete",
        "apiVersion": 68.0,
        "contentType": "CSV",
        "lineEnding": "LF",
    }
    assert bulk.results(made["id"]).status == 204
    first, second = (bulk("GET", f"{QUERIES}/{made['id']}").json() for _ in range(2))
    assert (first["state"], first["numberRecordsProcessed"]) == ("InProgress", 0)
    assert (second["state"], second["numberRecordsProcessed"], second["jobType"]) == ("JobComplete", PEOPLE, "V2Query")
    assert bulk("DELETE", f"{QUERIES}/{made['id']}").status == 204
    assert bulk("GET", f"{QUERIES}/{made['id']}").status == bulk.results(made["id"]).status == 404


def test_pages_by_locator(bulk: Bulk) -> None:
    """Every page has the header; the last one's locator is the word null; any page can be read again."""
    id, pages, locator = bulk.query(NAMES), [], ""
    while locator != "null":
        answer = bulk.results(id, maxRecords=10, **({"locator": locator} if locator else {}))
        pages.append((locator, rows(answer.data)))
        assert answer.headers["Sforce-NumberOfRecords"] == str(len(pages[-1][1]))
        locator = answer.headers["Sforce-Locator"]
    assert [len(page) for _, page in pages] == [10, 10, 5]
    assert len({row["Id"] for _, page in pages for row in page}) == PEOPLE
    again = rows(bulk.results(id, maxRecords=10, locator=pages[1][0]).data)
    assert again == pages[1][1]


def test_a_locator_that_is_none(bulk: Bulk) -> None:
    """400, whatever the text is."""
    assert bulk.results(bulk.query(NAMES), locator="!").json()[0]["errorCode"] == "INVALID_QUERY_LOCATOR"


def test_csv_comes_out_as_the_values_are(bulk: Bulk) -> None:
    """Line breaks, quotes and umlauts; all values quoted; times in ISO; booleans in words; null is empty."""
    id = bulk.query(
        "SELECT LastName, Description, CreatedDate, HasOptedOutOfEmail, FirstName FROM Contact WHERE LastName = 'Reed3'"
    )
    answer = bulk.results(id)
    assert answer.headers["Content-Type"].startswith("text/csv")
    (row,) = rows(answer.data)
    assert row["Description"] == 'line 3\nof "two", Ü'
    assert (row["HasOptedOutOfEmail"], row["FirstName"]) == ("false", "")
    assert row["CreatedDate"].endswith(".000Z")
    assert answer.data.startswith(b'"LastName","Description","CreatedDate","HasOptedOutOfEmail","FirstName"\n"Reed3"')


def test_another_dialect(bulk: Bulk) -> None:
    """Delimiter and line ending are those that the job asked for."""
    job = bulk.job(QUERIES, operation="query", query=NAMES, columnDelimiter="PIPE", lineEnding="CRLF")
    bulk.done(QUERIES, job["id"])
    data = bulk.results(job["id"]).data
    assert data.startswith(b'"Id"|"LastName"\r\n')
    assert len(rows(data, "|")) == PEOPLE


def test_results_are_compressed_on_request(bulk: Bulk) -> None:
    """`Accept-Encoding: gzip` brings gzip."""
    id = bulk.query("SELECT Id, LastName, Description FROM Contact")
    answer = bulk.pool.request(
        "GET",
        f"{bulk.sandbox.url}{QUERIES}/{id}/results",
        headers={"Authorization": f"Bearer {bulk.sandbox.token}", "Accept-Encoding": "gzip"},
        decode_content=False,
    )
    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(rows(gzip.decompress(answer.data))) == PEOPLE


def test_nothing_found(bulk: Bulk) -> None:
    """A header alone, no records, no further page."""
    answer = bulk.results(bulk.query(f"{NAMES} WHERE LastName = 'Nobody'"))
    assert answer.data == b'"Id","LastName"\n'
    assert (answer.headers["Sforce-NumberOfRecords"], answer.headers["Sforce-Locator"]) == ("0", "null")


def test_query_all_has_the_deleted(bulk: Bulk) -> None:
    """`queryAll` reads the recycle bin too, `query` does not."""
    where = "FROM Contact WHERE LastName = 'Gone'"
    (made,) = bulk.good(bulk.ingest(table("LastName", "Gone")))
    bulk.ingest(table("Id", made["sf__Id"]), operation="delete")
    alive = rows(bulk.results(bulk.query(f"SELECT Id {where}")).data)
    every = rows(bulk.results(bulk.query(f"SELECT IsDeleted {where}", "queryAll")).data)
    assert (alive, every) == ([], [{"IsDeleted": "true"}])


def test_parents_are_columns(bulk: Bulk) -> None:
    """A parent's field is named by its path."""
    data = bulk.results(bulk.query("SELECT Owner.Username FROM Contact LIMIT 1")).data
    assert rows(data) == [{"Owner.Username": bulk.sandbox.org.integration.username}]


@pytest.mark.parametrize(
    ("soql", "code", "words"),
    [
        ("SELECT Id, (SELECT Id FROM Contacts) FROM Account", "FEATURENOTENABLED", "Aggregate Relationships"),
        ("SELECT COUNT(Id) FROM Contact", "FEATURENOTENABLED", "Aggregate functions"),
        ("SELECT LastName FROM Contact GROUP BY LastName", "FEATURENOTENABLED", "GROUP BY"),
        ("SELECT Id FROM Contact LIMIT 5 OFFSET 5", "FEATURENOTENABLED", "OFFSET"),
        ("SELECT MailingAddress FROM Contact", "FEATURENOTENABLED", "compound"),
        ("SELECT Nonsense__c FROM Contact", "INVALID_FIELD", "No such column 'Nonsense__c'"),
        ("SELECT Id FROM Nonsense", "INVALID_TYPE", "sObject type 'Nonsense' is not supported"),
        ("SELECT FROM Contact", "MALFORMED_QUERY", ""),
    ],
)
def test_what_cannot_be_asked_in_bulk(bulk: Bulk, soql: str, code: str, words: str) -> None:
    """It makes no job, and the answer says why."""
    status, found, message = bulk.refused(QUERIES, operation="query", query=soql)
    assert (status, found) == (400, code)
    assert words in message


def test_a_job_needs_its_parts(bulk: Bulk) -> None:
    """An unknown operation, format or no query at all."""
    assert bulk.refused(QUERIES, operation="insert", query=NAMES)[1] == "INVALIDJOB"
    assert bulk.refused(QUERIES, operation="query")[1] == "INVALIDJOB"
    assert bulk.refused(QUERIES, operation="query", query=NAMES, contentType="JSON")[1] == "INVALIDJOB"
    assert bulk.refused(QUERIES, operation="query", query=NAMES, columnDelimiter="DOT")[1] == "INVALIDJOB"


def test_another_version_of_the_api(bulk: Bulk) -> None:
    """Results must be asked for in the version in which the job was made: 409."""
    id = bulk.query(NAMES)
    assert bulk("GET", f"{QUERIES.replace('v68', 'v67')}/{id}/results").status == 409


def test_abort(bulk: Bulk) -> None:
    """A query that is not complete can be stopped, once; then there is nothing to read."""
    id = bulk.job(QUERIES, operation="query", query=NAMES)["id"]
    assert bulk("PATCH", f"{QUERIES}/{id}", {"state": "Aborted"}).json()["state"] == "Aborted"
    assert bulk("GET", f"{QUERIES}/{id}").json()["state"] == "Aborted"
    assert bulk("PATCH", f"{QUERIES}/{id}", {"state": "Aborted"}).json()[0]["errorCode"] == "INVALIDJOBSTATE"
    assert bulk.results(id).status == 204
    assert bulk("PATCH", f"{QUERIES}/{id}", {"state": "Open"}).status == 400


def test_a_job_may_wait(bulk: Bulk, configure: Any) -> None:
    """By the clock instead of by looks: what is written before it begins is found by it."""
    configure({"job_seconds": 60, "job_polls": 0})
    id = bulk.job(QUERIES, operation="query", query=f"{NAMES} WHERE LastName = 'Later'")["id"]
    assert bulk("GET", f"{QUERIES}/{id}").json()["state"] == "UploadComplete"
    bulk.sandbox.service.act("POST", "/services/data/v68.0/sobjects/Contact", {"LastName": "Later"})
    bulk.sandbox.clock.advance(61)
    assert bulk("GET", f"{QUERIES}/{id}").json()["numberRecordsProcessed"] == 1


def test_a_field_that_is_hidden_before_the_job_begins(bulk: Bulk, configure: Any) -> None:
    """The job fails, and says which column it is."""
    configure({"job_seconds": 60, "job_polls": 0})
    id = bulk.job(QUERIES, operation="query", query="SELECT Title FROM Contact")["id"]
    bulk.sandbox.levers["hide_field"]("Contact", "Title")
    bulk.sandbox.clock.advance(61)
    told = bulk.done(QUERIES, id)
    bulk.sandbox.levers["show_field"]("Contact", "Title")
    assert told["state"] == "Failed"
    assert "No such column 'Title'" in told["errorMessage"]


def test_a_query_that_breaks(bulk: Bulk) -> None:
    """The lever fails the next one; the one after that works."""
    bulk.sandbox.levers["break_job"](kind="query", message="InternalServerError : try again")
    id = bulk.job(QUERIES, operation="query", query=NAMES)["id"]
    told = bulk.done(QUERIES, id)
    assert (told["state"], told["errorMessage"]) == ("Failed", "InternalServerError : try again")
    assert bulk.results(id).status == 204
    assert bulk.query(NAMES)


def test_a_page_of_the_servers_own_size(bulk: Bulk, configure: Any) -> None:
    """Where the client names no number, the server does."""
    configure({"bulk_page": 7})
    answer = bulk.results(bulk.query(NAMES))
    assert answer.headers["Sforce-NumberOfRecords"] == "7"
    assert bulk.results(bulk.query(NAMES), maxRecords=0).status == 400


def test_all_jobs(bulk: Bulk) -> None:
    """The list tells queries by themselves, and ingest jobs where they are asked for."""
    id = bulk.query(NAMES)
    told = bulk("GET", QUERIES).json()
    assert told["done"] is True
    assert id in {one["id"] for one in told["records"]}
    ingest = bulk("GET", f"{QUERIES}?jobType=V2Ingest").json()["records"]
    assert {one["operation"] for one in ingest} >= {"insert"}
    assert id not in {one["id"] for one in ingest}


def test_jobs_go_after_seven_days(bulk: Bulk) -> None:
    """Then they never were."""
    id = bulk.query(NAMES)
    bulk.sandbox.clock.advance(7 * 86_400 + 1)
    assert bulk("GET", f"{QUERIES}/{id}").status == 404
    assert bulk("GET", QUERIES).json()["records"] == []


def test_more_rows_than_one_block(bulk: Bulk) -> None:
    """Pages that begin and end anywhere meet without a gap."""
    lines = (f"Block{number:04}" for number in range(2_345))
    bulk.ingest(table("LastName", *lines))
    id = bulk.query("SELECT LastName FROM Contact WHERE LastName LIKE 'Block%' ORDER BY LastName")
    found, locator = [], ""
    while locator != "null":
        answer = bulk.results(id, maxRecords=997, **({"locator": locator} if locator else {}))
        found += [row["LastName"] for row in rows(answer.data)]
        locator = answer.headers["Sforce-Locator"]
    assert found == [f"Block{number:04}" for number in range(2_345)]
