"""What Salesforce says of one row that was sent: done, not now, or why not."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connector.crms._salesforce.answers import PASSING, errors, spoken

GONE = "no such contact any more (merged or deleted)"
UNEXPLAINED = "UNKNOWN_EXCEPTION"
NO_ID = "this is not the id of a Salesforce contact"
_ABSENT = frozenset({"ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY", "NOT_FOUND"})


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What became of one row.

    Attributes:
        code: Salesforce's error code; empty: done.
        words: its own, without e-mail addresses, with the code.
        fields: those it names.
    """

    code: str = ""
    words: str = ""
    fields: tuple[str, ...] = ()

    @property
    def done(self) -> bool:
        return not self.code

    @property
    def passing(self) -> bool:
        """Whether the same may be taken a little later."""
        return self.code in PASSING

    @property
    def absent(self) -> bool:
        """Whether the row, or one it points to, is not there (any more)."""
        return self.code in _ABSENT


DONE = Verdict()


def of_result(result: Mapping[str, Any]) -> Verdict:
    """The verdict in one result of a collection."""
    return DONE if result.get("success") else of_errors(result.get("errors"))


def of_errors(body: Any) -> Verdict:
    """The verdict in a list of errors, of a row or of a whole call. The first counts."""
    found = errors(body)
    code = next((str(one.get("statusCode") or one.get("errorCode")) for one in found), UNEXPLAINED)
    fields = tuple(str(name) for one in found for name in one.get("fields") or ())
    return Verdict(code=code, words=f"{spoken(found)} ({code})", fields=fields)


def of_csv(text: str) -> Verdict:
    """The verdict in a bulk job's `sf__Error`: `CODE:words:Field,Field --`."""
    code, _, rest = text.partition(":")
    words, _, named = rest.rpartition(":")
    fields = tuple(name for part in named.removesuffix("--").split(",") if (name := part.strip()))
    return Verdict(code=code or UNEXPLAINED, words=f"{spoken({'message': words})} ({code})", fields=fields)
