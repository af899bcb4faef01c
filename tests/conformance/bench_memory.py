"""The bench of the third CRM: its account, filled and worked on by hand."""

import csv
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bench_hubspot import Kept as Remembered
from memory_account import Account, Kept, Row
from memory_crm import Memory

from connector.limits import Repeat
from connector.sandbox.faults import Fault

PATHS = {"membership": "_members", "properties": "_properties"}
"""What a fault may be aimed at, where it is called otherwise."""


class Bench:
    """One account and adapters on it."""

    name = "memory"
    modes = ("lists",)
    makes_properties = False
    sweeps: Mapping[str, str] = {"archived": "gone", "moved": "gone"}
    empty_pull = 4
    used_up = 75
    scope_of_orders = "order_header"
    bad_values: Mapping[str, str | None] = {"last_purchase": "no date at all"}
    deleting: Mapping[str, tuple[int, int]] = {"contact": (1, 0), "order_header": (1, 0)}
    restoring = (1, 0)
    deleted_buyers_keep_orders = True
    tombstones_are_as_old_as_survivors = True
    survivors_keep_emails = True

    def __init__(self, world: Path | None = None) -> None:
        self.account = Account()
        self.sandbox = SimpleNamespace(clock=self.account, token=self.account.token)
        self.kept, self.repeats = Remembered(), list[Repeat]()
        self.token = lambda: self.account.token
        if world:
            self._fill(world)

    def _fill(self, world: Path) -> None:
        for row in _rows(world / "products.csv"):
            self._product(row["id"])
        for row in _rows(world / "contacts.csv"):
            self._contact(row["contact_id"], row["email"], user_id=row["contact_id"])
        for row in _rows(world / "orders.csv"):
            self._head(row["order_id"], row["contact_id"] or None, row["status"])
        for row in _rows(world / "order_lines.csv"):
            self._line(row["line_id"], row["order_id"], row["product_id"], row["quantity"], row["unit_price"])

    def _put(self, stream: str, id: str, **row: Any) -> str:
        key = f"memory:{id}"
        self.account.records[stream][key] = {"key": key, "version": self.account.now(), **row}
        return id

    def _product(self, sku: str) -> str:
        return self._put("product", sku, source="memory", product_id=sku, title=sku)

    def _contact(self, id: str, email: str, **more: str) -> str:
        said = {"email": email, "email_opt_out": False, "ads_consent": True}
        return self._put("contact", id, crm="memory", crm_id=id, **said, **more)

    def _head(self, id: str, contact: str | None, status: str) -> str:
        buyer = {"contact_key": f"memory:{contact}"} if contact else {}
        return self._put("order_header", id, order_id=id, status=status, ordered_at=self.account.now(), **buyer)

    def _line(self, id: str, order: str, sku: str, quantity: str, price: str) -> str:
        amounts = {"quantity": Decimal(quantity), "unit_price": Decimal(price)}
        ties = {"order_key": f"memory:{order}", "product_key": f"memory:{sku}", "product_id": sku}
        return self._put("order_line", id, **ties, **amounts)

    def people(self, count: int) -> list[str]:
        """Ids of the first contacts of the world."""
        return [f"c{number}" for number in range(count)]

    def crm(self, home: Path | None = None, reserve_percent: float = 0, **settings: Any) -> Memory:
        """A new adapter that remembers what earlier ones did."""
        return Memory(self.account, self.kept, lambda: self.token(), self.repeats.append, reserve_percent)

    def use(self, mode: str) -> None:
        """Audiences are lists here, and nothing else."""

    def called(self, label: str) -> str:
        """How a list of ours is called in the CRM."""
        return f"Lamplighter: {label}"

    @property
    def daily_used(self) -> int:
        """Calls of the day that are used."""
        return int(self.account.settings["daily_used"])

    def counts(self) -> dict[str, int]:
        """Requests seen since the last `forget`."""
        return {name: self.account.counts[name] for name in ("total", "reads", "writes")}

    def forget(self) -> None:
        """Count from zero."""
        self.account.counts.clear()

    def fault(self, at: str = "", **how: Any) -> None:
        """Spoil the next calls. `at`: a stream, `membership`, `properties`, `create_list`, or anything."""
        self.account.faults.add(Fault(path_contains=PATHS.get(at, at), **how))

    def works_again(self) -> None:
        """No fault any more."""
        self.account.faults.clear()

    def limit(self, **settings: Any) -> None:
        """Change the account's settings: token, daily quota."""
        self.account.settings.update(settings)

    def without_scope(self, scope: str) -> None:
        """The token loses a scope."""
        self.account.scopes.discard(scope)

    def _change(self, stream: str, record: str, **change: Any) -> Row:
        row = self.account.records[stream][f"memory:{record}"]
        row.update(version=self.account.now(), **change)
        return row

    def add_contact(self, email: str) -> str:
        """A person makes a contact."""
        return self._contact(f"contact{len(self.account.records['contact'])}", email)

    def touch(self, contacts: Sequence[str], city: str) -> None:
        """A person changes contacts."""
        for contact in contacts:
            self._change("contact", contact, city=city)

    def order(self, contact: str | None, lines: Sequence[tuple[str, str, str]]) -> str:
        """A person orders."""
        order = self._head(f"order{len(self.account.records['order_header'])}", contact, "fulfilled")
        for sku, quantity, price in lines:
            self._line(f"line{len(self.account.records['order_line'])}", order, sku, quantity, price)
        return order

    def merge(self, first: str, second: str) -> str:
        """A person merges two contacts; returns the survivor."""
        people, winner, loser = self.account.records["contact"], f"memory:{first}", f"memory:{second}"
        people[winner]["other_emails"] = people[loser]["email"]
        people[loser] = {"key": loser, "crm": "memory", "crm_id": second, "merged_into": winner}
        together = [row for row in people.values() if winner in (row["key"], row.get("merged_into"))]
        at = self.account.now()
        for row in together:
            row["version"] = at
        return first

    def delete_contact(self, contact: str) -> None:
        """A person deletes a contact."""
        self.delete("contact", contact)

    def delete(self, stream: str, record: str) -> None:
        """A person deletes a record; it can be restored for a while."""
        row = self._change(stream, record)
        row["deleted_at"] = row["version"]

    def restore(self, stream: str, record: str) -> None:
        """A person restores it."""
        self._change(stream, record, deleted_at=None)

    def empty_bin(self) -> None:
        """The account lets go of what was deleted."""
        for stream, rows in self.account.records.items():
            self.account.records[stream] = {key: row for key, row in rows.items() if not row.get("deleted_at")}

    def erase_contact(self, contact: str) -> None:
        """A person deletes a contact for good."""
        del self.account.records["contact"][f"memory:{contact}"]

    def give_order(self, order: str, before: str, after: str) -> None:
        """An order is given to another contact, which moves no modification time."""
        self.account.records["order_header"][f"memory:{order}"]["contact_key"] = f"memory:{after}"

    def index_late(self, stream: str, record: str, seconds: float) -> None:
        """A record comes to light with a modification time of long ago."""
        self._change(stream, record)
        self.account.advance(-seconds)
        self._change(stream, record)
        self.account.advance(seconds)

    def make_list(self, name: str) -> str:
        """A marketer makes a list of their own."""
        self.account.lists["theirs"] = Kept(name)
        return "theirs"

    def rename_list(self, list_id: str, name: str) -> None:
        """A marketer renames a list."""
        self.account.lists[list_id].name = name

    def delete_list(self, list_id: str) -> None:
        """A marketer deletes a list."""
        self.account.lists[list_id].deleted = True

    def lists(self) -> dict[str, set[str]]:
        """Name -> members, as the CRM holds them."""
        return {one.name: one.members for one in self.account.lists.values() if not one.deleted}

    def put_in(self, list_id: str, contact: str) -> None:
        """A marketer puts a contact into a list."""
        self.account.lists[list_id].members.add(contact)

    def take_out(self, list_id: str, contact: str) -> None:
        """A marketer takes a contact out of a list."""
        self.account.lists[list_id].members.discard(contact)

    def ours(self) -> dict[str, dict[str, str]]:
        """Contact -> our property -> value, where there is any."""
        return {one: values for one, values in self.account.properties.items() if values}

    def __enter__(self) -> "Bench":
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left of it."""


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))
