"""How many calls a pull has ahead of it: the pages of a listing, by one search for their number; else one search."""

from connector.crms._hubspot.listing import LISTED
from connector.crms._hubspot.mail_statuses import AT_ONCE
from connector.crms._hubspot.source import Source
from connector.crms._hubspot.streams import Stream
from connector.model import Cursor


def ahead(source: Source, stream: Stream, cursor: Cursor | None) -> int:
    """Calls to pull a stream from a cursor on; None: from the start, the look at its properties included.

    Raises:
        Refused, RetryLater: as the pull itself would.
    """
    if cursor is not None and cursor["phase"] != "list":
        return 1
    left = source.api.count(source.kind(stream), str((cursor or {}).get("after") or ""))
    statuses = -(-left // AT_ONCE) if source.asks_statuses(stream) else 0
    return max(1, -(-left // LISTED)) + statuses + (cursor is None)
