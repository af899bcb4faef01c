"""One Salesforce org: its objects and fields, its users, its clock and its database."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from connector.sandbox.clock import Clock
from connector.sandbox.salesforce_errors import failed
from connector.sandbox.salesforce_fields import Field, SObject, column, objects, read_field
from connector.sandbox.salesforce_ids import make_id
from connector.sandbox.salesforce_schema_people import PEOPLE
from connector.sandbox.salesforce_schema_sales import SALES
from connector.sandbox.salesforce_settings import Settings
from connector.sandbox.salesforce_state import OrgState

Part = TypeVar("Part")
ORG_ID = make_id("00D", 1)
PERSON_TWINS = "Account"
"""A custom field of contacts appears on this object too, as `__pc` (source: "Person Accounts" in Salesforce Help)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Who may ask. An admin sees and changes everything; everybody else is bound by the org's permissions."""

    id: str
    username: str
    first_name: str
    last_name: str
    admin: bool = False
    api: bool = True

    @property
    def email(self) -> str:
        """The same as the user name here."""
        return self.username


ADMIN = User(id=make_id("005", 1), username="admin@lamp.example", first_name="Ada", last_name="Reed", admin=True)
INTEGRATION = User(id=make_id("005", 2), username="sync@lamp.example", first_name="Integration", last_name="User")
AUTOMATED = User(
    id=make_id("005", 3), username="automated@lamp.example", first_name="Automated", last_name="Process", admin=True
)


class Org:
    """The org itself. `users` are those that can log in, by id.

    Args:
        state: where to keep the database; one that holds an org already is used as it is.
    """

    id = ORG_ID
    admin, integration, automated = ADMIN, INTEGRATION, AUTOMATED

    def __init__(self, settings: Settings, clock: Clock, state: Path | None = None) -> None:
        self.settings, self.clock = settings, clock
        self.users = {one.id: one for one in (ADMIN, INTEGRATION, AUTOMATED)}
        self.schema = {one.name: one for one in objects(PEOPLE + SALES)}
        self.prefixes = {one.prefix: one for one in self.schema.values()}
        self.state = OrgState(state, self.schema)
        self.hidden: set[tuple[str, str]] = set()
        self.read_only: set[tuple[str, str]] = set()
        self.hides_rows = False
        self.reread_permissions()
        self._lower = {name.lower(): one for name, one in self.schema.items()}
        self._parts: dict[Any, Any] = {}
        self._began: int | None = None
        for kind, line in self.state.rows("SELECT object, line FROM custom_field"):
            self._know(self.schema[kind], read_field(line))

    def reread_permissions(self) -> None:
        """Take note of the fields and rows that only admins see, or may edit."""
        rows = self.state.rows("SELECT object, name, readable FROM hidden_field")
        self.hidden = {(kind, name) for kind, name, readable in rows if not readable}
        self.read_only = {(kind, name) for kind, name, readable in rows if readable}
        self.hides_rows = bool(self.state.value("SELECT count(*) FROM hidden_row"))

    def part(self, kind: Callable[["Org"], Part]) -> Part:
        """The one object of this class that belongs to the org; made when it is first asked for."""
        if kind not in self._parts:
            self._parts[kind] = kind(self)
        made: Part = self._parts[kind]
        return made

    def now(self) -> int:
        """The moment that a change made now carries: Salesforce tells whole seconds, in milliseconds since 1970."""
        moment = self.clock.milliseconds() if self._began is None else self._began
        return moment // 1000 * 1000

    @contextmanager
    def at(self, began: int) -> Iterator[None]:
        """What is done within carries an earlier moment: it belongs to a transaction that began then."""
        self._began = began
        try:
            yield
        finally:
            self._began = None

    def find(self, name: str) -> SObject | None:
        """An object by its name in any case, if the org has it."""
        kind = self._lower.get(name.lower())
        return kind if kind and self.has(kind.feature) else None

    def has(self, feature: str) -> bool:
        """Whether the org has this feature; every org has the nameless one."""
        return not feature or bool(getattr(self.settings, feature))

    def add_field(self, kind: SObject, line: str) -> None:
        """Add a custom field, from a line in the format of `salesforce_fields`. Adding it again changes nothing."""
        one = read_field(line)
        if not one.name.endswith("__c"):
            raise ValueError(f"a custom field's name ends in __c, not {one.name}")
        if kind.find(one.name):
            return
        self.state.run("INSERT INTO custom_field VALUES (?, ?, ?)", kind.name, one.name, line)
        sought = one.can("U") or one.can("E") or bool(one.children)
        self.state.add_column(kind, one.name, column(one), indexed=sought)
        if one.type == "boolean":
            self.state.run(f'UPDATE "{kind.name}" SET "{one.name}" = 0')  # noqa: S608 - names of our own schema
        self._know(kind, one)

    def _know(self, kind: SObject, one: Field) -> None:
        kind.add(one)
        if kind.name == "Contact":
            twin = f"{one.name.removesuffix('__c')}__pc"
            self.schema[PERSON_TWINS].add(replace(one, name=twin, mirror=one.name, feature="person_accounts"))

    def close(self) -> None:
        """Let go of the database."""
        self.state.close()


@dataclass(frozen=True, slots=True)
class Session:
    """Who asks which org: every handler is given one."""

    org: Org
    user: User

    def object(self, name: str) -> SObject:
        """An object that this user may see. Fails with NOT_FOUND, as for one that is not there."""
        kind = self.org.find(name)
        if kind is None or not self.may(kind, "r"):
            raise failed("NOT_FOUND", "The requested resource does not exist")
        return kind

    def may(self, kind: SObject, right: str) -> bool:
        """Whether the user may do this with records of an object: c create, r read, u update, d delete."""
        if right != "r" and right not in kind.rights:
            return False
        if kind.name == "CampaignMemberStatus" and right == "c" and not self.org.settings.member_status_createable:
            return False
        return self.user.admin or (self.org.settings.may(kind.name, right) and self._licensed(kind, right))

    def _licensed(self, kind: SObject, right: str) -> bool:
        marketing = kind.name in ("Campaign", "CampaignMemberStatus") and right in "cud"
        return self.org.settings.marketing_user or not marketing

    def sees(self, kind: SObject, one: Field) -> bool:
        """Whether this field is there for this user. A person account's fields are seen as the contact's are."""
        if not self.org.has(one.feature):
            return False
        return self.user.admin or not self.org.hidden & {(kind.name, one.name), ("Contact", one.mirror or "")}

    def edits(self, kind: SObject, one: Field) -> bool:
        """Whether field-level security lets this user write a field."""
        if self.user.admin:
            return self.sees(kind, one)
        frozen = self.org.read_only & {(kind.name, one.name), ("Contact", one.mirror or "")}
        return self.sees(kind, one) and not frozen

    def fields(self, kind: SObject) -> Iterator[Field]:
        """The fields of an object that this user sees."""
        return (one for one in kind.fields.values() if self.sees(kind, one))

    def field(self, kind: SObject, name: str) -> Field | None:
        """One field by its name in any case, if this user sees it."""
        one = kind.find(name)
        return one if one and self.sees(kind, one) else None


@contextmanager
def savepoint(org: Org) -> Iterator[Callable[[], object]]:
    """All or nothing of what is done within, whatever else the transaction around it does; gives what takes it back."""
    org.state.db.execute("SAVEPOINT row")
    try:
        yield lambda: org.state.db.execute("ROLLBACK TO row")
    except BaseException:
        org.state.db.execute("ROLLBACK TO row")
        raise
    finally:
        org.state.db.execute("RELEASE row")
