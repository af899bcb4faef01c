"""A Google Ads account in the sandbox, and adapters on it. Whoever waits lets the sandbox's time pass."""

import base64
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from remembering import Kept

from connector import limits
from connector.ads.google import Google, build
from connector.limits import Clock, Repeat, Retry
from connector.sandbox.faults import Fault
from connector.sandbox.google_serve import SandboxGoogle

KINDS = {"e": "email", "p": "phone"}


class Account:
    """One account; its sandbox must be started."""

    def __init__(self, **sandbox: Any) -> None:
        self.sandbox = SandboxGoogle(sandbox)
        self.google = self.sandbox.google
        self.kept = Kept()
        self.repeats: list[Repeat] = []
        self.slept = 0.0
        known = replace(self.google.settings)
        app = {"client_secret": lambda: known.client_secret, "refresh_token": lambda: known.refresh_token}
        self.settings: dict[str, Any] = {
            "account": known.account,
            "oauth": {"client_id": known.client_id, **app},
            "terms_accepted": True,
            "conversion_action": known.conversion_action,
            "base_url": self.sandbox.url,
            "token_url": self.sandbox.token_url,
            "ask_after": timedelta(),
            "retry": Retry(attempts=4),
            "clock": Clock(now=self.now, monotonic=lambda: time.monotonic() + self.slept, sleep=self.sleep),
            "on_repeat": self.repeats.append,
        }

    def now(self) -> datetime:
        """The time, as far as it has passed."""
        return datetime.now(UTC) + timedelta(seconds=self.slept)

    def sleep(self, seconds: float) -> None:
        """Let time pass, here and there."""
        self.slept += max(seconds, 0.0)
        self.sandbox.clock.advance(max(seconds, 0.0))

    def adapter(self, **settings: Any) -> Google:
        """A new adapter that remembers what earlier ones did."""
        return build({**self.settings, **settings}, self.kept)

    def labels(self) -> Mapping[str, str]:
        """Id of a user list -> its name."""
        return {id: one["name"] for id, one in self.google.state()["lists"].items()}

    def members(self, list_id: str) -> set[str]:
        """Match keys in a list."""
        found = ((one[:1].decode(), one[1:]) for one in self.google.members(list_id))
        return {f"{KINDS[kind]}:{base64.urlsafe_b64encode(raw).decode().rstrip('=')}" for kind, raw in found}

    def make_list(self, label: str, members: Sequence[str] = ()) -> str:
        """A marketer's own list."""
        body = {"displayName": label, "ingestedUserListInfo": {"uploadKeyTypes": ["CONTACT_ID"]}}
        made = self.act("POST", "", body)
        found = self.google.account.lists[made["id"]]
        found.add((identifier(one) for one in members), self.sandbox.clock.milliseconds())
        return str(made["id"])

    def act(self, method: str, path: str, body: Any = None) -> Any:
        """What a marketer does with user lists; `path` is after `userLists`."""
        parent = f"/v1/accountTypes/GOOGLE_ADS/accounts/{self.sandbox.account}/userLists"
        answer = self.google.act(method, parent + path, body)
        assert answer.status < 300, answer.content
        return answer.content

    def fault(self, method: str, path: str, **how: Any) -> None:
        """Spoil the next calls."""
        self.sandbox.faults.add(Fault(method=method, path_contains=path, **how))

    def bodies(self, path: str) -> list[Any]:
        """What was sent to an address, in order."""
        return [one["body"] for one in self.sandbox.journal.since(0)["requests"] if one["path"] == path]


def identifier(member: str) -> bytes:
    """A match key as the sandbox keeps it."""
    kind, _, digest = member.partition(":")
    return kind[:1].encode() + base64.urlsafe_b64decode(digest + "=")


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    """Retries do not sleep."""
    limits.never_wait()
    yield
    limits.never_wait(False)


@pytest.fixture
def account() -> Iterator[Account]:
    """An account with nothing in it."""
    made = Account()
    with made.sandbox:
        yield made
