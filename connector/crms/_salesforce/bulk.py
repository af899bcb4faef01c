"""What both kinds of Bulk API 2.0 jobs share: waiting for one, giving it up, CSV as Salesforce writes it."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from connector.crms._salesforce.api import Api
from connector.errors import RetryLater

DONE = "JobComplete"
NULL = "#N/A"
"""In a CSV that is sent: clear the field. An empty cell leaves it as it is."""

csv.field_size_limit(1_000_000)  # a long text area holds 131,072 characters, csv's own limit


def waited(api: Api, path: str) -> Mapping[str, Any]:
    """What Salesforce tells of the job once it is done, failed or aborted.

    Raises:
        RetryLater: it took longer than `job_hours`.
    """
    clock, seconds = api.transport.clock, api.settings.poll_seconds
    start = clock.monotonic()
    while True:
        told = api.transport.request("GET", path).told("state")
        if told["state"] in (DONE, "Failed", "Aborted"):
            return told
        if clock.monotonic() - start > api.settings.job_hours * 3_600:
            raise RetryLater(f"Salesforce's bulk job {told.get('id')} is not done yet", hint="lamplighter run, later")
        clock.sleep(seconds)
        seconds = min(seconds * 1.5, api.settings.poll_longest)


def written(rows: Iterable[Mapping[str, str | None]], columns: Sequence[str]) -> str:
    """Rows as CSV for Salesforce: None clears, what a row does not name stays as it is; line ends are \\n."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([NULL if (value := row.get(name, "")) is None else value for name in columns])
    return text.getvalue()


def parsed(text: str) -> Iterator[dict[str, str]]:
    """Rows of a CSV that Salesforce wrote."""
    return csv.DictReader(io.StringIO(text, newline=""))
