"""What stands at the end: in the four systems, in the warehouse and in the store, as facts that can be counted."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kill_shop import Systems

from connector.home import Home, open_home
from connector.schema import DERIVED, SEEN
from connector.store import outbox, tables

Facts = Counter[str]
"""A place and what stands there, as text -> how often."""
Found = Iterator[tuple[str, Any]]

WHEN = frozenset({"version", "updated_at", "run", "moved_at", "noticed_at", "told_at", "first_seen", "last_seen"})
"""Columns of ours that tell when, or in which run, something came to be as it is: nothing that a reader acts on."""
STAMPS = frozenset({"lastmodifieddate", "hs_lastmodifieddate"})
STANDING = ("membership", "ad_member", "profile", "remote", "refusal", "veto", "refused_list", "rejected", "told_sale")
"""Tables of the store that say what holds; `approval` and `erasure` must be empty here."""
PASSING = ("google_request", "google_looked", "google_found")
"""Kinds of `remote` that say what is still to be asked of Google, when its lists were last looked at, and whose making
we did not see answered: the next refresh takes out of these whoever else is in."""
_MARK = re.compile(r" \[[0-9a-f]+\]$")
"""Ends the description of a campaign of ours; each install has its own."""
OBJECTS = ("Account", "Campaign", "CampaignMember", "CampaignMemberStatus", "Contact", "Order", "OrderItem", "Product2")


def of_systems(systems: Systems) -> Facts:
    """What the CRMs and the ad platforms hold."""
    parts = (_hubspot(systems), _salesforce(systems), _google(systems), _meta(systems))
    return Counter(_said(place, row) for part in parts for place, row in part)


def of_home(path: Path) -> Facts:
    """What an install holds."""
    with open_home(path) as home:
        return Counter(_said(place, row) for part in (_warehouse(home), _store(home)) for place, row in part)


def _said(place: str, row: Any) -> str:
    return f"{place}: {json.dumps(row, sort_keys=True, default=str)}"


def _without(row: Mapping[str, Any], left_out: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in left_out}


def _hubspot(systems: Systems) -> Found:
    rows = systems.hubspot.portal.portal.state.rows
    for name in rows("SELECT name FROM list WHERE deleted IS NULL"):
        yield "HubSpot, list", name
    for row in rows("SELECT name, record FROM membership JOIN list ON list.id = list WHERE deleted IS NULL"):
        yield "HubSpot, member", row
    for kind, id, gone, told in rows("SELECT type, id, archived IS NOT NULL, properties FROM record"):
        yield "HubSpot, record", [kind, id, gone, _without(json.loads(told), STAMPS)]
    for table in ("property", "property_group", "folder"):
        for name in rows(f"SELECT name FROM {table}"):  # noqa: S608 - a name of ours
            yield f"HubSpot, {table}", name


def _salesforce(systems: Systems) -> Found:
    state = systems.salesforce.org.state
    for table in OBJECTS:
        names = [row[1] for row in state.rows(f'PRAGMA table_info("{table}")')]
        for row in state.rows(f'SELECT * FROM "{table}"'):  # noqa: S608
            kept = {name: value for name, value in zip(names, row, strict=True) if not _stamp(name)}
            kept["Description"] = _MARK.sub("", kept.get("Description") or "")
            yield f"Salesforce, {table}", kept


def _stamp(name: str) -> bool:
    return name.endswith(("Date", "Modstamp")) and name.startswith(("Created", "LastModified", "System", "First"))


def _google(systems: Systems) -> Found:
    account = systems.google.google.account
    for one in account.lists.values():
        name = one.resource["displayName"]
        yield "Google, list", [name, one.resource["membershipStatus"]]
        for member in one.members:
            yield "Google, member", [name, member.hex()]
    for key, versions in account.events.items():
        for each in versions:
            yield "Google, sale", [key, each]


def _meta(systems: Systems) -> Found:
    state = systems.meta.meta.state()
    for one in state["audiences"].values():
        yield "Meta, list", one["name"]
        for member in one["members"]:
            yield "Meta, member", [one["name"], member]
    for event in state["events"]:
        yield "Meta, sale", _without(event, frozenset({"received"}))


def _warehouse(home: Home) -> Found:
    views = dict.fromkeys(SEEN, home.warehouse.current) | dict.fromkeys(DERIVED, home.warehouse.derived)
    for table, view in views.items():
        for row in view(table).to_pyarrow().to_pylist():
            yield table, _without(row, WHEN)


def _store(home: Home) -> Found:
    for name in (*STANDING, "approval", "erasure"):
        for row in home.store.rows(tables.metadata.tables[name].select()):
            if getattr(row, "kind", "") not in PASSING:
                yield name, _without(row._asdict(), WHEN)
    for row in home.store.rows(tables.cursor.select()):
        yield "cursor", [row.source, row.stream, *([row.value] if "mtime_ns" in row.value else [])]
    finished = {state for state, following in outbox.STATES.items() if not following}
    for state in outbox.depth(home.store).keys() - finished:
        yield "outbox", state
