"""The other side of the third CRM: records in our own columns, lists, properties, and everything that may go wrong."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from connector.sandbox.faults import Faults

PAGE, STEP = 100, timedelta(microseconds=1)
GONE, NO_ID = "no such contact any more (merged or deleted)", "this is no id"
POINTS_TO = {"product": "", "contact": "merged_into", "order_header": "contact_key", "order_line": "order_key"}
WRITES = ("create_list", "change")
Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the account says. 503 stands for no answer at all, too."""

    content: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200
    scope: str = ""
    write: bool = False
    limit: int = 0
    left: int = 0


@dataclass
class Kept:
    """A list; `mark` says whose."""

    name: str
    mark: str = ""
    members: set[str] = field(default_factory=set)
    deleted: bool = False


class Account:
    """One account. `records` are its rows, by stream and key; those in the recycle bin are among them."""

    def __init__(self) -> None:
        self.records: dict[str, dict[str, Row]] = {name: {} for name in POINTS_TO}
        self.lists: dict[str, Kept] = {}
        self.properties: dict[str, dict[str, str]] = {}
        self.settings: dict[str, Any] = {"token": "memory-token", "daily_limit": 100_000, "daily_used": 0}
        self.scopes = set(self.records)
        self.faults, self.counts = Faults(), Counter[str]()
        self._moment = datetime(2026, 10, 1, tzinfo=UTC)

    @property
    def token(self) -> str:
        """The one that is good."""
        return str(self.settings["token"])

    def now(self) -> datetime:
        """A moment that no other change has."""
        self._moment += STEP
        return self._moment

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._moment += timedelta(seconds=seconds)

    def answer(self, operation: str, token: str, told: Mapping[str, Any]) -> Answer:
        """Carry out what is asked, unless something keeps us from it."""
        write = operation.startswith(WRITES)
        self.counts.update(("total", "writes" if write else "reads"))
        self.settings["daily_used"] += 1
        answer = self._refused(operation, token) or self._spoiled(operation, told, write)
        limit, used = self.settings["daily_limit"], self.settings["daily_used"]
        return replace(answer, write=write, limit=limit, left=limit - used)

    def _refused(self, operation: str, token: str) -> Answer | None:
        stream = operation.partition("/")[2]
        if token != self.token:
            return Answer(status=401)
        return Answer(status=403, scope=stream) if stream and stream not in self.scopes else None

    def _spoiled(self, operation: str, told: Mapping[str, Any], write: bool) -> Answer:
        fault = self.faults.take("POST" if write else "GET", operation)
        if fault and (fault.status or fault.empty):
            return Answer(status=fault.status or 200)
        lost = Answer(status=503) if fault and fault.drop else None
        if fault and lost and not fault.after_effect:
            return lost
        verb, _, stream = operation.partition("/")
        content = getattr(self, verb)(*([stream] if stream else []), **told)
        return lost or Answer(content=content)

    def scopes_lacking(self) -> Row:
        """What the token may not do."""
        return {"lacking": sorted(self.records.keys() - self.scopes)}

    def page(self, stream: str, after: Row | None) -> Row:
        """The next records, by the time of their change."""
        ahead = self._after(stream, after)
        shown, more = ahead[:PAGE], len(ahead) > PAGE
        stand = _place(shown[-1]) if shown else (after or {}).get("stand")
        return {"rows": shown, "more": more, "cursor": {"stand": stand, "end": not more}}

    def count(self, stream: str, after: Row | None) -> Row:
        """How many pages there are of them."""
        return {"pages": max(1, -(-len(self._after(stream, after)) // PAGE))}

    def _after(self, stream: str, after: Row | None) -> list[Row]:
        stand = (after or {}).get("stand") or ["", ""]
        return sorted((row for row in self.records[stream].values() if _place(row) > stand), key=_place)

    def compare(self, stream: str, held: Sequence[Row]) -> Row:
        """What a reader lacks who holds this: rows of what differs, tombstones of what is not in the bin any more."""
        there, ours = self.records[stream], {row["key"]: row for row in held}
        news = [row for key, row in there.items() if _differs(row, ours.get(key), POINTS_TO[stream])]
        lost = [one for key, one in ours.items() if key not in there and not _forgotten(one, stream)]
        newer = [{**row, "version": _newer(row["version"], ours.get(row["key"]))} for row in news]
        bare = [{**_named(stream, one["key"]), "version": _newer(self.now(), one)} for one in lost]
        return {
            "rows": newer + [{**row, "deleted_at": row["version"]} for row in bare],
            "read": len(there) + len(lost),
            "lost": sum(not one["gone"] for one in lost),
            "erased": [one["key"] for one in lost] if stream == "contact" else [],
        }

    def alive(self, ids: Sequence[str]) -> Row:
        """Those that are contacts under that id."""
        return {"ids": [one for one in ids if self._lives(one)]}

    def _lives(self, contact: str) -> bool:
        row = self.records["contact"].get(f"memory:{contact}")
        return row is not None and not _gone(row)

    def create_list(self, mark: str, name: str, restore: bool) -> Row:
        """The list of that mark: the one that stands, or was deleted, or a new one. No name is given twice."""
        for id, one in self.lists.items():
            if one.mark == mark:
                restored, one.deleted = one.deleted and restore, one.deleted and not restore
                return {"id": "" if one.deleted else id, "restored": "yes" if restored else ""}
        taken = {one.name for one in self.lists.values()}
        self.lists[id := f"list{len(self.lists)}"] = Kept(f"{name} (Lamplighter)" if name in taken else name, mark)
        return {"id": id, "restored": ""}

    def members(self, id: str) -> Row:
        """Who is in a list."""
        return {"gone": True} if self.lists[id].deleted else {"ids": sorted(self.lists[id].members)}

    def change_members(self, id: str, add: Sequence[str], remove: Sequence[str]) -> Row:
        """Put in who is there, take out whoever."""
        if not self.lists[id].deleted:
            self.lists[id].members |= {one for one in add if self._lives(one)}
            self.lists[id].members -= set(remove)
        return self.see_members(id, add, remove)

    def see_members(self, id: str, add: Sequence[str], remove: Sequence[str]) -> Row:
        """For whom it is as wished; a receipt's parts."""
        if self.lists[id].deleted:
            return {"gone": True}
        inside = self.lists[id].members
        rejected = {one: self._why(one) for one in add if one not in inside}
        return {
            "added": [one for one in add if one in inside],
            "removed": [one for one in remove if one not in inside],
            "rejected": {**rejected, **{one: "is in the list" for one in remove if one in inside}},
        }

    def _why(self, contact: str) -> str:
        if not contact.isalnum():
            return NO_ID
        return "is not in the list" if self._lives(contact) else GONE

    def change_properties(self, values: Mapping[str, Mapping[str, str | None]]) -> Row:
        """Write what can be written of each contact; None clears."""
        wrong = {one: why for one, row in values.items() if (why := self._wrong(one, row))}
        for one, row in values.items():
            if one not in wrong:
                kept = {**self.properties.get(one, {}), **row}
                self.properties[one] = {name: value for name, value in kept.items() if value is not None}
                self.records["contact"][f"memory:{one}"]["version"] = self.now()
        return {"written": {one: self._version(one) for one in values if one not in wrong}, "rejected": wrong}

    def see_properties(self, values: Mapping[str, Mapping[str, str | None]]) -> Row:
        """Of whom all is as wished."""
        held = {
            one
            for one, row in values.items()
            if all(self.properties.get(one, {}).get(name) == row[name] for name in row)
        }
        written = {one: self._version(one) for one in values if one in held}
        return {"written": written, "rejected": {one: "is otherwise" for one in values if one not in held}}

    def _version(self, contact: str) -> datetime:
        return datetime.fromisoformat(_place(self.records["contact"][f"memory:{contact}"])[0])

    def _wrong(self, contact: str, row: Mapping[str, str | None]) -> str:
        try:
            date.fromisoformat(row.get("last_purchase") or "2026-01-01")
        except ValueError:
            return "last_purchase is no date"
        return "" if self._lives(contact) else GONE


def _place(row: Row) -> list[str]:
    return [row["version"].isoformat(timespec="microseconds"), row["key"]]


def _gone(row: Row) -> bool:
    return bool(row.get("deleted_at") or row.get("merged_into"))


def _differs(row: Row, held: Row | None, owner: str) -> bool:
    """Unknown to the reader and alive; or newer, deleted, restored, or another's."""
    if held is None:
        return not _gone(row)
    moved = not row.get("deleted_at") and row.get(owner) != held["points_to"]
    return bool(row["version"] > held["version"] or _gone(row) != held["gone"] or moved)


def _forgotten(held: Row, stream: str) -> bool:
    """Whether nothing is held of it but that it is gone; of what is no person, that is enough."""
    return bool(held["bare"] or (held["gone"] and (stream != "contact" or held["points_to"])))


def _newer(version: datetime, held: Row | None) -> datetime:
    return max(version, held["version"] + STEP) if held else version


def _named(stream: str, key: str) -> Row:
    return {"key": key, **({"crm": "memory", "crm_id": key.partition(":")[2]} if stream == "contact" else {})}
