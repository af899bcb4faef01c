"""The bench on which the Salesforce adapter is tested: its sandbox, and the levers that every CRM's bench has."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench_hubspot import Kept

from connector.crms import build
from connector.limits import Repeat, Retry
from connector.ports import CRM
from connector.sandbox.faults import Fault
from connector.sandbox.salesforce_limits import Usage
from connector.sandbox.salesforce_serve import SalesforceSandbox

SOURCE = Path(__file__).parents[2] / "install" / "salesforce" / "force-app"
OBJECTS = {"contact": "Contact", "product": "Product2", "order_header": "Order", "order_line": "OrderItem"}
PATHS = {**dict.fromkeys(OBJECTS, "/data/"), **dict.fromkeys(("membership", "properties", "create_list"), "/composite")}
"""What a fault may be aimed at."""
ASIDE = 61
"""Seconds after which a change is no longer one of the present minute."""


class Bench:
    """One org and adapters on it."""

    name = "salesforce"
    modes = ("lists",)
    makes_properties = False
    mode = "lists"
    sweeps: Mapping[str, str] = {"archived": "gone", "moved": "gone"}
    """Sweeps whose work is done by another one here."""
    empty_pull = 1
    """Calls of a pull of all streams without news: one composite call asks about all of them."""
    used_up = 77
    """Of a hundred calls a day, so many used leave fewer than a pull of all streams takes."""
    scope_of_orders = "Order"
    bad_values: Mapping[str, str | None] = {"last_purchase": "no date at all"}
    deleting: Mapping[str, tuple[int, int]] = {"contact": (1, 0), "order_header": (2, 0)}
    """Rows kept of a deletion: by the next pull, and by a sweep after it. An order takes its line along."""
    restoring = (1, 0)
    """Rows kept of a contact that comes back: by the next pull, and by the sweep after it."""
    deleted_buyers_keep_orders = True
    tombstones_are_as_old_as_survivors = False
    """Whether those who were merged away have the survivor's modification time, and not that of their own merge."""
    survivors_keep_emails = False
    """Whether a merge keeps the addresses of those who were merged away."""

    def __init__(self, world: Path | None = None, **options: Any) -> None:
        self.sandbox = SalesforceSandbox(world, **options)
        levers = self.sandbox.levers
        levers["deploy"](str(SOURCE))
        for name in ("Lamplighter_Connector", "Lamplighter_User"):
            if name in self._sets():
                levers["assign"](name)
        self.kept = Kept()
        self.repeats: list[Repeat] = []
        self.token: Callable[[], str] = lambda: self.sandbox.token
        self.settings: dict[str, Any] = {
            "token": lambda: self.token(),
            "instance_url": self.sandbox.url,
            "batch_records": 100,
            "retry": Retry(attempts=4),
            "on_repeat": self.repeats.append,
        }

    def _sets(self) -> set[str]:
        rows = self.sandbox.org.state.rows("SELECT Name FROM PermissionSet")
        return {str(name) for (name,) in rows}

    def people(self, count: int) -> list[str]:
        """Ids of the first contacts of the world."""
        rows = self.sandbox.org.state.rows("SELECT Id FROM Contact ORDER BY Id LIMIT ?", count)
        return [str(id) for (id,) in rows]

    @property
    def daily_used(self) -> int:
        """Calls of the day that are used."""
        return self.sandbox.org.part(Usage).used()

    def crm(self, home: Path | None = None, **settings: Any) -> CRM:
        """A new adapter that remembers what earlier ones did."""
        return build("salesforce", {**self.settings, **settings}, home, self.kept)

    def use(self, mode: str) -> None:
        """Audiences are campaigns here, and nothing else."""

    def called(self, label: str) -> str:
        """How a list of ours is called in the CRM."""
        return f"Lamplighter: {label}"

    def counts(self) -> dict[str, Any]:
        """Requests seen since the last `forget`."""
        return self.sandbox.journal.counts()

    def forget(self) -> None:
        """Count from zero."""
        self.sandbox.journal.clear()

    def fault(self, at: str = "", **how: Any) -> None:
        """Spoil the next calls. `at`: a stream, `membership`, `properties`, or anything."""
        self.sandbox.faults.add(Fault(path_contains=PATHS.get(at, at), **how))

    def works_again(self) -> None:
        """No fault any more."""
        self.sandbox.faults.clear()

    def limit(self, **settings: Any) -> None:
        """Change the org's settings: rights, daily limit, features."""
        if "token" in settings:
            self.sandbox.token = settings["token"]
        self.sandbox.service.configure(settings)

    def without_scope(self, scope: str) -> None:
        """The integration user may no longer read an object."""
        self.limit(rights={scope: ""})

    def _aside(self) -> None:
        self.sandbox.clock.advance(ASIDE)

    def add_contact(self, email: str) -> str:
        """A person makes a contact."""
        made = str(self.sandbox.levers["insert"]("Contact", {"LastName": "Reed", "Email": email}))
        self._aside()
        return made

    def touch(self, contacts: Sequence[str], city: str) -> None:
        """A person changes contacts, all in one second."""
        self.sandbox.levers["touch"]("Contact", contacts, {"MailingCity": city})
        self._aside()

    def order(self, contact: str | None, lines: Sequence[tuple[str, str, str]]) -> str:
        """A person orders."""
        status = "fulfilled" if lines else "draft"  # an order without products cannot be activated
        made = str(self.sandbox.levers["create_order"](contact, lines, status=status))
        self._aside()
        return made

    def merge(self, first: str, second: str) -> str:
        """A person merges two contacts; returns the survivor."""
        self.sandbox.levers["merge"]("Contact", first, [second])
        self._aside()
        return first

    def delete_contact(self, contact: str) -> None:
        """A person deletes a contact."""
        self.delete("contact", contact)

    def delete(self, stream: str, record: str) -> None:
        """A person deletes a record; it can be restored for a while."""
        if stream == "order_header":  # an activated order cannot be deleted; here it was never activated
            self._state_of(record, "Draft")
        self.sandbox.levers["delete"](OBJECTS[stream], record)
        if stream == "order_header":
            self._state_of(record, "Activated")
        self._aside()

    def _state_of(self, order: str, state: str) -> None:
        self.sandbox.org.state.run('UPDATE "Order" SET Status = ?, StatusCode = ? WHERE Id = ?', state, state, order)

    def restore(self, stream: str, record: str) -> None:
        """A person restores it."""
        self.sandbox.levers["undelete"](OBJECTS[stream], [record])
        self._aside()

    def empty_bin(self) -> None:
        """Salesforce lets go of what was deleted."""
        for kind in OBJECTS.values():
            rows = self.sandbox.org.state.rows(f'SELECT Id FROM "{kind}" WHERE IsDeleted = 1')  # noqa: S608
            self.sandbox.levers["hard_delete"](kind, [id for (id,) in rows])
        self._aside()

    def erase_contact(self, contact: str) -> None:
        """A person deletes a contact for good."""
        self.sandbox.levers["hard_delete"]("Contact", [contact])
        self._aside()

    def give_order(self, order: str, before: str, after: str) -> None:
        """A merge gives an order to another contact, which moves no modification time."""
        self.sandbox.org.state.run('UPDATE "Order" SET BillToContactId = ? WHERE Id = ?', after, order)

    def index_late(self, stream: str, record: str, seconds: float) -> None:
        """A record comes to light with a modification time of long ago."""
        sql = f'UPDATE "{OBJECTS[stream]}" SET SystemModstamp = SystemModstamp - ? WHERE Id = ?'  # noqa: S608
        self.sandbox.org.state.run(sql, round(seconds * 1_000), record)

    def make_list(self, name: str) -> str:
        """A marketer makes a campaign of their own."""
        return str(self.sandbox.levers["insert"]("Campaign", {"Name": name}))

    def rename_list(self, list_id: str, name: str) -> None:
        """A marketer renames a campaign."""
        self.sandbox.levers["update"]("Campaign", list_id, {"Name": name})

    def delete_list(self, list_id: str) -> None:
        """A marketer deletes a campaign."""
        self.sandbox.levers["delete"]("Campaign", list_id)

    def lists(self) -> dict[str, set[str]]:
        """Name -> members, as the CRM holds them."""
        state = self.sandbox.org.state
        found = {str(name): set[str]() for (name,) in state.rows("SELECT Name FROM Campaign WHERE IsDeleted = 0")}
        sql = """SELECT Campaign.Name, CampaignMember.ContactId FROM CampaignMember JOIN Campaign
            ON Campaign.Id = CampaignMember.CampaignId WHERE Campaign.IsDeleted = 0 AND CampaignMember.IsDeleted = 0"""
        for name, contact in state.rows(sql):
            found[str(name)].add(str(contact))
        return found

    def put_in(self, list_id: str, contact: str) -> None:
        """A marketer puts a contact into a campaign."""
        self.sandbox.levers["insert"]("CampaignMember", {"CampaignId": list_id, "ContactId": contact})

    def take_out(self, list_id: str, contact: str) -> None:
        """A marketer takes a contact out of a campaign."""
        sql = "SELECT Id FROM CampaignMember WHERE CampaignId = ? AND ContactId = ? AND IsDeleted = 0"
        self.sandbox.levers["delete"]("CampaignMember", str(self.sandbox.org.state.value(sql, list_id, contact)))

    def ours(self) -> dict[str, dict[str, str]]:
        """Contact -> our property (by its stable name) -> value, where there is any."""
        from connector.mapping import load_mapping

        names = {each.foreign: name for name, each in load_mapping("salesforce", None).properties.items()}
        listed = ", ".join(f'"{one}"' for one in names)
        found = {}
        for id, *values in self.sandbox.org.state.rows(f"SELECT Id, {listed} FROM Contact"):  # noqa: S608
            told = {name: value for name, value in zip(names.values(), values, strict=True) if value is not None}
            if told:
                found[str(id)] = told
        return found

    def __enter__(self) -> "Bench":
        self.sandbox.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.sandbox.stop()
