"""The bench on which the adapter of Meta is tested: its sandbox, and the levers that every ad bench has."""

import json
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl

from ad_bench import Kept, Sold

from connector import limits
from connector.ads import build
from connector.ads._identifiers import key_of_hex, raw
from connector.limits import Repeat, Retry
from connector.ports import AdDestination
from connector.sandbox.faults import Fault
from connector.sandbox.meta_serve import SandboxMeta

AIMS: Mapping[str, tuple[str, str]] = {
    "create": ("POST", "/customaudiences"),
    "add": ("POST", "/users"),
    "remove": ("DELETE", "/users"),
    "refresh": ("POST", "/usersreplace"),
    "drop": ("DELETE", "/v25.0/2"),
    "erase": ("DELETE", "/usersofanyaudience"),
    "report": ("POST", "/events"),
}
"""What a fault may be aimed at: method, and a part of the path."""


class Bench:
    """One ad account and adapters on it."""

    name = "meta"
    over_http = True
    answers_later = False
    refuses_rows = True
    erases_foreign = True

    def __init__(self) -> None:
        self.sandbox = SandboxMeta()
        self.kept = Kept()
        self.repeats: list[Repeat] = []

    def __enter__(self) -> Self:
        limits.never_wait()
        self.sandbox.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, wrong: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.sandbox.stop()
        limits.never_wait(False)

    def destination(self, **settings: Any) -> AdDestination:
        """A new adapter."""
        told = {
            "account": "4711",
            "token": lambda: self.sandbox.token,
            "dataset": "880055",
            "base_url": self.sandbox.url,
            "retry": Retry(attempts=4),
            "on_repeat": self.repeats.append,
        }
        return build("meta", {**told, **settings}, self.kept)

    def audiences(self) -> dict[str, str]:
        """Remote id -> label."""
        return {str(one["id"]): str(one["name"]) for one in self.sandbox.meta.account.audiences()}

    def members(self, remote_id: str) -> set[str]:
        """Match keys of those in an audience."""
        pairs = (one.partition(":") for one in self.sandbox.meta.members(remote_id))
        return {key_of_hex(kind, digest) for kind, _, digest in pairs}

    def make_foreign(self, label: str, members: Sequence[str] = ()) -> str:
        """A marketer's own audience."""
        named = [f"{one.partition(':')[0]}:{raw(one).hex()}" for one in members]
        return str(self.sandbox.levers["make_audience"](label, named))

    def delete(self, remote_id: str) -> None:
        """A marketer deletes an audience."""
        self.sandbox.levers["delete_audience"](remote_id)

    def fill_up(self) -> None:
        """As many audiences as there may be."""
        self.sandbox.levers["fill_up"]()

    def settle(self) -> None:
        """Meta works at once, but for replacements where a test says so."""

    def fail_work(self) -> None:
        """Replacements fail when they are worked through."""
        self.sandbox.meta.configure({"replace_fails": True})

    def refuse(self, members: Sequence[str]) -> None:
        """Rows of these people are invalid."""
        self.sandbox.levers["refuse"]([raw(one).hex() for one in members])

    def end_session(self) -> None:
        """Tokens of system users do not expire."""

    def revoke(self) -> None:
        """The token is good no more."""
        self.sandbox.meta.configure({"token": "another-token"})

    def fault(self, at: str = "", **how: Any) -> None:
        """Spoil the next calls."""
        method, path = AIMS.get(at, ("", at))
        self.sandbox.faults.add(Fault(method=method, path_contains=path, **how))

    def works_again(self) -> None:
        """No fault any more."""
        self.sandbox.faults.clear()

    def watch(self, look: Callable[[], None]) -> None:
        """Call `look` after every change."""
        self.sandbox.watch(look)

    def counts(self) -> dict[str, Any]:
        """Requests since the last `forget`."""
        return self.sandbox.journal.counts()

    def forget(self) -> None:
        """Count from zero."""
        self.sandbox.journal.clear()

    def _requests(self) -> list[dict[str, Any]]:
        asked: list[dict[str, Any]] = self.sandbox.journal.since(0)["requests"]
        return asked

    def largest(self) -> int:
        """Rows of the largest request."""
        bodies = [_read(one["body"]) for one in self._requests()]
        return max((len((body.get("payload") or body).get("data") or []) for body in bodies), default=0)

    def urls(self) -> list[str]:
        """Every path with its query."""
        return [f"{one['path']}?{one['query']}" for one in self._requests()]

    def sold(self) -> list[Sold]:
        """The events that count."""
        kinds = {"Purchase": "purchase", "Refund": "refund"}
        events = self.sandbox.meta.account.events.values()
        return [
            (one["custom_data"]["order_id"], kinds[one["event_name"]], tuple(one["custom_data"]["content_ids"]))
            for one in events
        ]


def _read(body: Any) -> Any:
    """A body, also where it came as a form."""
    if isinstance(body, str):
        return {name: json.loads(text) for name, text in parse_qsl(body)}
    return body or {}
