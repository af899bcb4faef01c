"""Who is meant: every identifier of the persons behind some addresses, or behind digests after a restore."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import ibis
import ibis.expr.types as ir

from connector.home import Home
from connector.merge.contacts import holders, live
from connector.merge.identity import STRONG, identify
from connector.merge.seen import Seen, remembered
from connector.relations import newest
from connector.schema import SEEN
from connector.store.erasures import Identifier
from connector.warehouse.forgetting import ENDS, digested

CONTACT, EMAIL = "contact", "email"
KINDS = (CONTACT, EMAIL, "phone", "user_id", "anonymous_id")
DIGEST_DIGITS = 64


def found(home: Home, addresses: Collection[str]) -> dict[str, list[Identifier]]:
    """address -> all identifiers of its person by what is known now; of an unknown one, the address itself.

    What another living contact holds too (a phone, a customer number) is that one's and stays.
    """
    keep, held = home.warehouse.keep, home.warehouse.versions("contact")
    person = keep(identify(_seen(home), held).person)
    named = person.filter(person.identifier_type == EMAIL, person.identifier.isin(sorted(addresses)))
    theirs = person.inner_join(named.select("person_id", address="identifier"), "person_id")
    known = keep(theirs.select("address", "identifier_type", "identifier"))
    return {address: _with_hashes([(EMAIL, address), *told]) for address, told in _told(home, known, addresses).items()}


def _told(home: Home, known: ir.Table, addresses: Collection[str]) -> dict[str, list[Identifier]]:
    """address -> what is known of it, and what its contacts ever held."""
    contact = home.warehouse.keep(known.filter(known.identifier_type == CONTACT).select("address", key="identifier"))
    versions = home.warehouse.versions("contact")
    ever = holders(versions.semi_join(contact, "key")).inner_join(contact, "key")
    elsewhere = holders(live(home.warehouse.current("contact"))).anti_join(contact, "key")
    own = ever.anti_join(elsewhere, ["identifier_type", "identifier"])
    every = known.union(own.select("address", "identifier_type", "identifier")).distinct()
    told: dict[str, list[Identifier]] = {address: [] for address in addresses}
    for row in every.to_pyarrow().to_pylist():
        told[row["address"]].append((row["identifier_type"], row["identifier"]))
    return told


def _seen(home: Home) -> Seen:
    """What identity is told by; of events only those that name somebody."""
    current = {table: home.warehouse.current(table) for table in SEEN}
    events = home.warehouse.versions("interaction")
    naming = newest(events.filter(events.identifier_type.isin(STRONG))).drop("run")
    seen = Seen(**{**current, "product": remembered(home.warehouse.versions("product"))})
    return replace(seen, interaction=naming)


def _with_hashes(told: Sequence[Identifier]) -> list[Identifier]:
    """Each once, and of e-mails the SHA-256 too, by which some sources send them."""
    plain = [value for kind, value in told if kind == EMAIL and len(value) != DIGEST_DIGITS]
    hashed = [(EMAIL, hashlib.sha256(value.encode()).hexdigest()) for value in plain]
    return sorted({*told, *hashed})


def recovered(home: Home, salt: str, digests: Collection[str]) -> list[Identifier]:
    """Identifiers that stand in the warehouse although their digests say that they were erased."""
    wanted = ibis.memtable({"digest": sorted(digests)}, schema={"digest": "string"})
    held = holders(home.warehouse.versions("contact"))
    by_key = home.warehouse.versions("contact").select(kind=ibis.literal(CONTACT), value="key")
    tables = [by_key, held.select(kind="identifier_type", value="identifier")]
    for table, ends in ENDS.items():
        rows = home.warehouse.versions(table)
        tables += [rows.select(kind=kind, value=value) for kind, value in ends]
    tables.append(home.warehouse.versions("person").select(kind="identifier_type", value="identifier"))
    every = ibis.union(*tables, distinct=True)
    standing = every.mutate(digest=digested(salt, every.kind, every.value)).semi_join(wanted, "digest")
    told = {(row["kind"], row["value"]) for row in standing.to_pyarrow().to_pylist()}
    return sorted(told | _records(home, told))


def _records(home: Home, told: Collection[Identifier]) -> set[Identifier]:
    """The contacts that hold an erased address: other records of the same person."""
    held = holders(home.warehouse.versions("contact"))
    emails = [value for kind, value in told if kind == EMAIL]
    theirs = held.filter(held.identifier_type == EMAIL, held.identifier.isin(emails))
    return {(CONTACT, key) for key in theirs.select("key").distinct().to_pyarrow()["key"].to_pylist()}


def by_kind(subject: Collection[Identifier]) -> Mapping[str, list[str]]:
    """Kind -> values, sorted."""
    return {kind: sorted(value for each, value in subject if each == kind) for kind in KINDS}


def contacts_of(subject: Collection[Identifier], crm: str) -> list[str]:
    """The CRM's own ids of a person's contacts."""
    prefix = f"{crm}:"
    return [key.removeprefix(prefix) for key in by_kind(subject)[CONTACT] if key.startswith(prefix)]
