"""One person's own rows of what was decided."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ibis.expr.types as ir

from connector import identifiers
from connector.errors import SetupError
from connector.home import Home

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Person:
    """A person who was found.

    Attributes:
        identifiers: [person_id, identifier_type, identifier], one row each.
        contacts: CRM -> its ids of this person, merged and deleted ones included.
    """

    home: Home
    id: str
    identifiers: ir.Table
    contacts: Mapping[str, list[str]]

    def table(self, name: str) -> ir.Table:
        """This person's rows of a derived table."""
        return self.home.warehouse.derived(name).semi_join(self.identifiers, "person_id")

    def rows(self, name: str) -> list[Row]:
        """The same, fetched."""
        return fetched(self.table(name))


def fetched(table: ir.Table) -> list[Row]:
    """All rows of an expression."""
    rows: list[Row] = table.to_pyarrow().to_pylist()
    return rows


def find(home: Home, email: str) -> Person:
    """The person who has this e-mail address, in whatever spelling.

    Raises:
        SetupError: it is no address, or nobody has it.
    """
    address = identifiers.email(email)
    if address is None:
        raise SetupError("this is not an e-mail address", hint="lamplighter explain EMAIL")
    known = home.warehouse.derived("person").drop("run")
    named = known.filter((known.identifier_type == "email") & (known.identifier == address))
    own = home.warehouse.keep(known.semi_join(named, "person_id"))
    rows = fetched(own.order_by("identifier"))
    if not rows:
        hint = "check the spelling; a new contact is known after the next `lamplighter run`"
        raise SetupError("nobody with this e-mail address is known", hint=hint)
    return Person(home=home, id=rows[0]["person_id"], identifiers=own, contacts=_contacts(rows))


def _contacts(rows: list[Row]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in rows:
        if row["identifier_type"] == "contact":
            crm, _, crm_id = row["identifier"].partition(":")
            found.setdefault(crm, []).append(crm_id)
    return found
