"""One HubSpot account: its settings, its property definitions, its clock and its database."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from connector.sandbox.clock import Clock
from connector.sandbox.hubspot_errors import invalid
from connector.sandbox.hubspot_schema import built_in, group_of
from connector.sandbox.hubspot_types import KNOWN, ObjectType, object_type
from connector.sandbox.state import State

PORTAL_ID = 4_711_042

_TYPES = ("contacts", "companies", "deals", "orders", "line_items", "products", "carts", "quotes", "custom")

SCOPES = (
    "oauth",
    "tickets",
    "crm.lists.read",
    "crm.lists.write",
    *(f"crm.objects.{name}.{right}" for name in _TYPES for right in ("read", "write")),
    *(f"crm.schemas.{name}.{right}" for name in _TYPES for right in ("read", "write")),
)
"""What the token may do unless the settings say otherwise: everything here."""


@dataclass(kw_only=True)
class Settings:
    """What a test may change while the portal runs.

    Attributes:
        limits: whether rate limits refuse; they are counted either way.
        ten_seconds: calls of one app within ten seconds (100 Free and Starter, 190 above).
        daily_limit, daily_used: calls of all apps within the account's day (UTC here).
        index_lag_seconds: how long search does not see a change.
        versions: API versions that paths may name.
    """

    token: str = "sandbox-token"  # noqa: S105 - a plain word, no secret
    scopes: frozenset[str] = frozenset(SCOPES)
    limits: bool = False
    ten_seconds: int = 190
    daily_limit: int = 625_000
    daily_used: int = 0
    index_lag_seconds: float = 0.0
    versions: tuple[str, ...] = ("2026-09",)

    def change(self, wanted: Mapping[str, Any]) -> None:
        """Set by name. Raises ValueError for a name that is none."""
        known = {one.name for one in fields(self)}
        if unknown := wanted.keys() - known:
            raise ValueError(f"no setting is called {sorted(unknown)}; there are {sorted(known)}")
        for name, value in wanted.items():
            kind = type(getattr(self, name))
            setattr(self, name, kind(value))


@dataclass(kw_only=True)
class Portal:
    """What every handler is given.

    Attributes:
        granted: access tokens given out by the token endpoint -> when they end (milliseconds).
    """

    state: State
    clock: Clock
    settings: Settings
    granted: dict[str, int] = field(default_factory=dict)
    _definitions: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)

    def kind(self, name: str) -> ObjectType:
        """The object type a path names. Refuses names that HubSpot does not know."""
        if kind := object_type(name):
            return kind
        raise invalid(f"Unable to infer object type from: {name}")

    def definitions(self, kind: ObjectType) -> Mapping[str, dict[str, Any]]:
        """Property name -> definition, of the properties that are not archived."""
        known = self._definitions.get(kind.id)
        if known is None:
            rows = self.state.rows("SELECT definition FROM property WHERE type = ? ORDER BY name", kind.id)
            known = {one["name"]: one for one in (json.loads(text) for (text,) in rows) if not one["archived"]}
            if not known:  # a custom type that is named for the first time
                self.furnish_type(kind)
                return self.definitions(kind)
            self._definitions[kind.id] = known
        return known

    def define(self, kind: ObjectType, definition: Mapping[str, Any]) -> None:
        """Store a definition, new or changed."""
        sql = "INSERT OR REPLACE INTO property VALUES (?, ?, ?)"
        self.state.run(sql, kind.id, definition["name"], json.dumps(definition, sort_keys=True))
        self.forget_definitions()

    def forget_definitions(self) -> None:
        """Read the definitions anew when they are next asked for."""
        self._definitions.clear()

    def furnish(self) -> None:
        """Give a new portal its built-in properties and groups."""
        for kind in KNOWN:
            self.furnish_type(kind)
        self.state.run("INSERT INTO folder VALUES (0, 'root', -1, 0, 0)")

    def furnish_type(self, kind: ObjectType) -> None:
        """The built-in properties and their group, of one type."""
        group = group_of(kind.id)
        self.state.run("INSERT OR IGNORE INTO property_group VALUES (?, ?, ?, -1)", kind.id, group, group.capitalize())
        for one in built_in(kind.id, kind.created, kind.modified):
            self.define(kind, one)
