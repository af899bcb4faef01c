"""The org's resources in our words: queries, composite, collections, describe, limits, what was changed and deleted."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connector.crms._salesforce.answers import Answer, said_nothing
from connector.crms._salesforce.transport import Transport
from connector.errors import RetryLater

COLLECTION = 200
"""Rows to a collection of sObjects (REST API guide, sObject Collections)."""
SUBREQUESTS, HEAVY = 25, 5
"""Subrequests to a composite call; of these, queries and collections (REST API guide, Composite)."""
PAGE = 2_000
"""Rows to a page of a query."""


@dataclass(frozen=True, kw_only=True)
class Sub:
    """One request within a composite call. `path` as in `Transport.request`."""

    method: str
    path: str
    reference: str
    body: Any = None
    headers: Mapping[str, str] | None = None

    def as_json(self, base: str) -> dict[str, Any]:
        """As it is sent."""
        url = self.path if self.path.startswith("/") else base + self.path
        told: dict[str, Any] = {"method": self.method, "url": url, "referenceId": self.reference}
        if self.body is not None:
            told["body"] = self.body
        return {**told, "httpHeaders": dict(self.headers)} if self.headers else told


@dataclass(frozen=True, kw_only=True)
class Page:
    """Records of a query, and where the next page is. `total` counts all of them."""

    records: Sequence[Mapping[str, Any]]
    next: str | None
    total: int


class Api:
    """One org. Bulk jobs are in `bulk_query` and `bulk_ingest`."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.settings = transport.settings
        self.base = f"/services/data/v{transport.settings.version.removeprefix('v')}/"

    def pages(
        self, soql: str, *, all_rows: bool = False, start: str | None = None, headers: Mapping[str, str] | None = None
    ) -> Iterator[Page]:
        """The pages of a query, or from page `start` on.

        Args:
            all_rows: those in the recycle bin, and the losers of merges, too.
        """
        resource = "queryAll" if all_rows else "query"
        first = None if start else {"q": soql}
        answer = self.transport.request("GET", start or resource, params=first, headers=headers)
        while True:
            page = page_of(answer.body)
            yield page
            if page.next is None:
                return
            answer = self._get(page.next, headers)

    def query(self, soql: str, *, all_rows: bool = False) -> Iterator[Mapping[str, Any]]:
        """The records of a query."""
        for page in self.pages(soql, all_rows=all_rows):
            yield from page.records

    def count(self, soql: str) -> int:
        """What a `SELECT COUNT()` tells."""
        answer = self.transport.request("GET", "query", params={"q": soql})
        return int(answer.told("totalSize")["totalSize"])

    def _get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        return self.transport.request("GET", path, headers=headers)

    def composite(self, subs: Sequence[Sub], *, repeatable: bool | None = None) -> dict[str, Answer]:
        """Up to 25 requests in one call, of which 5 queries or collections; each is done apart from the others.

        Args:
            repeatable: None: where all only read.

        Returns:
            reference -> its answer, whatever its status. Salesforce may leave some out.

        Raises:
            RetryLater: one of them does not say which it is, or what became of it.
        """
        reads = all(sub.method == "GET" for sub in subs)
        told = {"allOrNone": False, "compositeRequest": [sub.as_json(self.base) for sub in subs]}
        again = reads if repeatable is None else repeatable
        before = self.transport.calls.made
        answer = self.transport.request("POST", "composite", body=told, repeatable=again)
        if reads:
            self.transport.as_reads(self.transport.calls.made - before)
        results = answer.body.get("compositeResponse") if isinstance(answer.body, Mapping) else None
        if not isinstance(results, list):
            return {}
        return dict(_part(one) for one in results if isinstance(one, Mapping))

    def collection(
        self, method: str, records: Sequence[Mapping[str, Any]], *, all_or_none: bool = False, into: str = ""
    ) -> list[Mapping[str, Any]]:
        """Create (POST) or update (PATCH) up to 200 records, or upsert them (PATCH) `into` an object by a field of it
        (`Contact/Ext__c`). One result a record, in order."""
        path = f"composite/sobjects/{into}" if into else "composite/sobjects"
        return self.transport.request(method, path, body={"allOrNone": all_or_none, "records": list(records)}).rows()

    def create(self, records: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Make up to 200 records, each with its `attributes.type`. Never repeated by itself."""
        return self.collection("POST", records)

    def update(self, records: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Change up to 200 records, each with its `attributes.type` and `id`; None clears a field."""
        return self.collection("PATCH", records)

    def upsert(self, into: str, records: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Make or change up to 200 records of one object by an external id: `into` is `Object/Field__c`."""
        return self.collection("PATCH", records, into=into)

    def delete(self, ids: Sequence[str]) -> list[Mapping[str, Any]]:
        """Delete up to 200 records. One result an id, in order."""
        params = {"ids": ",".join(ids), "allOrNone": "false"}
        return self.transport.request("DELETE", "composite/sobjects", params=params).rows()

    def retrieve(self, name: str, ids: Sequence[str], fields: Sequence[str]) -> list[Mapping[str, Any] | None]:
        """Fields of up to 2,000 records, in order; None for one that is not there."""
        before = self.transport.calls.made
        told = {"ids": list(ids), "fields": list(fields)}
        answer = self.transport.request("POST", f"composite/sobjects/{name}", body=told, repeatable=True)
        self.transport.as_reads(self.transport.calls.made - before)
        return answer.rows()

    def describe(self, names: Sequence[str]) -> dict[str, Answer]:
        """Name -> what Salesforce tells of that object; 404 for one that the user may not see. 25 to a call."""
        found: dict[str, Answer] = {}
        for at in range(0, len(names), SUBREQUESTS):
            found |= self.composite([described(name) for name in names[at : at + SUBREQUESTS]])
        return found

    def limits(self) -> Mapping[str, Mapping[str, int]]:
        """The org's limits: name -> Max and Remaining."""
        return self._get("limits").told()

    def versions(self) -> list[str]:
        """The API versions that the org offers."""
        return [str(one["version"]) for one in self._get("/services/data").rows() if one and "version" in one]


def described(name: str) -> Sub:
    """Ask what an object is like. The answer's reference is its name."""
    return Sub(method="GET", path=f"sobjects/{name}/describe", reference=name)


def changed(name: str, what: str, start: datetime, end: datetime, reference: str) -> Sub:
    """Ask which records of an object were `updated` or `deleted` in a span of at most 30 days (deleted: 15)."""
    path = f"sobjects/{name}/{what}/?start={_url_time(start)}&end={_url_time(end)}"
    return Sub(method="GET", path=path, reference=reference)


def _url_time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + "%2B00:00"


def page_of(body: Any) -> Page:
    """A page as a query, or a query within a composite call, answers it. Raises RetryLater where it says nothing."""
    if not isinstance(body, Mapping) or "records" not in body or "done" not in body:
        raise RetryLater(
            "Salesforce answered a query with nothing; what is done is kept", hint="lamplighter run, later"
        )
    done = body["done"]
    return Page(
        records=body["records"],
        next=None if done else body.get("nextRecordsUrl"),
        total=int(body.get("totalSize") or 0),
    )


def _part(told: Mapping[str, Any]) -> tuple[str, Answer]:
    name, status = told.get("referenceId"), told.get("httpStatusCode")
    if not isinstance(name, str) or not isinstance(status, int):
        raise said_nothing()
    return name, Answer(status=status, body=told.get("body"), headers=told.get("httpHeaders") or {})
