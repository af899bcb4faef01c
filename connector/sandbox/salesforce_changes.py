"""Which records changed, and which were deleted, within a span of time.

Source: REST API guide, "sObject Get Updated", "sObject Get Deleted"; SOAP API guide, "latestDateCovered": while a long
transaction runs, it is the time that one began, so that a reader who goes on from there misses nothing.
"""

from typing import Any

from connector.sandbox.clock import DAY, milliseconds_of
from connector.sandbox.exchange import Answer
from connector.sandbox.salesforce_errors import failed
from connector.sandbox.salesforce_exchange import Request, operation
from connector.sandbox.salesforce_fields import SObject
from connector.sandbox.salesforce_org import Session
from connector.sandbox.salesforce_rest import DATA
from connector.sandbox.salesforce_transactions import earliest_open
from connector.sandbox.salesforce_values import moment

MINUTE = 60_000
MOST_IDS = 600_000


def updated(session: Session, request: Request) -> Answer:
    """Ids of the living records that were made or changed."""
    kind = _replicated(session, request)
    begin, end = _span(session, request, session.org.settings.updated_days)
    sql = f"""SELECT Id FROM "{kind.name}" WHERE SystemModstamp >= ? AND SystemModstamp < ?{_living(kind)}
        ORDER BY Id LIMIT {MOST_IDS + 1}"""  # noqa: S608 - names of the schema
    ids = [id for (id,) in session.org.state.rows(sql, begin, end)]
    if len(ids) > MOST_IDS:
        raise failed("EXCEEDED_ID_LIMIT", f"Too many results: the limit is {MOST_IDS} ids.")
    return Answer(content={"ids": ids, "latestDateCovered": moment(_covered(session, kind, end))})


def deleted(session: Session, request: Request) -> Answer:
    """Records that were deleted, or merged away, and when."""
    kind = _replicated(session, request)
    begin, end = _span(session, request, session.org.settings.deleted_days)
    since = session.org.now() - round(session.org.settings.delete_log_days * DAY)
    sql = f"""SELECT Id, SystemModstamp FROM "{kind.name}"
        WHERE IsDeleted = 1 AND SystemModstamp >= ? AND SystemModstamp < ? ORDER BY SystemModstamp, Id"""  # noqa: S608
    gone = session.org.state.rows(sql, max(begin, since), end) if "IsDeleted" in kind.fields else []
    content: dict[str, Any] = {
        "deletedRecords": [{"deletedDate": moment(at), "id": id} for id, at in gone],
        "earliestDateAvailable": moment(since // MINUTE * MINUTE),
        "latestDateCovered": moment(_covered(session, kind, end)),
    }
    return Answer(content=content)


def _replicated(session: Session, request: Request) -> SObject:
    kind = session.object(request.params["object"])
    if "r" not in kind.rights or not kind.system:
        raise failed("INVALID_TYPE_FOR_OPERATION", f"object type {kind.name} is not replicable")
    return kind


def _living(kind: SObject) -> str:
    return " AND IsDeleted = 0" if "IsDeleted" in kind.fields else ""


def _span(session: Session, request: Request, days: int) -> tuple[int, int]:
    """From and to, without their seconds, which Salesforce leaves away."""
    begin, end = (_time(request, name) for name in ("start", "end"))
    if begin >= end:
        message = "The specified startDate must be chronologically before the specified endDate"
        raise failed("INVALID_REPLICATION_DATE", f"{message}: the difference must be greater than one minute")
    if begin < session.org.now() - days * DAY:
        raise failed("INVALID_REPLICATION_DATE", f"startDate cannot be more than {days} days ago")
    return begin, end


def _time(request: Request, name: str) -> int:
    text = request.query.get(name, "").replace(" ", "+")  # a plus sign that was not encoded arrives as a blank
    try:
        return milliseconds_of(f"{text[:-2]}:{text[-2:]}" if text[-5:-4] in "+-" and text else text) // MINUTE * MINUTE
    except ValueError:
        raise failed("MALFORMED_QUERY", f"invalid or missing parameter: {name}") from None


def _covered(session: Session, kind: SObject, end: int) -> int:
    began = earliest_open(session.org, kind)
    return min(end, session.org.now(), began if began is not None else end)


OPERATIONS = [
    operation("GET", f"{DATA}/sobjects/{{object}}/updated", updated),
    operation("GET", f"{DATA}/sobjects/{{object}}/deleted", deleted),
]
