"""The sandbox Salesforce's limits: calls of 24 hours that roll, what the header and `/limits` tell, and what counts."""

from collections.abc import Iterator
from typing import Any

import pytest
from salesforce_bulk import QUERIES, Bulk, table

from connector.sandbox.salesforce_serve import SalesforceSandbox

DATA = "/services/data/v68.0"
QUERY = f"{DATA}/query?q=SELECT+Id+FROM+Contact"


@pytest.fixture
def bulk() -> Iterator[Bulk]:
    """An org of one's own."""
    with SalesforceSandbox() as sandbox:
        one = Bulk(sandbox)
        yield one
        one.pool.clear()


def used(answer: Any) -> int:
    """What the header of an answer says is used."""
    text: str = answer.headers["Sforce-Limit-Info"]
    return int(text.removeprefix("api-usage=").partition("/")[0])


def test_every_answer_tells_the_calls(bulk: Bulk) -> None:
    """Good ones and errors alike; a call that did not get in is not counted."""
    assert [used(bulk("GET", path)) for path in (QUERY, f"{DATA}/nothing", QUERY)] == [1, 2, 3]
    assert used(bulk("GET", QUERY, Authorization="Bearer other")) == 3
    assert bulk("GET", QUERY).headers["Sforce-Limit-Info"] == "api-usage=4/100000"


def test_no_call_is_left(bulk: Bulk) -> None:
    """403 REQUEST_LIMIT_EXCEEDED, without a hint when to come again."""
    bulk.sandbox.service.configure({"daily_limit": 2})
    assert [bulk("GET", QUERY).status for _ in range(3)] == [200, 200, 403]
    answer = bulk("GET", QUERY)
    assert answer.json() == [{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}]
    assert "Retry-After" not in answer.headers
    assert bulk.sandbox.levers["usage"]() == {"made": 2, "refused": 2, "reached": 2, "used": 2}


def test_the_window_rolls(bulk: Bulk) -> None:
    """Each call comes back 24 hours after it was made, not at midnight."""
    bulk.sandbox.service.configure({"daily_limit": 2})
    bulk("GET", QUERY)
    bulk.sandbox.clock.advance(12 * 3600)
    assert [bulk("GET", QUERY).status for _ in range(2)] == [200, 403]
    bulk.sandbox.clock.advance(12 * 3600 + 60)
    assert [bulk("GET", QUERY).status for _ in range(2)] == [200, 403]


def test_others_use_the_same_calls(bulk: Bulk) -> None:
    """Calls that other apps made already, and those that they make meanwhile."""
    bulk.sandbox.service.configure({"daily_used": 90_000, "others_per_call": 1.5})
    assert [used(bulk("GET", QUERY)) for _ in range(3)] == [90_002, 90_005, 90_007]


def test_a_composite_request_is_one_call(bulk: Bulk) -> None:
    """However many it holds; a batch costs each of its requests."""
    parts = [{"method": "GET", "url": f"{DATA}/limits", "referenceId": f"r{number}"} for number in range(5)]
    assert used(bulk("POST", f"{DATA}/composite", {"compositeRequest": parts})) == 1


def test_bulk_requests_are_calls(bulk: Bulk) -> None:
    """Making a job, each look, each page."""
    id = bulk.job(QUERIES, operation="query", query="SELECT Id FROM Contact")["id"]
    bulk.done(QUERIES, id)
    assert used(bulk.results(id)) == 4


def test_logging_in_is_free(bulk: Bulk) -> None:
    """Tokens, userinfo and the identity address cost nothing."""
    form = {
        "grant_type": "client_credentials",
        "client_id": "sandbox-consumer-key",
        "client_secret": "sandbox-consumer-secret",
    }
    url = f"{bulk.sandbox.url}/services/oauth2/token"
    assert bulk.pool.request("POST", url, fields=form, encode_multipart=False).status == 200
    bulk("GET", "/services/oauth2/userinfo")
    assert used(bulk("GET", QUERY)) == 1


def test_limits_tell_what_is_left(bulk: Bulk) -> None:
    """Calls, bulk queries, batches of ingest, storage."""
    bulk.query("SELECT Id FROM Contact")
    bulk.ingest(table("LastName", *(f"Reed{number}" for number in range(1_030))))
    told = bulk("GET", f"{DATA}/limits").json()
    assert told["DailyApiRequests"]["Remaining"] == 100_000 - bulk.sandbox.levers["usage"]()["used"]
    assert told["DailyBulkV2QueryJobs"] == {"Max": 10_000, "Remaining": 9_999}
    assert told["DailyBulkApiBatches"] == {"Max": 15_000, "Remaining": 14_999}
    assert told["DataStorageMB"] == {"Max": 10_240, "Remaining": 10_238}


def test_bulk_queries_of_a_day(bulk: Bulk) -> None:
    """One too many makes no job, in Salesforce's words."""
    bulk.sandbox.service.configure({"query_jobs_daily": 1})
    bulk.query("SELECT Id FROM Contact")
    found = bulk.refused(QUERIES, operation="query", query="SELECT Id FROM Contact")
    assert found == (400, "LIMIT_EXCEEDED", "Max bulk v2 query jobs (1) per 24 hrs has been reached")


def test_record_counts(bulk: Bulk) -> None:
    """How many there are, whoever may see them; the deleted are not counted."""
    bulk.ingest(table("LastName", "Reed", "Poe", "Gone"))
    (gone,) = bulk.found("SELECT Id FROM Contact WHERE LastName = 'Gone'")
    bulk("DELETE", f"{DATA}/sobjects/Contact/{gone['Id']}")
    told = bulk("GET", f"{DATA}/limits/recordCount?sObjects=Contact,Lead").json()
    assert told == {"sObjects": [{"count": 2, "name": "Contact"}, {"count": 0, "name": "Lead"}]}
