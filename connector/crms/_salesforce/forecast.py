"""How many calls a pull will take, as far as one count can tell."""

from collections.abc import Mapping
from urllib.parse import quote

from connector.crms._salesforce.api import HEAVY, Sub
from connector.crms._salesforce.look import Lookout
from connector.model import Cursor

JOB = 3
"""Calls of a job besides its results: it is made, waited for, and looked at once more."""


def ahead(lookout: Lookout, cursors: Mapping[str, Cursor | None]) -> int | None:
    """Calls to pull these streams; None where Salesforce will not count."""
    fresh = [name for name, cursor in cursors.items() if not cursor]
    totals = _counts(lookout, fresh) if fresh else {}
    if totals is None:
        return None
    looked = [cursor for cursor in cursors.values() if not cursor or not cursor.keys() & {"next", "job"}]
    looks = -(-len(looked) // HEAVY)
    begun = sum(_rest(lookout, cursor) for cursor in cursors.values() if cursor)
    return looks + begun + sum(_calls(lookout, total) for total in totals.values())


def _counts(lookout: Lookout, names: list[str]) -> dict[str, int] | None:
    found: dict[str, int] = {}
    for at in range(0, len(names), HEAVY):
        part = {name: lookout.mapping.streams[name].object for name in names[at : at + HEAVY]}
        subs = [
            Sub(method="GET", path="query?q=" + quote(f"SELECT COUNT() FROM {kind}"), reference=name)  # noqa: S608
            for name, kind in part.items()
        ]
        for name, answer in lookout.describe(subs).items():
            if name not in part:
                continue
            if answer.status != 200:
                return None
            found[name] = int(answer.told("totalSize")["totalSize"])
    return found


def _calls(lookout: Lookout, total: int) -> int:
    """Calls after the look, for so many records."""
    if total > lookout.api.settings.bulk_above:
        return JOB + -(-total // lookout.api.settings.bulk_page)
    return max(0, -(-total // lookout.page_size) - 1)


def _rest(lookout: Lookout, cursor: Cursor) -> int:
    """Calls that a pull which was broken off still takes, besides the look; none where it came to its end."""
    left = int(cursor.get("total", 0)) - int(cursor.get("read", 0))
    if "job" in cursor:
        return JOB + -(-left // lookout.api.settings.bulk_page)
    return -(-left // lookout.page_size) if "next" in cursor else 0
