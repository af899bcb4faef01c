"""What HubSpot's answers mean: taken, not now (Again), or no (Refused). The one border where they are judged."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connector.errors import RetryLater, SetupError
from connector.limits import TRANSIENT, Again, retry_after

MIGRATING = 477
"""HubSpot, error handling: the account is being moved; `Retry-After` says how long, up to a day."""

_ADDRESS = re.compile(r"[^\s\"'<>(),;:]+@[^\s\"'<>(),;:]+")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A response with its JSON read. `sent` and `received` are of the monotonic clock."""

    status: int
    body: dict[str, Any]
    headers: Mapping[str, str]
    sent: float
    received: float


class Refused(SetupError):
    """HubSpot said no. Leaves the adapter as the SetupError it is, unless a caller knows what to make of it.

    Attributes:
        status: HTTP status.
        words: HubSpot's own, without anything that looks like an e-mail address.
        codes: its machine-readable `error` or `code` words, for telling one 400 from another.
        named: whatever in it may be the name of a property.
    """

    def __init__(
        self, message: str, *, hint: str, status: int, words: str, codes: frozenset[str], named: frozenset[str]
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.words = words
        self.codes = codes
        self.named = named


def judged(answer: Answer, operation: str, resume_at: datetime | None, connect: str) -> Answer:
    """The answer, if it is a good one.

    Args:
        resume_at: when the account takes calls again, where it takes none for long.
        connect: the command that makes a new authorisation.

    Raises:
        Again: it may work later.
        Refused: it will not, as things are.
    """
    if 200 <= answer.status < 300:
        return answer
    if answer.status in TRANSIENT or answer.status == MIGRATING:
        raise _again(answer, resume_at)
    raise _refused(answer.status, answer.body, operation, connect)


def _again(answer: Answer, resume_at: datetime | None) -> Again:
    policy = str(answer.body.get("policyName") or "")
    seconds = retry_after(answer.headers.get("Retry-After"), answer.status)
    reason = f"HubSpot answered {answer.status}{f' ({policy})' if policy.isidentifier() else ''}"
    return Again(reason, at_least=seconds, after=resume_at)


def _refused(status: int, body: Mapping[str, Any], operation: str, connect: str) -> Refused:
    words = spoken(body)
    message, hint = f"HubSpot refused {operation} ({status}): {words}", "lamplighter check"
    if status == 401:
        message, hint = "HubSpot refused the token", connect
    elif status == 403:
        message = f"HubSpot refused {operation}: the token lacks {_scopes(body) or f'a permission ({words})'}"
        hint = scope_fix(_scopes(body), connect)
    if correlation := body.get("correlationId"):
        message += f" [HubSpot's correlation id {correlation}]"
    return Refused(message, hint=hint, status=status, words=words, codes=_codes(body), named=_named(body))


def scope_fix(scope: str, connect: str) -> str:
    """How to give the token a scope: who authorised an app by OAuth must do so again."""
    what = f"add {scope or 'it'} to the app or service key in HubSpot's settings"
    return f"{what}, then {connect}" if "--oauth" in connect else f"{what}, then lamplighter check"


def spoken(body: Mapping[str, Any]) -> str:
    """HubSpot's own words about a failure, on one line of at most 500 characters, without e-mail addresses."""
    words = " ".join(str(body.get("message") or body.get("category") or "no reason given").split())
    return _ADDRESS.sub("<e-mail>", words)[:500]


def _scopes(body: Mapping[str, Any]) -> str:
    """The missing scopes: all of them, and where one of several is enough, joined by "or"."""
    contexts = [error.get("context") or {} for error in body.get("errors") or [] if isinstance(error, Mapping)]
    groups = [context.get("requiredGranularScopes") or context.get("requiredScopes") or [] for context in contexts]
    return ", ".join(dict.fromkeys(" or ".join(map(str, group)) for group in groups if group))


def _codes(body: Mapping[str, Any]) -> frozenset[str]:
    """Words in capitals anywhere in the refusal; HubSpot puts some of them into JSON inside its message."""
    parts = [str(body.get("message") or ""), str(body.get("subCategory") or ""), *map(str, body.get("errors") or [])]
    return frozenset(word for part in parts for word in re.findall(r"[A-Z][A-Z_]{6,}", part))


def _named(body: Mapping[str, Any]) -> frozenset[str]:
    parts = [str(body.get("message") or ""), *map(str, body.get("errors") or [])]
    return frozenset(word for part in parts for word in re.findall(r"[a-z][a-z0-9_]+", part))


def unusable(body: Mapping[str, Any]) -> dict[str, str]:
    """The rows that a 207 says failed: id (or trace id) -> HubSpot's words."""
    found: dict[str, str] = {}
    for error in body.get("errors") or []:
        for values in (error.get("context") or {}).values():
            for value in values if isinstance(values, list) else [values]:
                found.setdefault(str(value), spoken(error))
    return found


def absent(body: Mapping[str, Any]) -> set[str]:
    """The rows of a 207 that are not there: ids in errors of that category. Other errors say nothing of it."""
    gone = [error for error in body.get("errors") or [] if error.get("category") == "OBJECT_NOT_FOUND"]
    return set(unusable({"errors": gone}))


def told(body: Mapping[str, Any], what: str) -> list[dict[str, Any]]:
    """The results of a batch. Raises RetryLater for a friendly answer that has none and names nobody who failed."""
    results: list[dict[str, Any]] = body.get("results") or []
    if not results and not unusable(body):
        raise said_nothing(what)
    return results


def said_nothing(what: str) -> RetryLater:
    """The error for a friendly answer that lacks what it must hold; what it might have told is not taken as read."""
    return RetryLater(f"HubSpot answered {what} with nothing; what is done is kept", hint="lamplighter run, later")
