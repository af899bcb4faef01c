"""The sandbox Salesforce's bulk ingest: uploads, each operation row by row, dialects of CSV, jobs that end badly."""

from collections.abc import Iterator
from typing import Any

import pytest
from salesforce_bulk import INGEST, Bulk, table

from connector.sandbox.salesforce_serve import SalesforceSandbox


@pytest.fixture
def bulk() -> Iterator[Bulk]:
    """An org of one's own, whose contacts have a key of ours."""
    with SalesforceSandbox() as sandbox:
        with sandbox.org.state.lock:
            sandbox.org.add_field(sandbox.org.schema["Contact"], "Key__c string:40 cufsgnUEI")
        one = Bulk(sandbox)
        yield one
        one.pool.clear()


def made(bulk: Bulk, *names: str) -> list[str]:
    """Contacts with these names; their ids, in order."""
    good = bulk.good(bulk.ingest(table("LastName", *names)))
    ids = {row["LastName"]: row["sf__Id"] for row in good}
    return [ids[name] for name in names]


def multipart(job: bytes, content: bytes, ending: bytes = b"\r\n") -> bytes:
    """A job with its data as one body."""
    head = b'Content-Disposition: form-data; name="job"', b"Content-Type: application/json"
    file = b'Content-Disposition: form-data; name="content"; filename="content"', b"Content-Type: text/csv"
    lines = [b"--BOUNDARY", *head, b"", job, b"--BOUNDARY", *file, b"", content, b"--BOUNDARY--", b""]
    return ending.join(lines)


def test_the_life_of_a_job(bulk: Bulk) -> None:
    """Open with an address for data, queued, in progress, complete; counted; deleted with 204."""
    job = bulk.job(INGEST, object="Contact", operation="insert", contentType="CSV", lineEnding="LF")
    path = f"{INGEST}/{job['id']}"
    assert (job["state"], job["contentUrl"]) == ("Open", f"services/data/v68.0/jobs/ingest/{job['id']}/batches")
    assert bulk("PUT", "/" + job["contentUrl"], table("LastName", "Reed", '""'), Content_Type="text/csv").status == 201
    queued = bulk("PATCH", path, {"state": "UploadComplete"}).json()
    assert queued["state"] == "UploadComplete"
    assert "contentUrl" not in queued
    first, second = (bulk("GET", path).json() for _ in range(2))
    assert (first["state"], second["state"], second["jobType"]) == ("InProgress", "JobComplete", "V2Ingest")
    assert (second["numberRecordsProcessed"], second["numberRecordsFailed"]) == (2, 1)
    assert bulk("DELETE", path).status == 204
    assert bulk("GET", path).status == bulk("GET", f"{path}/failedResults").status == 404


def test_each_row_by_itself(bulk: Bulk) -> None:
    """Good rows are kept where others fail; results carry the row, its id and what is wrong."""
    id = bulk.ingest(table("LastName,Email", "Reed,a@lamp.example", ",b@lamp.example", "Poe,nonsense"))
    (good,) = bulk.good(id)
    assert (good["sf__Created"], good["LastName"], good["Email"]) == ("true", "Reed", "a@lamp.example")
    bad = {row["Email"]: row["sf__Error"] for row in bulk.bad(id)}
    assert bad["b@lamp.example"] == "REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --"
    assert bad["nonsense"].startswith("INVALID_EMAIL_ADDRESS:")
    assert [one["LastName"] for one in bulk.found("SELECT LastName FROM Contact")] == ["Reed"]
    assert bulk.sheet(id, "unprocessedrecords") == []


def test_results_are_not_in_the_order_of_the_rows(bulk: Bulk) -> None:
    """A client that counts lines is found out: rows come back in an order of their own."""
    names = [f"Reed{number:04}" for number in range(1_000)]
    found = [row["LastName"] for row in bulk.good(bulk.ingest(table("LastName", *names)))]
    assert found != names
    assert sorted(found) == names


def test_update_clears_and_leaves(bulk: Bulk) -> None:
    """An empty cell leaves the value, #N/A clears it; a row without id or of a deleted record fails."""
    one, other, gone = made(bulk, "Reed", "Poe", "Gone")
    bulk.ingest(table("Id,Title,Department", f"{one},Buyer,Lamps", f"{other},Buyer,Lamps"), operation="update")
    bulk.ingest(table("Id", gone), operation="delete")
    lines = (f"{one},#N/A,", f"{other},,#N/A", ",x,y", f"{gone},x,y")
    id = bulk.ingest(table("Id,Title,Department", *lines), operation="update")
    found = {
        row["Id"]: (row["Title"], row["Department"]) for row in bulk.found("SELECT Id, Title, Department FROM Contact")
    }
    assert found == {one: (None, "Lamps"), other: ("Buyer", None)}
    assert {row["sf__Error"].partition(":")[0] for row in bulk.bad(id)} == {"MISSING_ARGUMENT", "ENTITY_IS_DELETED"}


def test_upsert_by_external_id(bulk: Bulk) -> None:
    """New keys make records, known ones change them, no key is an error."""
    first = bulk.ingest(table("Key__c,LastName", "k1,Reed"), operation="upsert", externalIdFieldName="Key__c")
    again = bulk.ingest(
        table("Key__c,LastName", "k1,Reeder", "k2,Poe", ",Nobody"), operation="upsert", externalIdFieldName="Key__c"
    )
    assert [row["sf__Created"] for row in bulk.good(first)] == ["true"]
    assert {row["Key__c"]: row["sf__Created"] for row in bulk.good(again)} == {"k1": "false", "k2": "true"}
    assert bulk.bad(again)[0]["sf__Error"].startswith("MISSING_ARGUMENT:Key__c not specified")
    names = {row["Key__c"]: row["LastName"] for row in bulk.found("SELECT Key__c, LastName FROM Contact")}
    assert names == {"k1": "Reeder", "k2": "Poe"}


def test_upsert_by_id(bulk: Bulk) -> None:
    """With an id the record is changed, without one it is made."""
    (one,) = made(bulk, "Reed")
    id = bulk.ingest(table("Id,LastName", f"{one},Reeder", "#N/A,Poe"), operation="upsert", externalIdFieldName="Id")
    assert {row["LastName"]: row["sf__Created"] for row in bulk.good(id)} == {"Reeder": "false", "Poe": "true"}


def test_delete_and_hard_delete(bulk: Bulk) -> None:
    """Deleted records lie in the bin; hard deletion needs a permission, and leaves nothing."""
    one, other = made(bulk, "Reed", "Poe")
    assert len(bulk.good(bulk.ingest(table("Id", one), operation="delete"))) == 1
    assert bulk.refused(INGEST, object="Contact", operation="hardDelete")[1] == "FEATURENOTENABLED"
    bulk.sandbox.service.configure({"hard_delete": True})
    assert len(bulk.good(bulk.ingest(table("Id", other), operation="hardDelete"))) == 1
    answer = bulk("GET", "/services/data/v68.0/queryAll?q=SELECT+Id,IsDeleted+FROM+Contact").json()
    assert [(row["Id"], row["IsDeleted"]) for row in answer["records"]] == [(one, True)]


def test_parents_by_a_key_of_theirs(bulk: Bulk) -> None:
    """`ReportsTo.Key__c` names a parent by its external id; one that is not there fails the row."""
    bulk.ingest(table("LastName,Key__c", "Boss,b1"))
    id = bulk.ingest(table("LastName,ReportsTo.Key__c", "Reed,b1", "Poe,b2"))
    assert [row["LastName"] for row in bulk.good(id)] == ["Reed"]
    assert bulk.bad(id)[0]["sf__Error"].startswith("INVALID_FIELD:Foreign key external ID: b2 not found")
    assert (
        bulk.found("SELECT ReportsTo.LastName FROM Contact WHERE LastName = 'Reed'")[0]["ReportsTo"]["LastName"]
        == "Boss"
    )


def test_csv_comes_in_as_it_was_written(bulk: Bulk) -> None:
    """A byte order mark, line breaks and delimiters within quotes, umlauts, blanks, a last line without end."""
    data = '\ufeffLastName,Description\n"Müller","a\nb, ""c"""\n\nReed, x '.encode()
    bulk.ingest(data)
    found = {row["LastName"]: row["Description"] for row in bulk.found("SELECT LastName, Description FROM Contact")}
    assert found == {"Müller": 'a\nb, "c"', "Reed": "x"}


@pytest.mark.parametrize(("name", "sign"), [("SEMICOLON", ";"), ("TAB", "\t"), ("PIPE", "|"), ("CARET", "^")])
def test_delimiters(bulk: Bulk, name: str, sign: str) -> None:
    """Uploads and results have the delimiter of the job."""
    id = bulk.ingest(f"LastName{sign}Title\nReed{sign}Buyer\n".encode(), columnDelimiter=name)
    data = bulk("GET", f"{INGEST}/{id}/successfulResults").data.decode()
    assert data.splitlines()[0] == sign.join(['"sf__Id"', '"sf__Created"', '"LastName"', '"Title"'])
    assert data.splitlines()[1].endswith(f'"Reed"{sign}"Buyer"')


@pytest.mark.parametrize(("ending", "data"), [("LF", b"LastName\r\nReed\r\n"), ("CRLF", b"LastName\nReed\n")])
def test_the_other_line_ending(bulk: Bulk, ending: str, data: bytes) -> None:
    """The whole job fails, in Salesforce's words, and nothing is done."""
    id = bulk.upload(data, lineEnding=ending)
    told = bulk.done(INGEST, id)
    words = f"ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is {ending}"
    assert (told["state"], told["errorMessage"]) == ("Failed", words)
    assert bulk.found("SELECT Id FROM Contact") == []


def test_windows_line_endings(bulk: Bulk) -> None:
    """CRLF is fine where the job says so; a line break within a value stays what it is."""
    bulk.ingest(b'LastName,Description\r\nReed,"a\nb"\r\n', lineEnding="CRLF")
    assert bulk.found("SELECT Description FROM Contact")[0]["Description"] == "a\nb"


@pytest.mark.parametrize(
    ("told", "data", "words"),
    [
        ({}, b"LastName,Nonsense__c\nReed,1\n", "InvalidBatch : Field name not found : Nonsense__c"),
        ({}, b"LastName,Owner.Nonsense\nReed,1\n", "InvalidBatch : Field name not found : Owner.Nonsense"),
        ({"operation": "update"}, b"LastName\nReed\n", "InvalidBatch : Field name not found : Id"),
        ({"operation": "delete"}, b"Id,LastName\n003,x\n", "InvalidBatch : The 'delete' batch must contain only ids"),
        ({}, b"LastName\nReed,Poe\n", "InvalidBatch : Row 1 has more columns than the header"),
        ({}, b'LastName\n"Reed" Poe\n', "InvalidBatch : Failed to parse CSV"),
        ({}, b"LastName\nM\xfcller\n", "ClientInputError : Failed to parse CSV. Found invalid UTF-8"),
    ],
)
def test_a_file_that_fails_the_job(bulk: Bulk, told: dict[str, str], data: bytes, words: str) -> None:
    """Columns that are not there, ids that are missing, broken CSV: no row is done, and the reason is told."""
    found = bulk.done(INGEST, bulk.upload(data, **told))
    assert found["state"] == "Failed"
    assert words in found["errorMessage"]
    assert bulk.found("SELECT Id FROM Contact") == []


def test_a_hidden_field_is_not_found(bulk: Bulk) -> None:
    """Field-level security: the column is not there for this user, and the rows stay unprocessed."""
    bulk.sandbox.levers["hide_field"]("Contact", "Title")
    id = bulk.upload(table("LastName,Title", "Reed,Buyer"))
    assert bulk.done(INGEST, id)["errorMessage"] == "InvalidBatch : Field name not found : Title"
    assert bulk.sheet(id, "unprocessedrecords") == [{"LastName": "Reed", "Title": "Buyer"}]


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
def test_job_and_data_in_one_request(bulk: Bulk, ending: bytes) -> None:
    """A multipart request makes, fills and queues a job; its data stays as it was, line breaks within values too."""
    job = b'{"object": "Contact", "operation": "insert", "contentType": "CSV", "lineEnding": "LF"}'
    body = multipart(job, 'LastName,Description\nMüller,"a\n\nb"\n'.encode(), ending)
    answer = bulk("POST", f"{INGEST}/", body, Content_Type='multipart/form-data; boundary="BOUNDARY"')
    assert answer.json()["state"] == "UploadComplete"
    assert bulk.done(INGEST, answer.json()["id"])["numberRecordsProcessed"] == 1
    (found,) = bulk.found("SELECT LastName, Description FROM Contact")
    assert (found["LastName"], found["Description"]) == ("Müller", "a\n\nb")


def test_too_much_for_one_request(bulk: Bulk) -> None:
    """Multipart takes 100,000 characters; a body that is no multipart is refused."""
    job = b'{"object": "Contact", "operation": "insert"}'
    body = multipart(job, b"LastName\n" + b"Reed\n" * 20_001)
    answer = bulk("POST", INGEST, body, Content_Type="multipart/form-data; boundary=BOUNDARY")
    assert answer.json()[0]["errorCode"] == "INVALIDJOB"
    answer = bulk("POST", INGEST, b"nonsense", Content_Type="multipart/form-data; boundary=BOUNDARY")
    assert answer.status == 400


def test_uploads_have_a_most(bulk: Bulk) -> None:
    """Counted as base64, once per job, and only as CSV."""
    bulk.sandbox.service.configure({"upload_megabytes": 0.001})
    path = f"{INGEST}/{bulk.job(INGEST, object='Contact', operation='insert')['id']}/batches"
    assert bulk("PUT", path, b"x" * 800, Content_Type="text/csv").status == 413
    assert bulk("PUT", path, b"[]", Content_Type="application/json").status == 415
    assert bulk("PUT", path, b"LastName\nReed\n", Content_Type="text/csv; charset=UTF-8").status == 201
    assert bulk("PUT", path, b"LastName\nReed\n", Content_Type="text/csv").json()[0]["errorCode"] == "INVALIDJOBSTATE"


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"object": "Nonsense"}, "INVALIDENTITY"),
        ({"operation": "merge"}, "INVALIDJOB"),
        ({"operation": "upsert"}, "INVALIDJOB"),
        ({"operation": "upsert", "externalIdFieldName": "Title"}, "INVALIDJOB"),
        ({"lineEnding": "CR"}, "INVALIDJOB"),
    ],
)
def test_jobs_that_cannot_be_made(bulk: Bulk, told: dict[str, str], code: str) -> None:
    """An unknown object, operation or dialect; an upsert without a key field."""
    assert bulk.refused(INGEST, **{"object": "Contact", "operation": "insert", **told})[:2] == (400, code)


def test_row_locks(bulk: Bulk) -> None:
    """A record that somebody holds fails alone; the next job finds it free."""
    one, other = made(bulk, "Reed", "Poe")
    bulk.sandbox.levers["lock"]([one], times=1)
    data = table("Id,Title", f"{one},Buyer", f"{other},Buyer")
    first = bulk.ingest(data, operation="update")
    assert [row["sf__Error"].partition(":")[0] for row in bulk.bad(first)] == ["UNABLE_TO_LOCK_ROW"]
    assert [row["sf__Id"] for row in bulk.bad(first)] == [one]
    assert len(bulk.good(bulk.ingest(data, operation="update"))) == 2


def test_a_job_that_breaks(bulk: Bulk) -> None:
    """Failed in the middle: what was done is done, the rest is told as unprocessed."""
    bulk.sandbox.levers["break_job"](rows=2)
    id = bulk.ingest(table("LastName", "A", "B", "C", "D"))
    assert bulk("GET", f"{INGEST}/{id}").json()["state"] == "Failed"
    assert {row["LastName"] for row in bulk.good(id)} == {"A", "B"}
    assert [row["LastName"] for row in bulk.sheet(id, "unprocessedrecords")] == ["C", "D"]
    assert len(bulk.found("SELECT Id FROM Contact")) == 2


def test_abort_before_anything_is_done(bulk: Bulk) -> None:
    """All rows are unprocessed, and none is ever done."""
    bulk.sandbox.service.configure({"job_seconds": 60})
    id = bulk.upload(table("LastName", "Reed"))
    assert bulk("PATCH", f"{INGEST}/{id}", {"state": "Aborted"}).json()["state"] == "Aborted"
    bulk.sandbox.clock.advance(61)
    assert bulk("GET", f"{INGEST}/{id}").json()["state"] == "Aborted"
    assert bulk.sheet(id, "unprocessedrecords") == [{"LastName": "Reed"}]
    assert bulk.found("SELECT Id FROM Contact") == []


def test_an_open_job_has_no_results_and_is_not_deleted(bulk: Bulk) -> None:
    """It can be aborted, and then deleted."""
    path = f"{INGEST}/{bulk.job(INGEST, object='Contact', operation='insert')['id']}"
    assert bulk("GET", f"{path}/successfulResults").json()[0]["errorCode"] == "INVALIDJOBSTATE"
    assert bulk("DELETE", path).json()[0]["errorCode"] == "INVALIDJOBSTATE"
    assert bulk("PATCH", path, {"state": "Aborted"}).status == 200
    assert bulk("DELETE", path).status == 204


def test_a_job_goes_on_when_the_session_ends(bulk: Bulk) -> None:
    """The client is asked to log in again; the org has done the work meanwhile."""
    app = {
        "grant_type": "client_credentials",
        "client_id": "sandbox-consumer-key",
        "client_secret": "sandbox-consumer-secret",
    }

    def login() -> str:
        url = f"{bulk.sandbox.url}/services/oauth2/token"
        token: str = bulk.pool.request("POST", url, fields=app, encode_multipart=False).json()["access_token"]
        return token

    bulk.sandbox.service.configure({"job_seconds": 7_300, "job_polls": 0})
    first = f"Bearer {login()}"
    id = bulk.upload(table("LastName", "Reed"))
    bulk.sandbox.clock.advance(7_201)
    answer = bulk("GET", f"{INGEST}/{id}", Authorization=first)
    assert (answer.status, answer.json()[0]["errorCode"]) == (401, "INVALID_SESSION_ID")
    bulk.sandbox.clock.advance(100)
    told = bulk("GET", f"{INGEST}/{id}", Authorization=f"Bearer {login()}").json()
    assert (told["state"], told["numberRecordsProcessed"]) == ("JobComplete", 1)


def test_campaign_members_in_bulk(bulk: Bulk) -> None:
    """Members are made once: the second time, each row is told that it is there already."""
    one, other = made(bulk, "Reed", "Poe")
    campaign: Any = bulk("POST", "/services/data/v68.0/sobjects/Campaign", {"Name": "Gold"}).json()["id"]
    data = table("CampaignId,ContactId", f"{campaign},{one}", f"{campaign},{other}")
    first, again = (bulk.ingest(data, object="CampaignMember") for _ in range(2))
    assert len(bulk.good(first)) == len(bulk.bad(again)) == 2
    assert bulk.bad(again)[0]["sf__Error"].startswith("DUPLICATE_VALUE:Already a campaign member")
