"""The bench on which the Google adapter is tested: the sandbox Google, and the levers that every ad bench has."""

from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from ad_bench import Sold
from google_account import Account, identifier

from connector.ports import AdDestination

PATHS = {
    "create": ("POST", "/userLists"),
    "add": ("POST", "/v1/audienceMembers:ingest"),
    "remove": ("POST", "/v1/audienceMembers:remove"),
    "refresh": ("POST", "/v1/audienceMembers:removeAll"),
    "drop": ("DELETE", "/userLists/"),
    "erase": ("POST", "/v1/audienceMembers:remove"),
    "report": ("POST", "/v1/events:ingest"),
    "": ("", "/v1/"),
}
"""What a fault may be aimed at. `remove` is found in `removeAll` too: what a refresh does is not aimed at by it."""


class Bench(Account):
    """One Google Ads account."""

    name = "google"
    over_http = True
    answers_later = True
    refuses_rows = True
    erases_foreign = True

    def __enter__(self) -> Self:
        self.sandbox.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, wrong: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.sandbox.stop()

    def destination(self, **settings: Any) -> AdDestination:
        """A new adapter that remembers what earlier ones did."""
        return self.adapter(**settings)

    def audiences(self) -> Mapping[str, str]:
        """Remote id -> label."""
        return self.labels()

    def make_foreign(self, label: str, members: Sequence[str] = ()) -> str:
        """A marketer's own list."""
        return self.make_list(label, members)

    def delete(self, remote_id: str) -> None:
        """A marketer deletes a list."""
        self.act("DELETE", f"/{remote_id}")

    def fill_up(self) -> None:
        """No further list can be made."""
        self.google.configure({"max_lists": max(1, len(self.audiences()))})

    def settle(self) -> None:
        """Everything that was accepted is worked through."""
        self.sandbox.levers["settle"]()

    def fail_work(self) -> None:
        """What is accepted from now on fails later."""
        self.sandbox.levers["fail_work"]()

    def refuse(self, members: Sequence[str]) -> None:
        """Google calls these malformed."""
        found = (identifier(one) for one in members)
        self.sandbox.levers["refuse"]([one[:1].decode() + one[1:].hex() for one in found])

    def end_session(self) -> None:
        """Access tokens end."""
        self.sandbox.levers["end_tokens"]()

    def revoke(self) -> None:
        """The refresh token is good no more, nor is any access token."""
        self.google.configure({"refresh_token": "another"})
        self.end_session()

    def fault(self, at: str = "", path: str = "", **how: Any) -> None:
        """Spoil the next calls."""
        super().fault(*PATHS[at], **how)

    def works_again(self) -> None:
        """No fault any more."""
        self.sandbox.faults.clear()

    def watch(self, look: Callable[[], None]) -> None:
        """Look after every change."""
        self.sandbox.watch(look)

    def counts(self) -> Mapping[str, Any]:
        """Requests since the last `forget`, without those for tokens."""
        counts = self.sandbox.journal.counts()
        tokens = counts["operations"].get("POST /token", 0)
        return {**counts, "total": counts["total"] - tokens, "reads": counts["reads"] - tokens}

    def forget(self) -> None:
        """Count from zero."""
        self.sandbox.journal.clear()

    def largest(self) -> int:
        """Rows of the largest request."""
        return self.google.account.largest

    def urls(self) -> Sequence[str]:
        """Every address that was asked for."""
        shown = self.sandbox.journal.since(0)["requests"]
        return [f"{one['path']}?{one['query']}" for one in shown]

    def sold(self) -> Sequence[Sold]:
        """Orders by their transaction id; a lower value than before is a refund."""
        found: list[Sold] = []
        for order, versions in self.google.account.events.items():
            value = 0.0
            for event in versions:
                items = tuple(one["merchantProductId"] for one in event.get("cartData", {}).get("items", ()))
                found.append((order, "refund" if event["conversionValue"] < value else "purchase", items))
                value = event["conversionValue"]
        return found
