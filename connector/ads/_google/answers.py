"""What Google's answers mean: taken, not now (Again), or no (Refused). The one border where they are judged.

Source: AIP-193 (google.rpc.Status and its details); Data Manager API, "Understand API errors", "Limits and quotas".
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from connector.ads._http import Answer
from connector.errors import SetupError
from connector.limits import TRANSIENT, Again, retry_after

CHECK = "lamplighter check"
GONE = frozenset({"NOT_FOUND", "INVALID_USER_LIST_ID"})
"""Reasons that say of a user list that it is not there."""
PACIFIC = ZoneInfo("America/Los_Angeles")
"""Google's daily quotas end at midnight there."""
FIXES: Mapping[str, str] = {
    "SERVICE_DISABLED": "enable the Data Manager API in the Google Cloud project of the credentials",
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT": "authorise the app again, for the scope https://www.googleapis.com/auth/datamanager",
    "PERMISSION_DENIED": "give the Google account of the credentials access to the Google Ads account, and set "
    "ads.google.login_account where it is reached through a manager account",
    "TERMS_AND_CONDITIONS_NOT_SIGNED": "accept the Customer Match terms in Google Ads (Tools, Audience manager)",
    "EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED": "say of each campaign in Google Ads whether it carries EU "
    "political advertising",
    "USER_LIST_TYPE_NOT_SUPPORTED_FOR_ACCOUNT": "set ads.google.account to a real account: Google's test accounts "
    "take no user lists",
    "ADVERTISER_NOT_ALLOWLISTED_FOR_UPLOADED_DATA": "ask Google Ads support to allow Customer Match for the account",
    "INVALID_CONVERSION_ACTION_ID": "set ads.google.conversion_action to the id of a conversion action of the account",
    "DISPLAY_NAME_ALREADY_USED": "rename the audience in Google Ads that has this name and is not ours",
}
_ROW = re.compile(r"(?:audience_members|events)\[(\d+)\]")


class Refused(SetupError):
    """Google said no. Leaves the adapter as the SetupError it is, unless a caller knows what to make of it.

    Attributes:
        status: HTTP status.
        reasons: Google's words for why, the most telling first.
        rows: index of a row of the request -> why Google does not take it.
    """

    def __init__(
        self, message: str, *, hint: str, status: int, reasons: Sequence[str], rows: Mapping[int, str]
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.reasons = reasons
        self.rows = rows

    @property
    def gone(self) -> bool:
        """Whether what the call was about is not there."""
        return self.status == 404 or not GONE.isdisjoint(self.reasons)


def judged(answer: Answer, operation: str, now: datetime) -> Mapping[str, Any]:
    """The JSON object of a good answer.

    Raises:
        Again: it may work later.
        Refused: it will not, as things are.
    """
    body = answer.body if isinstance(answer.body, Mapping) else {}
    if 200 <= answer.status < 300:
        return body
    error = body.get("error")
    details = _details(error if isinstance(error, Mapping) else {})
    if answer.status in TRANSIENT:
        raise _not_now(answer, details, now)
    raise _refused(answer.status, details, operation)


def _details(error: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """The error's details by the last word of their type."""
    told = [one for one in error.get("details") or () if isinstance(one, Mapping)]
    return {str(one.get("@type", "")).rpartition(".")[2]: one for one in told}


def _not_now(answer: Answer, details: Mapping[str, Mapping[str, Any]], now: datetime) -> Again:
    unit = str((details.get("ErrorInfo", {}).get("metadata") or {}).get("quota_unit", ""))
    if answer.status == 429 and "/d/" in unit:
        return Again("the Cloud project's calls of the day are used up", after=_next_day(now))
    seconds = retry_after(answer.headers.get("Retry-After"), answer.status)
    return Again(f"Google answered {answer.status}", at_least=seconds)


def _next_day(now: datetime) -> datetime:
    tomorrow = now.astimezone(PACIFIC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return tomorrow.astimezone(now.tzinfo)


def _refused(status: int, details: Mapping[str, Mapping[str, Any]], operation: str) -> Refused:
    violations = [one for one in details.get("BadRequest", {}).get("fieldViolations") or () if isinstance(one, Mapping)]
    reasons = [str(one.get("reason") or "") for one in violations]
    reasons = [one for one in (*dict.fromkeys(reasons), str(details.get("ErrorInfo", {}).get("reason") or "")) if one]
    hint = next((FIXES[one] for one in reasons if one in FIXES), "")
    named = ", ".join(reasons[:3]) or "no reason given"
    return Refused(
        f"Google refused {operation} ({status}): {named}",
        hint=f"{hint}, then {CHECK}" if hint else CHECK,
        status=status,
        reasons=reasons,
        rows=_rows(violations),
    )


def _rows(violations: Sequence[Mapping[str, Any]]) -> dict[int, str]:
    found = [(_ROW.search(str(one.get("field", ""))), one) for one in violations]
    return {int(match[1]): _words(one) for match, one in found if match}


def _words(violation: Mapping[str, Any]) -> str:
    return f"{violation.get('reason') or 'INVALID_ARGUMENT'}: {violation.get('description') or 'no reason given'}"
