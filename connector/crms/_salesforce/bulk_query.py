"""Queries by Bulk API 2.0: a job, its results page by page. A page can be read again for seven days."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connector.crms._salesforce.api import Api
from connector.crms._salesforce.bulk import DONE, parsed, waited
from connector.errors import Failed, RetryLater

JOBS = "jobs/query"
END = "null"
"""The locator that Salesforce sends with the last page."""


@dataclass(frozen=True, kw_only=True)
class Results:
    """One page of a job's results; `next` is the locator of the one after it."""

    records: Sequence[Mapping[str, str]]
    next: str | None


def begin(api: Api, soql: str, *, all_rows: bool) -> str:
    """Ask for a query; returns the job's id. Asked for twice, it would only be a job that nobody reads.

    Args:
        all_rows: those in the recycle bin, and the losers of merges, too.
    """
    told = {"operation": "queryAll" if all_rows else "query", "query": soql}
    return str(api.transport.request("POST", JOBS, body=told, repeatable=True).told("id")["id"])


def wait(api: Api, job: str) -> int:
    """Until the job is done; returns how many rows there are. Raises Failed, with Salesforce's words."""
    told = waited(api, f"{JOBS}/{job}")
    if told["state"] != DONE:
        words = str(told.get("errorMessage") or "no reason given")[:300]
        raise Failed(f"Salesforce's bulk query {job} is {told['state']}: {words}", hint="lamplighter run")
    return int(told.get("numberRecordsProcessed") or 0)


def results(api: Api, job: str, locator: str | None) -> Results:
    """The page at a locator; None: the first."""
    params = {"maxRecords": str(api.settings.bulk_page), **({"locator": locator} if locator else {})}
    answer = api.transport.request("GET", f"{JOBS}/{job}/results", params=params, headers={"Accept": "text/csv"})
    following = answer.headers.get("Sforce-Locator")
    if not following:
        raise RetryLater("Salesforce answered results of a job with nothing", hint="lamplighter run, later")
    return Results(records=list(parsed(answer.text)), next=None if following == END else following)
