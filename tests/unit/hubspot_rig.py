"""The HubSpot adapter on a sandbox, for tests of what only HubSpot has."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from remembering import Kept

from connector import limits
from connector.crms.hubspot import HubSpot, HubSpotSettings
from connector.limits import Clock, Retry
from connector.mapping import load_mapping
from connector.model import Batch, Cursor
from connector.sandbox.faults import Fault
from connector.sandbox.serve import Sandbox

OBJECTS, LISTS = "/crm/objects/2026-09", "/crm/lists/2026-09"


class Rig:
    """A portal and adapters on it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.kept = Kept()
        self.settings: dict[str, Any] = {
            "token": lambda: sandbox.token,
            "base_url": sandbox.url,
            "lag_seconds": 0,
            "overlap_seconds": 0,
            "searches_per_second": 1_000,
            "retry": Retry(attempts=4),
        }

    def crm(self, home: Path | None = None, clock: Clock | None = None, **settings: Any) -> HubSpot:
        """A new adapter."""
        wanted = HubSpotSettings(**{**self.settings, **settings})
        return HubSpot(wanted, load_mapping("hubspot", home), self.kept, clock)

    def contacts(self, count: int, **properties: str) -> list[str]:
        """New contacts."""
        rows = [{"properties": {"city": f"Town {number}", **properties}} for number in range(count)]
        made = [self.act("POST", f"{OBJECTS}/contacts/batch/create", {"inputs": part}) for part in _hundreds(rows)]
        return [str(one["id"]) for answer in made for one in answer["results"]]

    def act(self, method: str, path: str, body: Any = None) -> Any:
        """What a person does in the portal."""
        answer = self.sandbox.portal.act(method, path, body)
        assert answer.status < 300, answer.content
        return answer.content

    def fault(self, at: str = "", **how: Any) -> None:
        """Spoil the next calls whose path contains `at`."""
        self.sandbox.faults.add(Fault(path_contains=at, **how))

    def requests(self, operation: str = "") -> list[dict[str, Any]]:
        """What was asked for since the last `forget`, of operations whose name contains a text."""
        asked: list[dict[str, Any]] = self.sandbox.journal.since(0)["requests"]
        return [one for one in asked if operation in one["operation"]]

    def forget(self) -> None:
        """Start a new journal."""
        self.sandbox.journal.clear()


@contextmanager
def rigged(**settings: Any) -> Iterator[Rig]:
    """An empty portal; retries do not sleep."""
    limits.never_wait()
    try:
        with Sandbox(**settings) as sandbox:
            yield Rig(sandbox)
    finally:
        limits.never_wait(False)


def unknown(keys: Sequence[str]) -> Mapping[str, datetime]:
    """A warehouse that knows no record."""
    return {}


def pulled(crm: HubSpot, stream: str, cursor: Cursor | None = None) -> list[Batch]:
    """A whole pull."""
    return list(crm.pull(stream, cursor, unknown))


def begun(crm: HubSpot, stream: str) -> Cursor:
    """The cursor of a listing at its first record, once the mapping was held against the account's properties."""
    return {"phase": "list", "mapping": crm._mapping.digest(stream)}


def keys(batches: Sequence[Batch]) -> list[str]:
    """Keys of all rows, in order."""
    return [key for batch in batches for table in batch.tables.values() for key in table.column("key").to_pylist()]


def _hundreds(rows: list[Any]) -> list[list[Any]]:
    return [rows[at : at + 100] for at in range(0, len(rows), 100)]
