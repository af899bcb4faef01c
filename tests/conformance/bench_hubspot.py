"""The bench on which the HubSpot adapter is tested: its sandbox, and the levers that every CRM's bench has."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from remembering import Kept

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
PROPERTIES = "/crm/properties/2026-09/contacts"
MARKS = {"membership": PATHS["properties"], "create_list": PROPERTIES}
"""The same where audiences are properties."""
AUDIENCES = "lamplighter_audiences_"


class Bench:
    """One portal and adapters on it."""

    name = "hubspot"
    modes = ("lists", "properties")
    makes_properties = True
    mode = "lists"
    sweeps: Mapping[str, str] = {}
    """Sweeps whose work is done by another one here."""
    empty_pull = 4
    """Calls of a pull of all streams without news: one a stream."""
    used_up = 75
    """Of a hundred calls a day, so many used leave fewer than a pull of all streams takes."""
    scope_of_orders = "crm.objects.orders.read"
    bad_values: Mapping[str, str | None] = {"last_purchase": "no date at all"}
    deleting: Mapping[str, tuple[int, int]] = {"contact": (0, 1), "order_header": (0, 1)}
    """Rows kept of a deletion: by the next pull, and by the look into the bin after it."""
    restoring = (0, 2)
    """Rows kept of a contact that comes back: by the next pull, and by the sweep after it."""
    deleted_buyers_keep_orders = False
    tombstones_are_as_old_as_survivors = True
    """Whether those who were merged away have the survivor's modification time, and not that of their own merge."""
    survivors_keep_emails = True
    """Whether a merge keeps the addresses of those who were merged away."""

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

    def use(self, mode: str) -> None:
        """Keep audiences in static `lists`, or as marks in `properties`."""
        self.mode = mode
        self.settings["lists"] = "static" if mode == "lists" else mode

    def called(self, label: str) -> str:
        """How a list of ours is called in the CRM."""
        return f"Lamplighter: {label}" if self.mode == "lists" else label

    def people(self, count: int) -> list[str]:
        """Ids of the first contacts of the world."""
        return [str(101 + number) for number in range(count)]

    @property
    def daily_used(self) -> int:
        """Calls of the day that are used."""
        return int(self.sandbox.portal.settings.daily_used)

    def counts(self) -> dict[str, Any]:
        """Requests seen since the last `forget`."""
        return self.sandbox.journal.counts()

    def forget(self) -> None:
        """Count from zero."""
        self.sandbox.journal.clear()

    def fault(self, at: str = "", **how: Any) -> None:
        """Spoil the next calls. `at`: a stream, `membership`, `properties`, `create_list`, or anything."""
        paths = PATHS if self.mode == "lists" else {**PATHS, **MARKS}
        self.sandbox.faults.add(Fault(path_contains=paths.get(at, at), **how))

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

    def delete(self, stream: str, record: str) -> None:
        """A person deletes a record; it can be restored for a while."""
        self._act("DELETE", f"{PATHS[stream].replace('/objects', '/crm/objects', 1)}/{record}")

    def restore(self, stream: str, record: str) -> None:
        """A person restores it."""
        self.sandbox.restore(PATHS[stream].rpartition("/")[2], record)

    def empty_bin(self) -> None:
        """Time passes until HubSpot lets go of what was deleted."""
        self.sandbox.clock.advance(timedelta(days=91).total_seconds())

    def erase_contact(self, contact: str) -> None:
        """A person deletes a contact for good."""
        self._act("POST", f"{OBJECTS}/contacts/gdpr-delete", {"objectId": contact})

    def give_order(self, order: str, before: str, after: str) -> None:
        """A person ties an order to another contact, which moves no modification time."""
        associations = "/crm/associations/2026-09/orders/contacts/batch"
        old, new = ({"from": {"id": order}, "to": {"id": contact}} for contact in (before, after))
        self._act("POST", f"{associations}/create", {"inputs": [new]})
        self._act("POST", f"{associations}/archive", {"inputs": [{**old, "to": [old["to"]]}]})

    def index_late(self, stream: str, record: str, seconds: float) -> None:
        """Search sees the record's latest change only so much later."""
        self.sandbox.index_late(PATHS[stream].rpartition("/")[2], record, seconds)

    def make_list(self, name: str) -> str:
        """A marketer makes a list of their own."""
        body = {"name": name, "objectTypeId": "0-1", "processingType": "MANUAL"}
        return str(self._act("POST", f"{LISTS}/", body)["list"]["listId"])

    def rename_list(self, list_id: str, name: str) -> None:
        """A marketer renames a list."""
        if self.mode == "properties":
            self._change_option(list_id, {"label": name})
            return
        portal = self.sandbox.portal.portal
        portal.state.run("UPDATE list SET name = ? WHERE id = ?", name, int(list_id))

    def delete_list(self, list_id: str) -> None:
        """A marketer deletes a list."""
        if self.mode == "properties":
            self._change_option(list_id, None)
            return
        self._act("DELETE", f"{LISTS}/{list_id}")

    def lists(self) -> dict[str, set[str]]:
        """Name -> members, as the CRM holds them."""
        if self.mode == "properties":
            return self._marked()
        state = self.sandbox.portal.state()
        return {name: set(one["members"]) for name, one in state["lists"].items()}

    def put_in(self, list_id: str, contact: str) -> None:
        """A marketer puts a contact into a list."""
        if self.mode == "lists":
            self._act("PUT", f"{LISTS}/{list_id}/memberships/add", [contact])
        else:
            name, _, value = list_id.partition("=")
            self._act("PATCH", f"{OBJECTS}/contacts/{contact}", {"properties": {name: value}})

    def take_out(self, list_id: str, contact: str) -> None:
        """A marketer takes a contact out of a list."""
        if self.mode == "lists":
            self._act("PUT", f"{LISTS}/{list_id}/memberships/remove", [contact])
        else:
            self._act("PATCH", f"{OBJECTS}/contacts/{contact}", {"properties": {list_id.partition("=")[0]: ""}})

    def _change_option(self, list_id: str, change: dict[str, str] | None) -> None:
        """Change one option of a property, or take it away."""
        name, _, value = list_id.partition("=")
        there = self._act("GET", f"{PROPERTIES}/{name}")["options"]
        options = [{**one, **(change or {})} for one in there if one["value"] != value or change]
        self._act("PATCH", f"{PROPERTIES}/{name}", {"options": options})

    def _marked(self) -> dict[str, set[str]]:
        """Label of each option -> contacts that have it."""
        shown = self._act("GET", PROPERTIES)["results"]
        found = {}
        for definition in (one for one in shown if one["name"].startswith(AUDIENCES)):
            for option in definition["options"]:
                found[option["label"]] = self._with_option(definition["name"], option["value"])
        return found

    def _with_option(self, name: str, value: str) -> set[str]:
        contacts = self.sandbox.portal.state()["contacts"]
        return {one for one, values in contacts.items() if value in values.get(name, "").split(";")}

    def ours(self) -> dict[str, dict[str, str]]:
        """Contact -> our property (by its stable name) -> value, where there is any."""
        prefix = "lamplighter_"
        contacts = self.sandbox.portal.state()["contacts"]
        found = {
            one: {name.removeprefix(prefix): value for name, value in values.items() if AUDIENCES not in name}
            for one, values in contacts.items()
        }
        return {one: values for one, values in found.items() if values}

    def __enter__(self) -> "Bench":
        self.sandbox.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.sandbox.stop()
