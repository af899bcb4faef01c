"""What became of a request: `requestStatus:retrieve`.

Source: google/ads/datamanager/v1/request_status_per_destination.proto, processing_errors.proto, match_rate.proto.
"""

from typing import Any

from connector.sandbox.exchange import Answer, Call, Operation
from connector.sandbox.google_account import Account, Outcome
from connector.sandbox.google_errors import invalid

_TENS = tuple((upper, f"{upper - 9}_TO_{upper}") for upper in range(40, 101, 10))
_RANGES = ((19, "LESS_THAN_20"), (30, "20_TO_30"), *_TENS)


def retrieve(account: Account, call: Call) -> Answer:
    """The status at each destination, in the order of the request."""
    found = account.accepted.get(call.query.get("requestId", ""))
    if found is None:
        raise invalid("INVALID_REQUEST_ID", "request_id", "The request ID is not valid.")
    working = found.ends > account.clock.milliseconds()
    told = [_working(one) if working else _told(one) for one in found.outcomes]
    return Answer(content={"requestStatusPerDestination": told})


def _working(outcome: Outcome) -> dict[str, Any]:
    return {"destination": outcome.destination, "requestStatus": "PROCESSING"}


def _told(outcome: Outcome) -> dict[str, Any]:
    failed = outcome.failed.total()
    status = "SUCCESS" if not failed else "PARTIAL_SUCCESS" if failed < outcome.records else "FAILED"
    counts = [{"recordCount": str(count), "reason": reason} for reason, count in outcome.failed.items()]
    errors = {"errorInfo": {"errorCounts": counts}} if counts else {}
    return {"destination": outcome.destination, "requestStatus": status, **errors, **_kind(outcome)}


def _kind(outcome: Outcome) -> dict[str, Any]:
    records = {"recordCount": str(outcome.records)}
    data = {**records, "userIdentifierCount": str(outcome.identifiers)}
    if outcome.kind == "events":
        return {"eventsIngestionStatus": records}
    if outcome.kind == "removeAll":
        return {"removeAllAudienceMembersStatus": {}}
    if outcome.kind == "remove":
        return {"audienceMembersRemovalStatus": {"compositeDataRemovalStatus": data}}
    rate = {**data, "uploadMatchRateRange": f"MATCH_RATE_RANGE_{match_range(outcome)}"}
    return {"audienceMembersIngestionStatus": {"compositeDataIngestionStatus": rate}}


def match_range(outcome: Outcome) -> str:
    """The range in which the share of those taken lies, of whom the sandbox matches half."""
    share = 50 * (outcome.records - outcome.failed.total()) // max(outcome.records, 1)
    return next(name for upper, name in _RANGES if share <= upper)


OPERATIONS = (Operation(method="GET", path="/v1/requestStatus:retrieve", handle=retrieve, bucket="retrieval"),)
