"""Audience members: put in, taken out, and all taken out who were last put in before a moment.

Source: google/ads/datamanager/v1/ingestion_service.proto; audienceMembers.removeAll.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from connector.sandbox.clock import milliseconds_of
from connector.sandbox.exchange import Answer, Call, Operation
from connector.sandbox.google_account import Account, Identifier, Outcome, UserList
from connector.sandbox.google_errors import Failed, invalid
from connector.sandbox.google_payload import decoder, destinations, objection, read_all

MOST_MEMBERS = 10_000
ROW = "audience_members.audience_members[{}].composite_data"


def ingest(account: Account, call: Call) -> Answer:
    """Put members in. Those without the consent that they need are not processed."""
    body = json.loads(call.body)
    places, rows = _places(account, body), _rows(account, body)
    _check_terms(account, body)
    people = read_all(rows, ROW, _data, decoder(body), account.refused)
    if body.get("validateOnly"):
        return Answer(content={})
    failed = Counter(why for row in rows if (why := objection(account, row, body)))
    taken = [one for one, row in zip(people, rows, strict=True) if not (failed and objection(account, row, body))]
    return _accepted(account, [_put_in(account, *place, rows, taken, failed) for place in places])


def _check_terms(account: Account, body: Mapping[str, Any]) -> None:
    said = (body.get("termsOfService") or {}).get("customerMatchTermsOfServiceStatus")
    if said != "ACCEPTED" or not account.settings.terms_signed:
        raise invalid("TERMS_AND_CONDITIONS_NOT_SIGNED", "terms_of_service", "Required terms are not accepted.")
    if not account.settings.political_declared:
        reason = "EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED"
        raise Failed(status="INVALID_ARGUMENT", reason=reason, message="The declaration is missing.")


def _put_in(
    account: Account,
    destination: dict[str, Any],
    found: UserList,
    rows: Sequence[Any],
    people: Sequence[Sequence[Identifier]],
    failed: Counter[str],
) -> Outcome:
    if account.failing or found.resource["membershipStatus"] == "CLOSED":
        failed = Counter({"PROCESSING_ERROR_REASON_INTERNAL_ERROR": len(rows)})
    else:
        found.add((one for person in people for one in person), account.clock.milliseconds())
    return _outcome(destination, "ingest", rows, people, failed)


def remove(account: Account, call: Call) -> Answer:
    """Take members out; needs no consent."""
    body = json.loads(call.body)
    places, rows = _places(account, body), _rows(account, body)
    people = read_all(rows, ROW, _data, decoder(body), account.refused)
    if body.get("validateOnly"):
        return Answer(content={})
    return _accepted(account, [_taken_out(account, *place, rows, people) for place in places])


def _taken_out(
    account: Account,
    destination: dict[str, Any],
    found: UserList,
    rows: Sequence[Any],
    people: Sequence[Sequence[Identifier]],
) -> Outcome:
    failed: Counter[str] = Counter()
    if account.failing:
        failed["PROCESSING_ERROR_REASON_INTERNAL_ERROR"] = len(rows)
    else:
        found.remove(one for person in people for one in person)
    return _outcome(destination, "remove", rows, people, failed)


def remove_all(account: Account, call: Call) -> Answer:
    """Take out everybody who was last put in before `removeAsOfTime`."""
    body = json.loads(call.body)
    places, moment = _places(account, body), _moment(account, body.get("removeAsOfTime"))
    if body.get("validateOnly"):
        return Answer(content={})
    for _, found in places:
        if not account.failing:
            found.remove_before(moment)
    failed = Counter({"PROCESSING_ERROR_REASON_INTERNAL_ERROR": 1}) if account.failing else Counter[str]()
    return _accepted(account, [_outcome(one, "removeAll", [], [], failed) for one, _ in places])


def _moment(account: Account, text: str | None) -> int:
    now = account.clock.milliseconds()
    try:
        moment = milliseconds_of(text) if text else now
    except ValueError:
        raise invalid("INVALID_FORMAT", "remove_as_of_time", "Not a timestamp.") from None
    if moment > now:
        raise invalid("INVALID_REMOVE_AS_OF_TIME", "remove_as_of_time", "Must not be in the future.")
    return moment


def _places(account: Account, body: Mapping[str, Any]) -> list[tuple[dict[str, Any], UserList]]:
    """Destinations with the lists that they name."""
    told = destinations(account, body)
    for at, one in enumerate(told):
        if one.get("productDestinationId") not in account.lists:
            field = f"destinations.destinations[{at}].product_destination_id"
            raise invalid("INVALID_USER_LIST_ID", field, "User list is not valid.")
    return [(one, account.lists[one["productDestinationId"]]) for one in told]


def _rows(account: Account, body: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = body.get("audienceMembers")
    if not isinstance(rows, list) or not rows:
        raise invalid("REQUIRED_FIELD_MISSING", "audience_members", "An audience member is required.")
    account.largest = max(account.largest, len(rows))
    if len(rows) > MOST_MEMBERS:
        raise invalid("TOO_MANY_AUDIENCE_MEMBERS", "audience_members", "At most 10,000 audience members.")
    return rows


def _data(row: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = (row.get("compositeData") or row).get("userData") or {}
    return found


def _outcome(
    destination: dict[str, Any],
    kind: str,
    rows: Sequence[Any],
    people: Sequence[Sequence[Identifier]],
    failed: Counter[str],
) -> Outcome:
    told = sum(map(len, people))
    return Outcome(destination=destination, kind=kind, records=len(rows), identifiers=told, failed=failed)


def _accepted(account: Account, outcomes: Sequence[Outcome]) -> Answer:
    return Answer(content={"requestId": account.accept(outcomes)})


OPERATIONS = (
    Operation(method="POST", path="/v1/audienceMembers:ingest", handle=ingest, write=True, bucket="ingestion"),
    Operation(method="POST", path="/v1/audienceMembers:remove", handle=remove, write=True, bucket="ingestion"),
    Operation(method="POST", path="/v1/audienceMembers:removeAll", handle=remove_all, write=True, bucket="ingestion"),
)
