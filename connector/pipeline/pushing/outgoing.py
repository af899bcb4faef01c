"""What one CRM should know: its own contacts' wishes against what it has acknowledged."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from connector.decide.membership.fitting import listed
from connector.decide.trait.profile import NAMES, profile, says_something
from connector.home import Home
from connector.merge.contacts import live
from connector.model import Audience
from connector.push.plan import Scope
from connector.store import acknowledged, runs, vetoes
from connector.warehouse.tables import is_bare, is_gone


def audiences_of(home: Home) -> dict[str, Audience]:
    """Every audience by name, those of one family each included; none before a first decision."""
    full = runs.latest(home.store, decided=True, full=True)
    if not full:
        return {}
    family, left_out = [home.warehouse.figure(name, full[0].number) for name in ("family", "left_out")]
    return {audience.name: audience for audience in listed(home.audiences, family, left_out)}


def left_out(home: Home) -> dict[str, str]:
    """Lists that the last full pass had no room for, and why."""
    full = runs.latest(home.store, decided=True, full=True)
    rows = home.warehouse.figure("left_out", full[0].number).to_pyarrow().to_pylist() if full else []
    return {row["audience"]: row["why"] for row in sorted(rows, key=lambda row: str(row["audience"]))}


def contacts_of(home: Home, destination: str) -> ir.Table:
    """person_id and member (the CRM's id) of every contact that is alive in a CRM."""
    alive = live(home.warehouse.current("contact"))
    alive = alive.filter(alive.crm == destination)
    person = home.warehouse.derived("person")
    of_contacts = person.filter(person.identifier_type == "contact").select("person_id", key="identifier")
    return alive.select("key", member="crm_id").join(of_contacts, "key").select("person_id", "member")


def decided_members(home: Home, destination: str, run: int) -> set[str]:
    """CRM ids, dead ones included, of the persons that a run decided."""
    decided = home.warehouse.last_decided()
    person = home.warehouse.versions("person").semi_join(decided.filter(decided.run == run), "person_id")
    prefix = f"{destination}:"
    keys = person.filter((person.identifier_type == "contact") & person.identifier.startswith(prefix))
    found = keys.select("identifier").distinct().to_pyarrow()["identifier"].to_pylist()
    return {key.removeprefix(prefix) for key in found}


def bury_gone(home: Home, destination: str, run: int, of: set[str] | None) -> None:
    """Contacts that were merged away or deleted leave our books; a merge's survivor inherits, uncertain."""
    contact = home.warehouse.current("contact")
    gone = contact.filter((contact.crm == destination) & is_gone(contact))
    rows = gone.select("crm_id", "merged_into", bare=is_bare(gone)).to_pyarrow().to_pylist()
    heirs = {row["crm_id"]: row["merged_into"] for row in rows}
    erased = {row["crm_id"] for row in rows if row["bare"] and not row["merged_into"]}
    passing = {member for member, heir in heirs.items() if heir} | erased
    ours = _with_traces(home, destination, heirs.keys() if of is None else heirs.keys() & of, passing)
    if ours:
        prefix = f"{destination}:"
        survivors = {member: _last_heir(member, heirs, prefix) for member in sorted(ours)}
        acknowledged.inherit(home.store, destination, survivors, run, erased)


def _with_traces(home: Home, destination: str, of: Collection[str], passing: Collection[str]) -> set[str]:
    """Those of some contacts that a list or property of ours is acknowledged for, or that a person took out of one.

    Of contacts not in `passing` only what they cannot keep counts: they may be restored.
    """
    in_lists = {member for _, member, _ in acknowledged.members(home.store, destination, of)}
    barred = {member for _, member in vetoes.vetoes(home.store, destination, of)}
    known = acknowledged.profiles(home.store, destination, of)
    written = {member for member, properties in known.items() if properties is not None}
    return in_lists | written | {member for member in barred | known.keys() if member in passing}


def _last_heir(member: str, heirs: Mapping[str, str | None], prefix: str) -> str | None:
    """Follow a chain of merges to the contact that is alive; None where it ends in a deletion."""
    seen = {member}
    heir = heirs[member]
    while heir is not None:
        member = heir.removeprefix(prefix)
        if member not in heirs or member in seen:
            return member
        seen.add(member)
        heir = heirs[member]
    return None


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What decide/ wants of one destination: list memberships and properties, by the CRM's own ids."""

    lists: frozenset[tuple[str, str]]
    properties: Mapping[str, Mapping[str, str]]


def wishes(home: Home, destination: str, of: Collection[str] | None) -> Wishes:
    """Wanted memberships and properties of a CRM's live contacts; of everybody, or of the named ones."""
    contacts = contacts_of(home, destination)
    if of is not None:
        named = ibis.memtable(pa.table({"member": pa.array(sorted(of), pa.string())}))
        contacts = contacts.semi_join(named, "member")
    contacts = home.warehouse.keep(contacts)
    wanted = home.warehouse.derived("wanted").join(contacts, "person_id").select("audience", "member").distinct()
    pairs = wanted.to_pyarrow()
    lists = frozenset(zip(pairs["audience"].to_pylist(), pairs["member"].to_pylist(), strict=True))
    return Wishes(lists=lists, properties=_properties(home, contacts))


def _properties(home: Home, contacts: ir.Table) -> dict[str, dict[str, str]]:
    tables = [home.warehouse.derived(name) for name in ("trait", "recommendation", "suppression")]
    texts = says_something(profile(*tables))
    rows = texts.join(contacts, "person_id").select("member", *NAMES).to_pyarrow()
    return {row.pop("member"): _filled(row) for row in rows.to_pylist()}


def _filled(row: Mapping[str, Any]) -> dict[str, str]:
    return {name: value for name, value in row.items() if value is not None}


def scope(home: Home, destination: str, of: Collection[str] | None) -> Scope:
    """Everything `difference` needs for a destination; of everybody, or of the named members."""
    wanted = wishes(home, destination, of)
    store = home.store
    return Scope(
        wanted=wanted.lists,
        acknowledged={(name, who): certain for name, who, certain in acknowledged.members(store, destination, of)},
        wanted_properties=wanted.properties,
        acknowledged_properties=_standing(home, destination, of),
        refused=acknowledged.refusals(store, destination, of),
        vetoed=frozenset(vetoes.vetoes(store, destination, of)),
        names=NAMES,
    )


def _standing(home: Home, destination: str, of: Collection[str] | None) -> dict[str, dict[str, str] | None]:
    """Acknowledged properties; not those of deleted contacts, which are unknown until they are restored."""
    known = acknowledged.profiles(home.store, destination, of)
    unknown = sorted(member for member, properties in known.items() if properties is None)
    if not unknown:
        return known
    contact = home.warehouse.current("contact")
    gone = contact.filter((contact.crm == destination) & is_gone(contact) & contact.crm_id.isin(unknown))
    dead = set(gone.select("crm_id").to_pyarrow()["crm_id"].to_pylist())
    return {member: properties for member, properties in known.items() if member not in dead}
