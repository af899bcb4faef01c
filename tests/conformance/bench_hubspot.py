"""The bench on which the HubSpot adapter is tested: its sandbox, and the levers that every CRM's bench has."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from connector.crms import build
from connector.limits import Repeat, Retry
from connector.ports import CRM
from connector.sandbox.faults import Fault
from connector.sandbox.serve import Sandbox

OBJECTS, LISTS = "/crm/objects/2026-09", "/crm/lists/2026-09"
PATHS = {
    "contact": "/objects/2026-09/contacts",
    "product": "/objects/2026-09/products",
    "order_header": "/objects/2026-09/orders",
    "order_line": "/objects/2026-09/line_items",
    "membership": "/memberships/add-and-remove",
    "properties": "/contacts/batch/update",
    "create_list": "/crm/lists/2026-09/",
}
"""What a fault may be aimed at."""


class Kept(dict[tuple[str, str], str]):
    """What an adapter remembers between runs."""

    def get(self, kind: str, name: str) -> str | None:  # type: ignore[override]
        """The text kept, or None."""
        return super().get((kind, name))

    def put(self, kind: str, name: str, value: str) -> None:
        """Keep a text."""
        self[kind, name] = value


class Bench:
    """One portal and adapters on it."""

    first_id = 101
    scope_of_orders = "crm.objects.orders.read"
    bad_values: Mapping[str, str | None] = {"last_purchase": "no date at all"}

    def __init__(self, world: Path | None = None) -> None:
        self.sandbox = Sandbox(world)
        self.kept = Kept()
        self.repeats: list[Repeat] = []
        self.token: Callable[[], str] = lambda: self.sandbox.token
        self.settings: dict[str, Any] = {
            "token": lambda: self.token(),
            "base_url": self.sandbox.url,
            "lag_seconds": 0,
            "overlap_seconds": 0,
            "batch_records": 100,
            "membership_chunk": 50,
            "searches_per_second": 1_000,
            "retry": Retry(attempts=4),
            "on_repeat": self.repeats.append,
        }

    def crm(self, home: Path | None = None, **settings: Any) -> CRM:
        """A new adapter that remembers what earlier ones did."""
        return build("hubspot", {**self.settings, **settings}, home, self.kept)

    def counts(self) -> dict[str, Any]:
        """Requests seen since the last `forget`."""
        return self.sandbox.journal.counts()

    def forget(self) -> None:
        """Count from zero."""
        self.sandbox.journal.clear()

    def fault(self, at: str = "", **how: Any) -> None:
        """Spoil the next calls. `at`: a stream, `membership`, `properties`, `create_list`, or anything."""
        self.sandbox.faults.add(Fault(path_contains=PATHS.get(at, at), **how))

    def works_again(self) -> None:
        """No fault any more."""
        self.sandbox.faults.clear()

    def limit(self, **settings: Any) -> None:
        """Change the portal's settings: scopes, daily quota, index lag."""
        self.sandbox.portal.configure(settings)

    def without_scope(self, scope: str) -> None:
        """The token loses a scope."""
        self.limit(scopes=self.sandbox.portal.settings.scopes - {scope})

    def _act(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.sandbox.portal.act(method, path, body)
        assert answer.status < 300, answer.content
        return answer.content

    def add_contact(self, email: str) -> str:
        """A person makes a contact."""
        return str(self._act("POST", f"{OBJECTS}/contacts", {"properties": {"email": email}})["id"])

    def touch(self, contacts: Sequence[str], city: str) -> None:
        """A person changes contacts."""
        for contact in contacts:
            self._act("PATCH", f"{OBJECTS}/contacts/{contact}", {"properties": {"city": city}})

    def order(self, contact: str | None, lines: Sequence[tuple[str, str, str]]) -> str:
        """A person orders."""
        return self.sandbox.portal.create_order(contact, lines)

    def merge(self, first: str, second: str) -> str:
        """A person merges two contacts; returns the survivor."""
        body = {"primaryObjectId": first, "objectIdToMerge": second}
        return str(self._act("POST", f"{OBJECTS}/contacts/merge", body)["id"])

    def delete_contact(self, contact: str) -> None:
        """A person deletes a contact."""
        self._act("DELETE", f"{OBJECTS}/contacts/{contact}")

    def make_list(self, name: str) -> str:
        """A marketer makes a list of their own."""
        body = {"name": name, "objectTypeId": "0-1", "processingType": "MANUAL"}
        return str(self._act("POST", f"{LISTS}/", body)["list"]["listId"])

    def rename_list(self, list_id: str, name: str) -> None:
        """A marketer renames a list."""
        portal = self.sandbox.portal.portal
        portal.state.run("UPDATE list SET name = ? WHERE id = ?", name, int(list_id))

    def delete_list(self, list_id: str) -> None:
        """A marketer deletes a list."""
        self._act("DELETE", f"{LISTS}/{list_id}")

    def lists(self) -> dict[str, set[str]]:
        """Name -> members, as the CRM holds them."""
        state = self.sandbox.portal.state()
        return {name: set(one["members"]) for name, one in state["lists"].items()}

    def ours(self) -> dict[str, dict[str, str]]:
        """Contact -> our property (by its stable name) -> value, where there is any."""
        prefix = "lamplighter_"
        contacts = self.sandbox.portal.state()["contacts"]
        return {
            one: {name.removeprefix(prefix): value for name, value in values.items()}
            for one, values in contacts.items()
        }

    def __enter__(self) -> "Bench":
        self.sandbox.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.sandbox.stop()
