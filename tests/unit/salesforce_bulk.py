"""How the tests of Bulk API 2.0 make jobs and read their CSV."""

import csv
import io
from typing import Any

import urllib3

from connector.sandbox.salesforce_serve import SalesforceSandbox

V = "v68.0"
QUERIES = f"/services/data/{V}/jobs/query"
INGEST = f"/services/data/{V}/jobs/ingest"
Rows = list[dict[str, str]]


class Bulk:
    """Calls one org over HTTP with its token."""

    def __init__(self, sandbox: SalesforceSandbox) -> None:
        self.sandbox = sandbox
        self.pool = urllib3.PoolManager(retries=False)

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """One request; bytes go as they are, anything else as JSON."""
        together = {
            "Authorization": f"Bearer {self.sandbox.token}",
            **{k.replace("_", "-"): v for k, v in headers.items()},
        }
        what = {"body": body} if isinstance(body, bytes) else {"json": body}
        return self.pool.request(method, self.sandbox.url + path, headers=together, timeout=20, **what)

    def job(self, kind: str, **told: Any) -> Any:
        """Make a job; returns what Salesforce says of it."""
        answer = self("POST", kind, told)
        assert answer.status == 200, answer.data
        return answer.json()

    def refused(self, kind: str, **told: Any) -> tuple[int, str, str]:
        """A job that cannot be made: status, code and sentence."""
        answer = self("POST", kind, told)
        return answer.status, answer.json()[0]["errorCode"], answer.json()[0]["message"]

    def done(self, kind: str, id: str) -> Any:
        """Look until the job is over."""
        for _ in range(10):
            told = self("GET", f"{kind}/{id}").json()
            if told["state"] in ("JobComplete", "Failed", "Aborted"):
                return told
        raise AssertionError(f"the job is still {told['state']}")

    def query(self, text: str, operation: str = "query") -> str:
        """A query that is complete; returns its id."""
        id: str = self.job(QUERIES, operation=operation, query=text)["id"]
        assert self.done(QUERIES, id)["state"] == "JobComplete"
        return id

    def results(self, id: str, **query: Any) -> Any:
        """A page of a query's results, as it was sent."""
        text = "&".join(f"{name}={value}" for name, value in query.items())
        return self("GET", f"{QUERIES}/{id}/results?{text}")

    def upload(self, data: bytes, **told: Any) -> str:
        """A job with its data, queued; returns its id."""
        id: str = self.job(INGEST, **{"object": "Contact", "operation": "insert", **told})["id"]
        assert self("PUT", f"{INGEST}/{id}/batches", data, Content_Type="text/csv").status == 201
        assert self("PATCH", f"{INGEST}/{id}", {"state": "UploadComplete"}).status == 200
        return id

    def ingest(self, data: bytes, **told: Any) -> str:
        """A job that is over; returns its id."""
        id = self.upload(data, **told)
        self.done(INGEST, id)
        return id

    def sheet(self, id: str, name: str) -> Rows:
        """One of the sheets of an ingest job's results."""
        return rows(self("GET", f"{INGEST}/{id}/{name}").data)

    def good(self, id: str) -> Rows:
        """Rows that were done."""
        return self.sheet(id, "successfulResults")

    def bad(self, id: str) -> Rows:
        """Rows that failed."""
        return self.sheet(id, "failedResults")

    def found(self, soql: str) -> list[dict[str, Any]]:
        """A query through the REST API."""
        answer = self.pool.request(
            "GET",
            f"{self.sandbox.url}/services/data/{V}/query",
            fields={"q": soql},
            headers={"Authorization": f"Bearer {self.sandbox.token}"},
        )
        assert answer.status == 200, answer.data
        records: list[dict[str, Any]] = answer.json()["records"]
        return records


def rows(data: bytes, delimiter: str = ",") -> Rows:
    """CSV as dictionaries."""
    return list(csv.DictReader(io.StringIO(data.decode(), newline=""), delimiter=delimiter))


def table(*lines: str) -> bytes:
    """Lines of CSV with LF."""
    return ("\n".join(lines) + "\n").encode()
