"""What a marketer sees in Salesforce, asked of Salesforce itself: campaigns, their sizes, our fields on a contact."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote

import urllib3
from simple_salesforce.format import format_soql

from connector.errors import Failed
from connector.mapping import load_mapping

MEMBERS = "SELECT CampaignId, COUNT(Id) people FROM CampaignMember WHERE Campaign.Name LIKE {} GROUP BY CampaignId"


class SalesforceView:
    """Reads one org over HTTP, apart from the adapter, the store and the warehouse.

    Args:
        home: whose mapping says what our campaigns and fields are called.
    """

    def __init__(self, url: str, token: str, version: str, home: Path) -> None:
        self._url, self._data = url, f"/services/data/v{version}"
        self._mapping = load_mapping("salesforce", home)
        told = {"Authorization": f"Bearer {token}", "User-Agent": "lamplighter", "Content-Type": "application/json"}
        self._http = urllib3.PoolManager(headers=told, timeout=30, retries=False)

    def lists(self) -> dict[str, int]:
        """Name -> members of each of our campaigns, as Salesforce counts them."""
        ours = f"{self._mapping.list_prefix}%"
        campaigns = self._query(format_soql("SELECT Id, Name FROM Campaign WHERE Name LIKE {} ORDER BY Name", ours))
        sizes = {one["CampaignId"]: int(one["people"]) for one in self._query(format_soql(MEMBERS, ours))}
        return {one["Name"]: sizes.get(one["Id"], 0) for one in campaigns}

    def contact(self, email: str) -> dict[str, str]:
        """Label -> value of our fields on the contact with this address; those that are empty are left out."""
        return self._fields(format_soql("Email = {}", email))

    def anybody(self) -> dict[str, str]:
        """The same for some contact that we have ranked."""
        return self._fields(f"{self._mapping.properties['rfm_cell'].foreign} != null")

    def _fields(self, condition: str) -> dict[str, str]:
        labels = {one.foreign: one.label for one in self._mapping.properties.values()}
        asked = f"SELECT {', '.join(labels)} FROM Contact WHERE {condition} LIMIT 1"  # noqa: S608  (names of ours)
        values: Mapping[str, Any] = next(self._query(asked), {})
        return {label: str(values[name]) for name, label in labels.items() if values.get(name)}

    def _query(self, soql: str) -> Iterator[Mapping[str, Any]]:
        """By POST, around the query that Salesforce takes by GET alone: whom it asks for is in no address."""
        asked = {"method": "GET", "url": f"{self._data}/query?q={quote(soql)}", "referenceId": "asked"}
        (answer,) = self._answer("POST", f"{self._data}/composite", {"compositeRequest": [asked]})["compositeResponse"]
        page = answer["body"] if answer["httpStatusCode"] == 200 else _refused(answer["httpStatusCode"])
        yield from page["records"]
        while more := page.get("nextRecordsUrl"):
            page = self._answer("GET", more)
            yield from page["records"]

    def _answer(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        content = json.dumps(body).encode() if body else None
        answer = self._http.request(method, self._url + path, body=content)
        return answer.json() if answer.status == 200 else _refused(answer.status)


def _refused(status: int) -> NoReturn:
    raise Failed(f"Salesforce answered {status} to a query")
