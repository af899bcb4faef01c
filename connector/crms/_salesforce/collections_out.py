"""Rows on their way out by composite calls: 200 rows to a collection of sObjects, five of these to a call."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from connector.crms._salesforce.answers import Answer, refused
from connector.crms._salesforce.api import HEAVY, Api, Sub
from connector.crms._salesforce.records import parts
from connector.crms._salesforce.verdicts import Verdict, of_errors, of_result
from connector.crms._salesforce.within import good

Row = Mapping[str, str | None]
Rows = Mapping[str, Row]
"""Key -> field -> value; None clears."""

HOPELESS = 3
"""So many rows refused alone, by one code and before any success: then it may not be the rows."""
_OF_ONE_ROW = frozenset({"JSON_PARSER_ERROR", "MALFORMED_ID", "INVALID_TYPE_ON_FIELD_IN_RECORD", "INVALID_INPUT"})
"""Codes by which a whole collection is refused for one value in it that cannot be read."""
_ANYWAY = {"Sforce-Duplicate-Rule-Header": "allowSave=true"}
"""We change none of the fields that duplicate rules compare (REST API guide, Duplicate Rule Header)."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One way of changing rows of one object.

    Attributes:
        key: the column of a CSV that holds the key of a row.
    """

    method: Literal["POST", "PATCH", "DELETE"]
    name: str
    key: str = "Id"

    @property
    def operation(self) -> str:
        """Bulk API 2.0's word for it."""
        return {"POST": "insert", "PATCH": "update", "DELETE": "delete"}[self.method]

    def sub(self, rows: Rows, reference: str) -> Sub:
        """The collection that changes `rows`."""
        if self.method == "DELETE":
            return Sub(method="DELETE", path=f"composite/sobjects?ids={','.join(rows)}", reference=reference)
        records = [self._record(key, row) for key, row in rows.items()]
        body = {"allOrNone": False, "records": records}
        return Sub(method=self.method, path="composite/sobjects", reference=reference, body=body)

    def _record(self, key: str, row: Row) -> dict[str, Any]:
        of = {"attributes": {"type": self.name}}
        return {**of, **row} if self.method == "POST" else {**of, "id": key, **row}

    def csv(self, rows: Rows) -> list[Row]:
        """The same for a bulk job."""
        return [{self.key: key, **row} for key, row in rows.items()]


class Beside(Protocol):
    """A reading that travels with the writes, at the end of each call."""

    def sub(self, keys: Sequence[str]) -> Sub:
        """What to ask about the rows of a call."""
        ...

    def heard(self, keys: Sequence[str], answer: Answer) -> None:
        """What was answered."""
        ...

    def order(self, key: str) -> str:
        """What rows are sorted by before they are tried again: those with one parent stand together."""
        ...


class Collections:
    """Sends rows once, however many calls that takes. A collection that is refused for one row is halved.

    Args:
        size: most rows to a collection.

    Attributes:
        told: key -> verdict. What an answer leaves out is not in it.
    """

    def __init__(self, api: Api, change: Change, rows: Rows, size: int, beside: Beside | None) -> None:
        self.told: dict[str, Verdict] = {}
        self._api = api
        self._change = change
        self._rows = rows
        self._beside = beside
        self._waiting = deque(parts(list(rows), size))
        self._alone: list[str] = []

    def send(self) -> dict[str, Verdict]:
        """Send all. Raises RetryLater, and SetupError where Salesforce refuses more than rows."""
        at_once = HEAVY if self._beside is None else HEAVY - 1
        while self._waiting:
            self._call([self._waiting.popleft() for _ in range(min(at_once, len(self._waiting)))])
        return self.told

    def _call(self, chunks: Sequence[Sequence[str]]) -> None:
        """One composite call. It may be repeated: a member is made once per campaign and contact whoever asks, since
        Salesforce refuses the second; and what is changed or deleted twice is as after once."""
        keys = [key for chunk in chunks for key in chunk]
        subs = [self._sub(chunk, f"part{number}") for number, chunk in enumerate(chunks)]
        further = [self._beside.sub(keys)] if self._beside else []
        answers = self._api.composite([*subs, *further], repeatable=True)
        for number, chunk in enumerate(chunks):
            if answer := answers.get(f"part{number}"):
                self._hear(chunk, answer)
        if self._beside and (answer := answers.get(further[0].reference)):
            self._beside.heard(keys, answer)

    def _sub(self, chunk: Sequence[str], reference: str) -> Sub:
        sub = self._change.sub({key: self._rows[key] for key in chunk}, reference)
        saves = sub.method != "DELETE" and not self._api.settings.obey_duplicate_rules
        return replace(sub, headers=_ANYWAY) if saves else sub

    def _hear(self, chunk: Sequence[str], answer: Answer) -> None:
        if answer.status < 300:
            self._enter(chunk, answer.body)
        elif (verdict := of_errors(answer.body)).passing:
            self.told.update(dict.fromkeys(chunk, verdict))
        elif verdict.code in _OF_ONE_ROW:
            self._halve(chunk, verdict, answer)
        else:
            good(self._api, answer, f"a change of {self._change.name}")

    def _enter(self, chunk: Sequence[str], results: Any) -> None:
        """The verdicts, in the order of the rows. An answer of another length tells of none."""
        if isinstance(results, list) and len(results) == len(chunk):
            self.told.update({key: of_result(result) for key, result in zip(chunk, results, strict=True)})

    def _halve(self, chunk: Sequence[str], verdict: Verdict, answer: Answer) -> None:
        if len(chunk) > 1:
            middle = len(chunk) // 2
            self._waiting.extendleft((chunk[middle:], chunk[:middle]))
            return
        self.told[chunk[0]] = verdict
        self._alone.append(verdict.code)
        if self._alone.count(verdict.code) >= HOPELESS and not any(one.done for one in self.told.values()):
            raise refused(answer.status, answer.body, f"to change {self._change.name}")
