"""What Salesforce's answers mean: taken, not now (Again), or no (Refused). The one border where they are judged."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from connector.errors import RetryLater, SetupError
from connector.limits import TRANSIENT, Again, retry_after

CHECK, CONNECT = "lamplighter check", "lamplighter connect salesforce"
EXPIRED, DAY_IS_SPENT = "INVALID_SESSION_ID", "REQUEST_LIMIT_EXCEEDED"
FULL_SECONDS = 3_600.0
"""How long an org whose day is spent is left alone: it counts the last 24 hours, so some come back every hour."""
CONCURRENT_SECONDS = 5.0
PASSING = frozenset(
    {"UNABLE_TO_LOCK_ROW", "SERVER_UNAVAILABLE", "QUERY_TIMEOUT", "REQUEST_RUNNING_TOO_LONG", "rate_limit_exceeded"}
)
"""Codes that say "not now", whatever the status; the last is the token endpoint's, of too many logins."""

_ADDRESS = re.compile(r"[^\s\"'<>(),;:]+@[^\s\"'<>(),;:]+")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A response. `body` is its JSON, None where it holds none; `text` is what it holds, read as UTF-8."""

    status: int
    body: Any
    headers: Mapping[str, str]
    text: str = ""

    def told(self, *names: str) -> Mapping[str, Any]:
        """Its object. Raises RetryLater where it is none, or lacks one of `names`."""
        if isinstance(self.body, Mapping) and all(self.body.get(name) is not None for name in names):
            return self.body
        raise said_nothing()

    def rows(self) -> list[Any]:
        """Its list of objects; None stands for one that is not there. Raises RetryLater where it is no such list."""
        if isinstance(self.body, list) and all(row is None or isinstance(row, Mapping) for row in self.body):
            return self.body
        raise said_nothing()


def said_nothing() -> RetryLater:
    """The error for a friendly answer that lacks what it must hold; what it might have told is not taken as read."""
    words = "Salesforce answered, and not what was asked; what is done is kept"
    return RetryLater(words, hint="lamplighter run, later")


class Refused(SetupError):
    """Salesforce said no. Leaves the adapter as the SetupError it is, unless a caller knows what to make of it.

    Attributes:
        status: HTTP status.
        codes: Salesforce's error codes.
        words: its own, without anything that looks like an e-mail address.
        fields: those it names.
    """

    def __init__(
        self, message: str, *, hint: str, status: int, codes: frozenset[str], words: str, fields: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.codes = codes
        self.words = words
        self.fields = fields


def judged(answer: Answer, operation: str, ok: Collection[int], now: datetime) -> Answer:
    """The answer, if it is a good one, or of a status in `ok`.

    Raises:
        Again: it may work later.
        Refused: it will not, as things are.
    """
    if 200 <= answer.status < 300 or answer.status in ok:
        return answer
    if later := not_now(answer, now):
        raise later
    raise refused(answer.status, answer.body, operation)


def not_now(answer: Answer, now: datetime) -> Again | None:
    """The error for an answer that is no `no`: the same call may work later. None for all others."""
    found = codes(answer.body)
    if DAY_IS_SPENT in found:
        return _spent(answer, now)
    if answer.status in TRANSIENT or found & PASSING:
        seconds = retry_after(answer.headers.get("Retry-After"), answer.status)
        return Again(f"Salesforce answered {answer.status}{_named(found)}", at_least=seconds)
    return None


def _named(found: frozenset[str]) -> str:
    return f" ({', '.join(sorted(found))})" if found else ""


def _spent(answer: Answer, now: datetime) -> Again:
    if "concurrent" in spoken(answer.body).lower():
        return Again("too many long calls at once", at_least=CONCURRENT_SECONDS)
    return Again("the org's calls of the last 24 hours are used up", after=now + timedelta(seconds=FULL_SECONDS))


def refused(status: int, body: Any, operation: str) -> Refused:
    """The error for a plain no, with what to do about it."""
    found, words = codes(body), spoken(body)
    message, hint = f"Salesforce refused {operation} ({status}): {words}", CHECK
    if status == 401:
        message, hint = "Salesforce refused the session", CONNECT
    elif "API_DISABLED_FOR_ORG" in found:
        hint = "give the integration user the permission API Enabled (permission set Lamplighter), then " + CHECK
    elif status == 410 or "UNSUPPORTED_API_VERSION" in found:
        hint = "set salesforce.version in lamplighter.yaml to one that the org offers; lamplighter check names them"
    return Refused(message, hint=hint, status=status, codes=found, words=words, fields=_fields(body))


def errors(body: Any) -> list[Mapping[str, Any]]:
    """The errors of an answer: a list of objects, one object (of the token endpoint or of a row), or none."""
    several = body if isinstance(body, list) else [body]
    return [one for one in several if isinstance(one, Mapping)]


def codes(body: Any) -> frozenset[str]:
    """Salesforce's error codes: of a call `errorCode`, of a row `statusCode`, of the token endpoint `error`."""
    named = (one.get("errorCode") or one.get("statusCode") or one.get("error") for one in errors(body))
    return frozenset(str(code) for code in named if code)


def spoken(body: Any) -> str:
    """Salesforce's own words about a failure, on one line of at most 500 characters, without e-mail addresses."""
    words = "; ".join(str(one.get("message") or one.get("error_description") or "") for one in errors(body))
    return _ADDRESS.sub("<e-mail>", " ".join(words.split()) or "no reason given")[:500]


def _fields(body: Any) -> tuple[str, ...]:
    return tuple(str(name) for one in errors(body) for name in one.get("fields") or ())
