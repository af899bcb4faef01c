"""Events of the webhooks journal: which records each of them is about."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connector.crms._hubspot.streams import Stream
from connector.crms._hubspot.tombstones import moment

CHANGED = ("CREATE", "UPDATE")
"""What a search shows too, only later."""
UNSEEN = ("DELETE", "GDPR_DELETE", "MERGE", "RESTORE")
TIED = ("ASSOCIATION_ADDED", "ASSOCIATION_REMOVED")

_ENDS = (
    ("objectTypeId", "objectId"),
    ("fromObjectTypeId", "fromObjectId"),
    ("toObjectTypeId", "toObjectId"),
    ("associatedObjectTypeId", "associatedObjectId"),
)
"""Where events name records. HubSpot's guide shows some of them; its webhooks use the others for the same."""
_MERGED = ("primaryObjectId", "newObjectId", "mergedObjectIds")
"""Further records of a merge, all of one type (HubSpot, webhooks guide)."""


@dataclass(frozen=True, kw_only=True)
class Mention:
    """A record that an event is about. `at`: when it happened, None where the event does not tell."""

    stream: str
    id: str
    action: str
    at: datetime | None


def mentions(event: Mapping[str, Any], types: Mapping[str, Stream], portal: str) -> list[Mention]:
    """The records of ours that an event is about; none for one of another account, or of no use to us.

    Args:
        types: HubSpot's type id -> our stream.
        portal: the account's number.
    """
    action, at = str(event.get("action")), moment(str(event.get("occurredAt") or ""))
    if action not in (*CHANGED, *UNSEEN, *TIED) or str(event.get("portalId", portal)) != portal:
        return []
    found = dict.fromkeys(_records(event, action, types))
    return [Mention(stream=stream, id=one, action=action, at=at) for stream, one in found]


def _records(event: Mapping[str, Any], action: str, types: Mapping[str, Stream]) -> Iterator[tuple[str, str]]:
    for type_name, id_name in _ENDS:
        stream = types.get(str(event.get(type_name)))
        if stream is None or (action in TIED and not stream.parents):
            continue
        further = _MERGED if action == "MERGE" else ()
        for one in _ids(event, id_name, *further):
            yield stream.name, one


def _ids(event: Mapping[str, Any], *names: str) -> Iterator[str]:
    for name in names:
        value = event.get(name)
        for one in value if isinstance(value, list) else [value]:
            if str(one).isdecimal():
                yield str(one)


def together(found: Sequence[Mention]) -> dict[str, list[Mention]]:
    """By stream."""
    by_stream: dict[str, list[Mention]] = {}
    for one in found:
        by_stream.setdefault(one.stream, []).append(one)
    return by_stream
