"""One HubSpot account: its settings, its property definitions, its clock and its database."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from typing import Any

from connector.sandbox.clock import Clock
from connector.sandbox.hubspot_errors import invalid
from connector.sandbox.hubspot_schema import built_in, group_of
from connector.sandbox.hubspot_tokens import Tokens
from connector.sandbox.hubspot_types import KNOWN, ObjectType, object_type
from connector.sandbox.state import State

PORTAL_ID = 4_711_042

_TYPES = ("contacts", "companies", "deals", "orders", "line_items", "products", "carts", "quotes", "custom")

SCOPES = (
    "oauth",
    "tickets",
    "crm.lists.read",
    "crm.lists.write",
    "communication_preferences.read",
    "communication_preferences.statuses.batch.read",
    *(f"crm.objects.{name}.{right}" for name in _TYPES for right in ("read", "write")),
    *(f"crm.schemas.{name}.{right}" for name in _TYPES for right in ("read", "write")),
)
"""What the token may do unless the settings say otherwise: everything here."""


_FREE = {"ten_seconds": 100, "daily_limit": 250_000, "associations_ten_seconds": 100, "associations_daily": 500_000}
_PAID = {"ten_seconds": 190, "daily_limit": 625_000, "associations_ten_seconds": 150, "associations_daily": 500_000}
TIERS: dict[str, dict[str, int]] = {
    "free": _FREE,
    "starter": _FREE,
    "professional": _PAID,
    "enterprise": {**_PAID, "daily_limit": 1_000_000, "associations_daily": 1_000_000},
}
"""Subscription -> its limits (source: HubSpot usage guidelines, associations guide)."""

Rules = Mapping[str, Any] | Sequence[Mapping[str, Any]]


@dataclass(kw_only=True)
class Settings:
    """What a test may change while the portal runs.

    Attributes:
        scopes: what the static token may do, and the most that the account grants to an OAuth app.
        clients: OAuth apps, client id -> secret.
        redirect_uris: where an app may send people back to; none: anywhere.
        refuse_authorization: the person at the authorization page says no.
        rotate_refresh: each refresh gives a new refresh token, and the old one ends.
        token_minutes: how long an access token lives.
        account_type: `STANDARD`, or a developer's `APP_DEVELOPER`, `DEVELOPER_TEST`.
        tier: the subscription; setting it sets its limits too, unless they are named with it.
        limits: whether rate limits refuse; they are counted either way.
        ten_seconds: calls of one app within ten seconds (100 Free and Starter, 190 above).
        daily_limit, daily_used: calls of all apps within the account's day.
        associations_ten_seconds, associations_daily, associations_used: the same of the associations API.
        others_per_call: calls that other apps make for each of ours; they use up the day's calls too.
        others_searches_per_second: searches of other apps; they come first.
        utc_offset_minutes: the account's time zone; its day begins at its midnight.
        property_limit: properties of its own that the account may define for one object type.
        validation_rules: object type -> property -> rule or rules, `{"ruleType", "ruleArguments": [...]}`.
        journal_file_events: most events of one file of the webhooks journal.
        index_lag_seconds: how long search does not see a change.
        list_limit: lists that the account may have.
        subscriptions: types of e-mail that people can opt out of, id -> name.
        versions: API versions that paths may name.
    """

    token: str = "sandbox-token"  # noqa: S105 - a plain word, no secret
    scopes: frozenset[str] = frozenset(SCOPES)
    clients: dict[str, str] = field(default_factory=lambda: {"sandbox-client": "sandbox-secret"})
    redirect_uris: tuple[str, ...] = ()
    refuse_authorization: bool = False
    rotate_refresh: bool = False
    token_minutes: float = 30.0
    account_type: str = "STANDARD"
    tier: str = "professional"
    limits: bool = False
    ten_seconds: int = 190
    daily_limit: int = 625_000
    daily_used: int = 0
    associations_ten_seconds: int = 150
    associations_daily: int = 500_000
    associations_used: int = 0
    others_per_call: float = 0.0
    others_searches_per_second: float = 0.0
    utc_offset_minutes: int = 0
    property_limit: int = 1_000
    validation_rules: dict[str, Mapping[str, Rules]] = field(default_factory=dict)
    journal_file_events: int = 10_000
    index_lag_seconds: float = 0.0
    list_limit: int = 1_500
    subscriptions: dict[str, str] = field(
        default_factory=lambda: {"26853179": "Marketing Information", "26853180": "One to One"}
    )
    versions: tuple[str, ...] = ("2026-09",)

    def change(self, wanted: Mapping[str, Any]) -> None:
        """Set by name. Raises ValueError for a name or a tier that is none."""
        known = {one.name for one in fields(self)}
        if unknown := wanted.keys() - known:
            raise ValueError(f"no setting is called {sorted(unknown)}; there are {sorted(known)}")
        if (tier := wanted.get("tier", self.tier)) not in TIERS:
            raise ValueError(f"there is no tier {tier}; there are {sorted(TIERS)}")
        implied = TIERS[tier] if "tier" in wanted else {}
        for name, value in {**implied, **wanted}.items():
            kind = type(getattr(self, name))
            setattr(self, name, kind(value))


@dataclass(kw_only=True)
class Portal:
    """What every handler is given.

    Attributes:
        tokens: what the token endpoint gave out.
        by_person: whether a person is at work just now, who may do what the API may not.
        subscribed: what apps want to find in the webhooks journal.
        watch: writes a change into that journal; None while nobody subscribed.
    """

    state: State
    clock: Clock
    settings: Settings
    tokens: Tokens = field(default_factory=Tokens)
    by_person: bool = False
    subscribed: tuple[Mapping[str, Any], ...] = ()
    watch: "Callable[[Portal, str, ObjectType, Iterable[int], Mapping[str, Any]], None] | None" = None
    _definitions: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)

    def note(self, action: str, kind: ObjectType, ids: Iterable[int], **more: Any) -> None:
        """Tell the webhooks journal what happened to records of one type; free of cost where nobody subscribed.

        Args:
            action: HubSpot's word, `UPDATE`.
            more: further fields of the event; `changes` is the properties before and after.
        """
        if self.watch:
            self.watch(self, action, kind, ids, more)

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

    @contextmanager
    def person(self) -> Iterator[None]:
        """While a person is at work; the caller holds the lock."""
        before, self.by_person = self.by_person, True
        try:
            yield
        finally:
            self.by_person = before

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
