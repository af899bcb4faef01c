"""What a test or a demo does to an org at once: purchases, merges, mass edits, late commits, permissions, locks."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from connector.sandbox.salesforce_bin import erase, restore
from connector.sandbox.salesforce_checks import Locks
from connector.sandbox.salesforce_errors import Failed
from connector.sandbox.salesforce_fields import SObject
from connector.sandbox.salesforce_furniture import furnish_with
from connector.sandbox.salesforce_given import changes_of
from connector.sandbox.salesforce_merges import merge
from connector.sandbox.salesforce_metadata import PermissionSet, custom_fields, permission_sets
from connector.sandbox.salesforce_org import Org, Session, savepoint
from connector.sandbox.salesforce_records import delete, insert, update
from connector.sandbox.salesforce_sales import Sales
from connector.sandbox.salesforce_transactions import begin, commit_due

Ids = Sequence[str] | None


class Levers:
    """Each raises ValueError, in Salesforce's words, for what Salesforce refuses. An admin does it all."""

    def __init__(self, org: Org) -> None:
        self.org = org
        self.session = Session(org, org.admin)
        self.sales = Sales(self.session)
        self.sets: dict[str, PermissionSet] = {}

    def insert(self, kind: str, values: Mapping[str, Any]) -> str:
        """Make a record. Returns its id."""
        with self._doing():
            return insert(self.session, kind, values)

    def update(self, kind: str, id: str, values: Mapping[str, Any]) -> str:
        """Change a record; None clears. Returns its id."""
        with self._doing():
            return update(self.session, kind, id, values)

    def delete(self, kind: str, id: str) -> None:
        """Put a record into the recycle bin, with those that depend on it."""
        with self._doing():
            delete(self.session, kind, id)

    def undelete(self, kind: str, ids: Sequence[str]) -> None:
        """Take records out of the recycle bin."""
        with self._doing():
            restore(self.org, self._kind(kind), ids)

    def hard_delete(self, kind: str, ids: Sequence[str]) -> None:
        """Delete records and empty the bin: nothing tells of them any more."""
        with self._doing():
            erase(self.org, self._kind(kind), ids)

    def merge(self, kind: str, winner: str, losers: Sequence[str]) -> None:
        """Merge one or two records into another: contacts, leads, accounts (person accounts with their contacts)."""
        with self._doing():
            merge(self.session, self._kind(kind), winner, losers)

    def create_order(self, contact: str | None, lines: Sequence[Sequence[str]], **more: Any) -> str:
        """A purchase or a return; see `salesforce_sales`."""
        with self._doing():
            return self.sales.order(contact, lines, **more)

    def create_opportunity(self, contact: str | None, lines: Sequence[Sequence[str]], **more: Any) -> str:
        """A sale as an opportunity; see `salesforce_sales`."""
        with self._doing():
            return self.sales.opportunity(contact, lines, **more)

    def touch(self, kind: str, ids: Ids = None, values: Mapping[str, Any] | None = None) -> int:
        """Somebody edits many living records at once (None: all), all in one second. Returns how many."""
        with self._doing():
            return self._touch(self._kind(kind), ids, values or {})

    def _touch(self, kind: SObject, ids: Ids, values: Mapping[str, Any]) -> int:
        now = self.org.now()
        stamps = {"LastModifiedDate": now, "SystemModstamp": now, "LastModifiedById": self.session.user.id}
        changes = {**changes_of(self.session, kind, values, "u"), **stamps}
        listed = ", ".join(f'"{name}" = ?' for name in changes)
        marks = "" if ids is None else f" AND Id IN ({', '.join('?' * len(ids))})"
        sql = f'UPDATE "{kind.name}" SET {listed} WHERE IsDeleted = 0{marks}'  # noqa: S608 - names of the schema
        return self.org.state.run(sql, *changes.values(), *(ids or ()))

    def late_commit(self, kind: str, values: Mapping[str, Any], id: str | None = None, seconds: float = 3_600) -> None:
        """A transaction begins now and commits so many seconds later: its rows then carry the time it began.

        Args:
            id: the record it changes; None: it makes one.
        """
        with self._doing():
            begin(self.session, self._kind(kind), id, dict(values), seconds)

    def commit(self) -> int:
        """Commit all open transactions now. Returns how many."""
        with self._doing():
            return commit_due(self.org, all_of_them=True)

    def hide_field(self, kind: str, name: str, *, read_only: bool = False) -> None:
        """Field-level security takes a field away from everybody but admins, or only lets them read it."""
        sql = "INSERT OR REPLACE INTO hidden_field VALUES (?, ?, ?)"
        self.org.state.run(sql, *self._field(kind, name), int(read_only))
        self.org.reread_permissions()

    def show_field(self, kind: str, name: str) -> None:
        """Field-level security gives a field back."""
        sql = "DELETE FROM hidden_field WHERE object = ? AND name = ?"
        self.org.state.run(sql, *self._field(kind, name))
        self.org.reread_permissions()

    def _field(self, kind: str, name: str) -> tuple[str, str]:
        found = self._kind(kind)
        field = found.find(name)
        if field is None:
            raise ValueError(f"{found.name} has no field {name}")
        return found.name, field.name

    def deploy(self, folder: str) -> None:
        """Deploy source in the sfdx format: its fields, which nobody but admins sees yet, and its permission sets."""
        for kind, line in custom_fields(Path(folder)):
            self.add_custom_field(kind, line)
            self.hide_field(kind, line.partition(" ")[0])
        for one in permission_sets(Path(folder)):
            self.sets[one.name] = one
            furnish_with(self.org, "PermissionSet", Name=one.name, Label=one.label)

    def assign(self, permission_set: str) -> None:
        """Assign a deployed permission set to the integration user: the hidden fields that it names are shown."""
        if permission_set not in self.sets:
            raise ValueError(f"no permission set {permission_set} was deployed")
        for path, editable in self.sets[permission_set].fields.items():
            kind, _, name = path.partition(".")
            if (kind, name) in self.org.hidden:
                self.show_field(kind, name)
                if not editable:
                    self.hide_field(kind, name, read_only=True)
        id = self.org.state.value("SELECT Id FROM PermissionSet WHERE Name = ?", permission_set)
        furnish_with(self.org, "PermissionSetAssignment", PermissionSetId=id, AssigneeId=self.org.integration.id)

    def restrict(self, ids: Sequence[str]) -> None:
        """Sharing takes records away from everybody but admins."""
        self.org.state.run_many("INSERT OR IGNORE INTO hidden_row VALUES (?)", [(id,) for id in ids])
        self.org.reread_permissions()

    def unrestrict(self) -> None:
        """Sharing gives all records back."""
        self.org.state.run("DELETE FROM hidden_row")
        self.org.reread_permissions()

    def add_custom_field(self, kind: str, field: str) -> None:
        """Add a field, from a line in the format of `salesforce_fields`: `Tier__c picklist:40 cufsgn =gold|silver`."""
        self.org.add_field(self._kind(kind), field)

    def lock(self, ids: Sequence[str], times: int = 1) -> None:
        """Somebody holds these rows: the next writes to each, or to their children, are refused so many times."""
        self.org.part(Locks).held.update(dict.fromkeys(ids, times))

    def lock_storm(self, every: int, times: int) -> None:
        """Each so-manieth write to any row is refused, so many times in all."""
        locks = self.org.part(Locks)
        locks.every, locks.storm = every, times

    def all(self) -> dict[str, Callable[..., Any]]:
        """Lever -> what it does, given its arguments by name."""
        names = [name for name in vars(Levers) if not name.startswith("_") and name != "all"]
        return {name: getattr(self, name) for name in names}

    def _kind(self, name: str) -> SObject:
        if kind := self.org.find(name):
            return kind
        raise ValueError(f"sObject type '{name}' is not supported.")

    @contextmanager
    def _doing(self) -> Iterator[None]:
        try:
            with self.org.state.lock, savepoint(self.org):
                commit_due(self.org)
                yield
        except Failed as error:
            raise ValueError(str(error)) from None
