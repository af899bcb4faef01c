"""What stands in the sandbox's Google Ads account: user lists with their members, events, and requests accepted."""

import secrets
import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from connector.sandbox.clock import Clock
from connector.sandbox.google_settings import Settings

Identifier = bytes
"""`e` or `p`, for e-mail address or phone number, and the 32 bytes of its hash."""


@dataclass(kw_only=True)
class UserList:
    """One user list.

    Attributes:
        resource: its fields as Google shows them, but for those that depend on its members.
        members: identifier -> when it was last added, in milliseconds. What Google matches them with is not modelled.
    """

    resource: dict[str, Any]
    members: dict[Identifier, int] = field(default_factory=dict)

    def add(self, members: Iterable[Identifier], at: int) -> None:
        """Put people in, or note that they were put in again."""
        self.members.update(dict.fromkeys(members, at))

    def remove(self, members: Iterable[Identifier]) -> None:
        """Take people out."""
        for one in members:
            self.members.pop(one, None)

    def remove_before(self, moment: int) -> None:
        """Take out those who were last added before `moment`."""
        self.members = {one: at for one, at in self.members.items() if at >= moment}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of an accepted request at one destination.

    Attributes:
        kind: `ingest`, `remove`, `removeAll` or `events`.
        failed: error reason -> records.
    """

    destination: dict[str, Any]
    kind: str
    records: int
    identifiers: int
    failed: Counter[str]


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """A request that was accepted, and when its outcome will show."""

    ends: int
    outcomes: Sequence[Outcome]


class Account:
    """One account. All access is under `lock`.

    Attributes:
        failing: whether what is accepted fails when it is worked through.
        refused: identifiers that are called malformed wherever they come in.
        events: transaction id -> each version of it, in the order in which they came.
    """

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        self.lock = threading.RLock()
        self.lists: dict[str, UserList] = {}
        self.accepted: dict[str, Accepted] = {}
        self.events: dict[str, list[dict[str, Any]]] = {}
        self.refused: set[Identifier] = set()
        self.failing = False
        self.largest = 0
        self._next = 9_000_000_001

    def next_id(self) -> str:
        """The id of a new list."""
        self._next += 1
        return str(self._next - 1)

    def accept(self, outcomes: Sequence[Outcome]) -> str:
        """Note a request that was accepted; returns its id."""
        name = f"DMA-{secrets.token_hex(12)}"
        ends = self.clock.milliseconds() + round(self.settings.processing_seconds * 1_000)
        self.accepted[name] = Accepted(ends=ends, outcomes=outcomes)
        return name

    def settle(self) -> None:
        """Everything that was accepted has been worked through."""
        now = self.clock.milliseconds()
        self.accepted = {
            name: Accepted(ends=min(one.ends, now), outcomes=one.outcomes) for name, one in self.accepted.items()
        }
