"""When Salesforce last modified contacts, asked in the very call that modifies them: so our echo is known."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from connector.crms._salesforce.answers import Answer
from connector.crms._salesforce.api import Sub
from connector.crms._salesforce.records import CONTACT
from connector.crms._salesforce.streams import STAMP

PARENT = "AccountId"


class Stamps:
    """Travels beside writes of contacts.

    Args:
        fields: to ask for: `Id`, the time, and the account where we may see it.

    Attributes:
        times: contact -> when it was modified, as of the last call that it was part of.
    """

    def __init__(self, fields: Sequence[str]) -> None:
        self.times: dict[str, datetime] = {}
        self._accounts: dict[str, str] = {}
        self._fields = list(fields)

    def sub(self, keys: Sequence[str]) -> Sub:
        """Read the contacts of a call."""
        body = {"ids": list(keys), "fields": self._fields}
        return Sub(method="POST", path=f"composite/sobjects/{CONTACT}", reference="stamps", body=body)

    def heard(self, keys: Sequence[str], answer: Answer) -> None:
        """Note the times. Where they are refused, they are unknown."""
        for record in (answer.body if answer.status < 300 else None) or ():
            if record:
                self.times[str(record["Id"])] = modified(record)
                self._accounts[str(record["Id"])] = str(record.get(PARENT) or "")

    def order(self, key: str) -> str:
        """Contacts of one account together: writing one locks it."""
        return self._accounts.get(key, "") + key


def modified(record: Mapping[str, Any]) -> datetime:
    """When a record was modified, by anybody or anything."""
    return datetime.fromisoformat(str(record[STAMP])).astimezone(UTC)
