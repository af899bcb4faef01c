"""Who is wanted in an ad platform's audiences, as the platform spells them: only persons it may be told of."""

import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from connector.decide.exclusion.groups import members
from connector.home import Home
from connector.ports import AdDestination
from connector.relations import among

IDENTIFIER = ("kind", "value")
PIECE = 50_000
"""Rows that become Python texts at a time."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What an ad platform should hold.

    Attributes:
        lists: (audience, match key) that should hold.
        whose: match key -> person, of these keys; they are the very same texts, since there may be millions.
        barred: match keys of persons of whom it may not be told, as far as they were looked for. A key that is somebody
            else's too, since the platform spells two addresses alike, is in here and not in `lists`.
    """

    lists: frozenset[tuple[str, str]]
    whose: Mapping[str, str]
    barred: frozenset[str]


def wanted(home: Home, platform: AdDestination, group: ir.Table, as_of: datetime, of: Collection[str] | None) -> Wanted:
    """What should hold for everybody, or for the persons named in `of`.

    Args:
        group: the figure `ad_group` of this platform.
    """
    keep, policy = home.warehouse.keep, home.audiences.policy.ads
    person = None if of is None else keep(_named(of))
    known = keep(_identifiers(home, platform, person))
    free = known.filter(known.free).drop("free")
    out = _current(home, "suppression", person).select("person_id", "family", "since")
    pair = keep(members(keep(among(out, free, ["person_id"])), group, policy, as_of))
    theirs = keep(among(free, pair, ["person_id"]))
    matched = keep(_matched(platform, theirs))
    whose = theirs.inner_join(matched, IDENTIFIER).select("person_id", "member").distinct()
    owners = keep(whose)
    barred = _alike(home, platform, theirs, matched)
    if of is not None:
        barred |= _keys(_matched(platform, known.filter(~known.free)))
    named = pair.inner_join(owners, "person_id").select("audience", "member").distinct().to_pyarrow()
    told = owners.to_pyarrow()
    whose = {
        sys.intern(member): person for member, person in _rows(told, "member", "person_id") if member not in barred
    }
    lists = ((sys.intern(audience), sys.intern(member)) for audience, member in _rows(named, "audience", "member"))
    return Wanted(lists=frozenset(each for each in lists if each[1] in whose), whose=whose, barred=frozenset(barred))


def _rows(table: pa.Table, *columns: str) -> Iterator[tuple[str, ...]]:
    """Columns of texts, row by row, without a list of all of them."""
    for batch in table.select(columns).to_batches(max_chunksize=PIECE):
        yield from zip(*(batch.column(name).to_pylist() for name in columns), strict=True)


def free_persons(home: Home, persons: Collection[str]) -> set[str]:
    """Those of some persons of whom ad platforms may be told."""
    if not persons:
        return set()
    trait = _current(home, "trait", _named(persons))
    return set(trait.filter(trait.ads_barrier.isnull()).select("person_id").to_pyarrow()["person_id"].to_pylist())


def mistakable(home: Home, platform: AdDestination, identifiers: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    """Those of some identifiers that a platform takes for those of somebody it may not be told of."""
    rows = [{"kind": kind, "value": value} for kind, value in sorted(identifiers)]
    theirs = ibis.memtable(pa.Table.from_pylist(rows, pa.schema([(name, pa.string()) for name in IDENTIFIER])))
    barred = _alike(home, platform, theirs, _matched(platform, theirs))
    return {(kind, value) for kind, value in identifiers if platform.match(kind, value) in barred}


def _named(persons: Collection[str]) -> ir.Table:
    return ibis.memtable(pa.table({"person_id": pa.array(sorted(persons), pa.string())}))


def _current(home: Home, table: str, person: ir.Table | None) -> ir.Table:
    """What holds now of everybody, or of some persons: looked up by them first, not after sorting everybody's."""
    if person is None:
        return home.warehouse.derived(table)
    decided = among(home.warehouse.versions("decided"), person, ["person_id"])
    last = decided.group_by("person_id").agg(run=decided.run.max())
    return among(among(home.warehouse.versions(table), person, ["person_id"]), last, ["person_id", "run"])


def _identifiers(home: Home, platform: AdDestination, person: ir.Table | None) -> ir.Table:
    """[person_id, kind, value, free]: e-mails and phones, and whether the platform may be told of whose they are."""
    every = _current(home, "person", person)
    rows = every.filter(every.identifier_type.isin(list(platform.terms.identifiers)))
    rows = rows.select("person_id", kind="identifier_type", value="identifier")
    return _judged(rows, _current(home, "trait", person))


def _judged(rows: ir.Table, trait: ir.Table) -> ir.Table:
    told = trait.filter(trait.ads_barrier.isnull()).select("person_id", free=True)
    joined = rows.left_join(told, "person_id")
    return joined.select(*[rows[name] for name in rows.columns], free=told.free.fill_null(False))


def _matched(platform: AdDestination, rows: ir.Table) -> ir.Table:
    """[kind, value, member] of each distinct identifier that the platform can use; each is hashed once."""
    found = rows.select(*IDENTIFIER).distinct().to_pyarrow()
    batches = found.to_batches(max_chunksize=PIECE)
    member = pa.chunked_array([_spelled(platform, pa.Table.from_batches([one])) for one in batches], pa.string())
    table = found.append_column("member", member)
    return ibis.memtable(table.filter(member.is_valid()))


def _spelled(platform: AdDestination, found: pa.Table) -> pa.Array:
    return pa.array([platform.match(kind, value) for kind, value in _rows(found, *IDENTIFIER)], pa.string())


def _keys(matched: ir.Table) -> set[str]:
    return set(matched.select("member").distinct().to_pyarrow()["member"].to_pylist())


def _alike(home: Home, platform: AdDestination, theirs: ir.Table, matched: ir.Table) -> set[str]:
    """Match keys of `theirs` that are those of somebody barred, too.

    Platforms ignore dots, tags and spaces in some addresses, each in its own way. Only addresses that might be alike
    are hashed: those that are equal without any of it. An address that is known by its hash alone may be anybody's.
    """
    keep, person = home.warehouse.keep, home.warehouse.versions("person")
    person = person.filter(person.identifier_type.isin(list(platform.terms.identifiers)))
    rows = person.select("person_id", kind="identifier_type", value="identifier")
    if not _any(_is_hash(theirs)):
        near = among(_roughly(rows), _roughly(theirs), ["rough"])
        alike = among(_plainly(near), _plainly(theirs), ["plain"])
        rows = alike.select(*rows.columns).union(rows.filter(_is_hash(rows)))
    found = keep(rows.distinct())
    whose = keep(found.select("person_id").distinct())
    now = _identifiers(home, platform, whose)
    barred = among(now.filter(~now.free), found, ["person_id", *IDENTIFIER])
    return _keys(matched) & _keys(_matched(platform, barred))


def _any(question: ir.BooleanColumn) -> bool:
    return bool(question.any().to_pyarrow().as_py())


def _is_hash(rows: ir.Table) -> ir.BooleanColumn:
    return (rows.kind == "email") & (rows.value.length() == 64) & ~rows.value.contains("@")


def _roughly(rows: ir.Table) -> ir.Table:
    """`rows` with `rough`: two letters and the end of an identifier. Quick to find, and what is alike has the same."""
    value = rows.value.lower()
    email, phone = value.replace(".", "").replace("+", "@").left(2) + value.right(6), value.right(4)
    return rows.mutate(rough=rows.kind + ibis.ifelse(rows.kind == "email", email, phone))


def _plainly(rows: ir.Table) -> ir.Table:
    """`rows` with `plain`: the identifier without all that any platform ignores."""
    value = rows.value.lower().re_replace(r"\s", "")
    name, domain = value.re_replace(r"@[^@]*$", ""), value.re_extract(r"@([^@]*)$", 1)
    email = name.re_replace(r"\+.*$", "").replace(".", "") + "@" + domain.replace("googlemail.com", "gmail.com")
    phone = value.re_replace(r"[^0-9]", "").re_replace(r"^0+", "")
    return rows.mutate(plain=rows.kind + ibis.ifelse(rows.kind == "email", email, phone))
