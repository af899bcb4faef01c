"""The adapter of Meta on its sandbox, for tests of what only Meta has."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from hubspot_rig import Kept

from connector import limits
from connector.ads._identifiers import key_of_hex
from connector.ads.meta import Meta, MetaSettings
from connector.limits import Clock, Retry
from connector.model import Delivery, ListSpec, Purpose
from connector.sandbox.faults import Fault
from connector.sandbox.meta_serve import SandboxMeta

LAMPS = ListSpec(name="bought_lamps", label="Bought: lamps", purpose=Purpose.EXCLUDE)


class Rig:
    """An ad account and adapters on it; adapter and sandbox share a clock that a test moves."""

    def __init__(self, sandbox: SandboxMeta) -> None:
        self.sandbox = sandbox
        self.kept = Kept()
        self._ahead = timedelta()

    def meta(self, **settings: Any) -> Meta:
        """A new adapter that remembers what earlier ones did."""
        told: dict[str, Any] = {
            "account": "act_4711",
            "token": lambda: self.sandbox.token,
            "dataset": "880055",
            "base_url": self.sandbox.url,
            "retry": Retry(attempts=4),
        }
        return Meta(MetaSettings(**{**told, **settings}), self.kept, Clock(now=self.now))

    def now(self) -> datetime:
        """The time of both."""
        return datetime.now(UTC) + self._ahead

    def pass_time(self, **how: float) -> None:
        """Let time pass at once."""
        self._ahead += timedelta(**how)
        self.sandbox.clock.advance(timedelta(**how).total_seconds())

    def inside(self, name: str = LAMPS.name) -> set[str]:
        """Match keys of those in an audience of ours."""
        id = self.kept.get("audience", name)
        pairs = (one.partition(":") for one in self.sandbox.meta.members(id or "0"))
        return {key_of_hex(kind, digest) for kind, _, digest in pairs}

    def fault(self, at: str = "", **how: Any) -> None:
        """Spoil the next calls whose path contains `at`."""
        self.sandbox.faults.add(Fault(path_contains=at, **how))

    def bodies(self, at: str) -> list[Any]:
        """Bodies of the requests whose path contains `at`."""
        asked = self.sandbox.journal.since(0)["requests"]
        return [_read(one["body"]) for one in asked if at in one["path"] and one["body"]]


def _read(body: Any) -> Any:
    """A body, also where it came as a form."""
    return {name: json.loads(text) for name, text in parse_qsl(body)} if isinstance(body, str) else body


def keys(count: int, first: int = 0) -> list[str]:
    """Match keys of made-up people: numbers for hashes."""
    return [key_of_hex("email", f"{number:064x}") for number in range(first, first + count)]


def change(add: Sequence[str] = (), remove: Sequence[str] = ()) -> Delivery:
    """A change of the lamps' audience."""
    return Delivery(id="d1", destination="meta", kind="membership", audience=LAMPS.name, add=add, remove=remove)


@contextmanager
def rigged(**settings: Any) -> Iterator[Rig]:
    """An empty account; retries do not sleep."""
    limits.never_wait()
    try:
        with SandboxMeta(settings=settings) as sandbox:
            yield Rig(sandbox)
    finally:
        limits.never_wait(False)
