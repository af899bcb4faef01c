"""What Meta's answers mean: taken, not now (Again), or no (Refused). The one border where they are judged."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from connector.ads._http import Answer
from connector.ads._meta.usage import usage
from connector.errors import SetupError
from connector.limits import TRANSIENT, Again, retry_after

CHECK = "lamplighter check"
TOKEN_FIX = (
    "make a new token of a system user with ads_management in Meta's Business Settings, put it where ads.meta.token "
    f"points, then {CHECK}"
)
PERMISSION_FIX = f"assign the ad account to the token's system user, and grant it ads_management, then {CHECK}"
TERMS_FIX = "have an admin of the business accept the Custom Audience Terms in Meta's Audience Manager, then {}"

DEAD_TOKEN = frozenset({102, 190})
DENIED = frozenset({10, 200, 294})
TOO_MANY = frozenset({4, 17, 32, 613, *range(80_000, 80_015)})
"""Limits of calls (Meta, "Rate Limits")."""
PASSING = frozenset({1, 2})
NOT_THERE, FLAGGED, TERMS = 33, 1_713_230, 1_870_090
UPDATING, NOT_BEGUN, TIMED_OUT, FINISHED = 1_870_145, 1_870_147, 1_870_158, 1_870_159
"""Subcodes (Meta, "Customer File Custom Audiences" and "Replace Users API common errors")."""
BUSY = timedelta(minutes=10)
"""How long an audience that is being replaced is left alone; Meta does not say how long it takes."""

_ADDRESS = re.compile(r"[^\s\"'<>(),;:]+@[^\s\"'<>(),;:]+")
_SECRET = re.compile(r"EAA\w{10,}|[0-9a-f]{64}")


class Refused(SetupError):
    """Meta said no. Leaves the adapter as the SetupError it is, unless a caller knows what to make of it.

    Attributes:
        code, subcode: Meta's; 0 where it gave none.
        words: its own, without anything that looks like an address, a token or a hash.
    """

    def __init__(self, message: str, *, hint: str, code: int, subcode: int, words: str) -> None:
        super().__init__(message, hint=hint)
        self.code = code
        self.subcode = subcode
        self.words = words


def judged(answer: Answer, operation: str, now: datetime) -> dict[str, Any]:
    """The body of a good answer.

    Raises:
        Again: it may work later.
        Refused: it will not, as things are.
    """
    body = answer.body if isinstance(answer.body, dict) else {}
    error = body.get("error")
    if 200 <= answer.status < 300 and not error:
        return body
    error = error if isinstance(error, dict) else {}
    code, subcode = _number(error.get("code")), _number(error.get("error_subcode"))
    if subcode == UPDATING:
        raise Again("the audience is being updated at Meta", after=now + BUSY)
    if code in TOO_MANY or answer.status == 429:
        raise _too_many(answer, code, now)
    if code in PASSING or error.get("is_transient") is True or (not code and answer.status in TRANSIENT):
        seconds = retry_after(answer.headers.get("Retry-After"), answer.status)
        raise Again(f"Meta answered {answer.status} (code {code})", at_least=seconds)
    raise _refused(operation, answer.status, code, subcode, spoken(error))


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _too_many(answer: Answer, code: int, now: datetime) -> Again:
    minutes = usage(answer.headers).minutes
    after = now + timedelta(minutes=minutes) if minutes else None
    seconds = retry_after(answer.headers.get("Retry-After"), answer.status)
    return Again(f"too many calls for this ad account (code {code or answer.status})", at_least=seconds, after=after)


def _refused(operation: str, status: int, code: int, subcode: int, words: str) -> Refused:
    message, hint = f"Meta refused {operation} ({code or status}): {words}", CHECK
    if code in DEAD_TOKEN:
        message, hint = "Meta refused the token", TOKEN_FIX
    elif subcode == TERMS:
        message, hint = f"Meta refused {operation}: the Custom Audience Terms are not accepted", TERMS_FIX.format(CHECK)
    elif code in DENIED:
        hint = PERMISSION_FIX
    return Refused(message, hint=hint, code=code, subcode=subcode, words=words)


def spoken(error: Mapping[str, Any]) -> str:
    """Meta's own words about a failure, on one line of at most 300 characters."""
    told = [error.get("error_user_title"), error.get("error_user_msg") or error.get("message")]
    words = " ".join(" - ".join(str(one) for one in told if one).split()) or "no reason given"
    return _SECRET.sub("<hidden>", _ADDRESS.sub("<e-mail>", words))[:300]
