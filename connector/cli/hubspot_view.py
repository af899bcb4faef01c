"""What a marketer sees in HubSpot, asked of HubSpot itself: our lists with their sizes, our properties on a contact."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import urllib3

from connector.errors import Failed
from connector.mapping import load_mapping

PAGE = 500


class HubSpotView:
    """Reads one account over HTTP, apart from the adapter, the store and the warehouse.

    Args:
        home: whose mapping says what our lists and properties are called.
    """

    def __init__(self, url: str, token: str, version: str, home: Path) -> None:
        self._url, self._version = url, version
        self._mapping = load_mapping("hubspot", home)
        self._http = urllib3.PoolManager(headers={"Authorization": f"Bearer {token}"}, timeout=30, retries=False)

    def lists(self) -> dict[str, int]:
        """Name -> size of each of our lists, as HubSpot counts it."""
        ours = (one for one in self._all_lists() if one["name"].startswith(self._mapping.list_prefix))
        return {one["name"]: int(one["additionalProperties"]["hs_list_size"]) for one in ours}

    def _all_lists(self) -> Iterator[Mapping[str, Any]]:
        wish: dict[str, Any] = {"count": PAGE, "objectTypeId": "0-1", "additionalProperties": ["hs_list_size"]}
        while True:
            page = self._ask("POST", f"/crm/lists/{self._version}/all", wish)
            yield from page["results"]
            if not (after := page.get("paging", {}).get("next", {}).get("after")):
                return
            wish["after"] = after

    def contact(self, email: str) -> dict[str, str]:
        """Label -> value of our properties on the contact with this address; those that are empty are left out."""
        named = {"filters": [{"propertyName": "email", "operator": "EQ", "value": email}]}
        wish = {"filterGroups": [named], "properties": list(self._labels()), "limit": 1}
        return self._properties(self._ask("POST", f"/crm/objects/{self._version}/contacts/search", wish)["results"])

    def anybody(self) -> dict[str, str]:
        """The same for some contact that we have ranked."""
        name = self._mapping.properties["rfm_cell"].foreign
        named = {"filters": [{"propertyName": name, "operator": "HAS_PROPERTY"}]}
        wish = {"filterGroups": [named], "properties": list(self._labels()), "limit": 1}
        return self._properties(self._ask("POST", f"/crm/objects/{self._version}/contacts/search", wish)["results"])

    def _labels(self) -> dict[str, str]:
        return {one.foreign: one.label for one in self._mapping.properties.values()}

    def _properties(self, found: list[Mapping[str, Any]]) -> dict[str, str]:
        values = found[0]["properties"] if found else {}
        return {label: values[name] for name, label in self._labels().items() if values.get(name)}

    def _ask(self, method: str, path: str, body: Any) -> Any:
        content = json.dumps(body).encode()
        answer = self._http.request(method, self._url + path, body=content, headers=self._json())
        if answer.status != 200:
            raise Failed(f"HubSpot answered {answer.status} to {method} {path}")
        return answer.json()

    def _json(self) -> dict[str, str]:
        return {**self._http.headers, "Content-Type": "application/json"}
