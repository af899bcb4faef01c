"""Events on their way into the spool: completed as Segment's servers do, refused where no pass could use them."""

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from connector.events.files import Line
from connector.events.json_lines import parsed
from connector.events.segment import read
from connector.events.values import Unusable, moment, text, within

TYPES = ("track", "identify", "page", "screen", "alias", "group")
LONGEST = 32 * 1024
"""Bytes of one event, as of Segment's "HTTP API Source"."""
AHEAD = timedelta(days=1)
"""How far a clock may be wrong that nobody can set right; what is later would count as news for ever."""
_NOT_KEPT = ("ip", "userAgent", "userAgentData", "device", "network")
"""Of `context`: nothing here is decided by them, and each helps to know a browser again."""
_WHO_AND_WHEN = ("messageId", "anonymousId", "userId", "timestamp", "originalTimestamp", "receivedAt")


class Refused(ValueError):
    """Why an event is not taken. Holds nothing of what it says."""


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """The call in which events came.

    Attributes:
        at: when.
        sent: when it left by the sender's own clock, where that is told.
        context: what holds for all of its events, where they do not say otherwise.
        objects: the browser sends Global Privacy Control.
        relayed: Segment's servers sent it, who have set its times; of anybody else these are not believed.
    """

    at: datetime
    sent: datetime | None = None
    context: Mapping[str, Any]
    objects: bool = False
    relayed: bool = False


def line_of(event: Any, arrival: Arrival) -> bytes:
    """The line that is kept of an event. Of one whose sender objects only who objected, and when.

    Raises:
        Refused: it is no event, too long, or could not be used.
    """
    if not isinstance(event, dict):
        raise Refused("not a JSON object")
    if event.get("type") not in TYPES:
        raise Refused(f"type: none of {', '.join(TYPES)}")
    if len(_readable(event)) > LONGEST:
        raise Refused(f"longer than {LONGEST:,} bytes")
    full = _completed(event, arrival)
    kept = objection_of(full, arrival.at) if arrival.objects else full
    if problem := _problem(_dumped(kept)):
        raise Refused(problem)
    return _readable(kept) + b"\n"


def objection_of(event: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """What is kept of an event under Global Privacy Control: the opt-out of that browser, and of whom it names."""
    context = within(event, "context")
    traits = {**within(context, "traits"), **within(event, "traits")}
    who = {name: event[name] for name in ("anonymousId", "userId") if name in event}
    named: dict[str, Any] = {name: traits[name] for name in ("email", "phone") if name in traits}
    country = within(context, "location").get("country")
    return {
        **{name: event[name] for name in _WHO_AND_WHEN if name in event},
        "type": "track",
        "event": "Consent Preference Updated",
        "messageId": f"gpc-{_digest({**who, **named, 'day': f'{now:%Y-%m-%d}'})}",  # once a day is enough
        "context": {"location": {"country": country}, "traits": named, "consent": {"gpc": True}},
    }


def _completed(event: Mapping[str, Any], arrival: Arrival) -> dict[str, Any]:
    context = {**arrival.context, **within(event, "context")}
    received = moment(event.get("receivedAt")) if arrival.relayed else None
    return {
        **event,
        **_times(event, arrival),
        "messageId": text(event.get("messageId")) or _name(event),
        "receivedAt": _iso(received or arrival.at),
        "context": {name: value for name, value in context.items() if name not in _NOT_KEPT},
    }


def _times(event: Mapping[str, Any], arrival: Arrival) -> dict[str, Any]:
    """As Segment's "Spec: Common Fields" has it: a wrong clock is wrong by the same time when it sends."""
    if event.get("timestamp") is None:
        return {"timestamp": _iso(arrival.at)}
    happened = moment(event["timestamp"])
    if happened is None:
        raise Refused("timestamp is not ISO 8601 with a time zone")
    late = arrival.at - arrival.sent if arrival.sent and not arrival.relayed else timedelta(0)
    if happened - arrival.at > AHEAD - late:
        raise Refused("timestamp is more than a day ahead")
    try:
        return {"timestamp": _iso(happened + late), "originalTimestamp": event["timestamp"]} if late else {}
    except OverflowError:
        raise Refused("sentAt is no time that a clock shows") from None


def _name(event: Mapping[str, Any]) -> str:
    """An id for an event without one: the same when it is sent again, if it tells its time."""
    if not event.get("timestamp"):
        return f"sent-{uuid.uuid4().hex}"
    return f"sent-{_digest({name: value for name, value in event.items() if name != 'sentAt'})}"


def _problem(line: str) -> str:
    """Why a pass would reject it; empty where it would not, or would skip it."""
    try:
        told = read(Line(1, 1, 0, line, b"", record=parsed(line)))
    except Unusable as problem:
        return str(problem)
    if told is None or not told.kind:
        return ""
    return told.problem or ("" if any(product for _, product in told.items) else told.missing)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _digest(values: Mapping[str, Any]) -> str:
    return hashlib.sha256(_dumped(values).encode()).hexdigest()[:32]


def _readable(values: Mapping[str, Any]) -> bytes:
    """Letters as they are, so that whoever looks for an address finds it."""
    return json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode(
        "utf-8", "surrogatepass"
    )


def _dumped(values: Mapping[str, Any]) -> str:
    return json.dumps(values, sort_keys=True, separators=(",", ":"))
