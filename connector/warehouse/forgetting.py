"""Letting persons vanish from the warehouse for good: every version of their rows, the files and the log entries.

Rows are told by digest, computed in the engine, so that what Delta's log says of the deletion names nobody. Order heads
and lines stay without the person: what was sold stays true.
"""

from collections.abc import Collection, Iterable, Sequence

import ibis.expr.types as ir
from deltalake import DeltaTable

from connector import turn
from connector.schema import DERIVED, SEEN
from connector.warehouse import damage
from connector.warehouse.tables import KEYS_A_DELETION, Warehouse

ENDS = {
    "interaction": (("identifier_type", "identifier"),),
    "consent": (("identifier_type", "identifier"),),
    "identity_link": (("a_type", "a_value"), ("b_type", "b_value")),
}
"""Seen table -> its columns of kind and value."""
ORDERS = ("order_header", "order_line")
NAMING = ("contact", "email", "user_id")
"""Kinds of identifiers that a person may be called after."""
LOG_KEPT = "delta.logRetentionDuration"
AS_BEFORE = "interval 30 days"
"""Delta's own default."""


def said(salt: str, kind: str, value: str) -> str:
    """The digest of an identifier in Delta's SQL: that of `connector.store.erasures.digest`.

    Args:
        kind, value: columns, or literals in quotes.
    """
    spelled = f"CASE WHEN {kind} = 'email' THEN lower(trim({value})) ELSE trim({value}) END"
    return f"encode(sha256(concat('{salt}', {kind}, ':', {spelled})), 'hex')"


def digested(salt: str, kind: ir.StringValue, value: ir.StringValue) -> ir.StringValue:
    """The same as an expression."""
    trimmed = value.strip()
    spelled = (kind == "email").ifelse(trimmed.lower(), trimmed)
    found: ir.StringValue = (salt + kind + ":" + spelled).hexdigest("sha256")
    return found


def persons(warehouse: Warehouse, salt: str, digests: Collection[str]) -> list[str]:
    """The ids that persons of these digests have or had, but for those that are somebody else's now."""
    row = warehouse.versions("person")
    told = row.filter(row.identifier_type.isin(NAMING))
    told = told.mutate(theirs=digested(salt, told.identifier_type, told.identifier).isin(sorted(digests)))
    theirs = told.filter(told.theirs).select("person_id").distinct()
    others = told.filter(~told.theirs, told.identifier_type == "contact")
    standing = others.semi_join(warehouse.last_decided(), ["person_id", "run"]).select("person_id")
    found = theirs.anti_join(standing, "person_id").order_by("person_id")
    return [str(one) for one in found.to_pyarrow()["person_id"].to_pylist()]


def forget(warehouse: Warehouse, salt: str, digests: Collection[str], people: Sequence[str]) -> int:
    """Delete every version of the rows of some persons; returns how many rows these were.

    What is derived goes first and `person`, by which people are found, last: whoever repeats it after a kill finds them
    again. Files and log entries of before are gone when this returns, for readers too that opened an older version.

    Args:
        people: ids of persons; see `persons`.
    """
    _replace_ties(warehouse, people)
    gone = sum(_delete(warehouse, table, _of(people)) for table in DERIVED if table != "person")
    for table, ends in ENDS.items():
        gone += sum(_delete(warehouse, table, _in(said(salt, *end), digests)) for end in ends)
    gone += _delete(warehouse, "contact", _in(said(salt, "'contact'", "key"), digests))
    for table in ORDERS:
        _bare(warehouse, table, _in(said(salt, "'contact'", "contact_key"), digests))
    gone += _delete(warehouse, "person", _of(people))
    gone += _delete(warehouse, "person", _in(said(salt, "identifier_type", "identifier"), digests))
    for table in [*SEEN, *DERIVED, "cutpoint"]:
        _scrub(warehouse, table)
    damage.forget_set_aside(warehouse.root)
    return gone


def _of(people: Sequence[str]) -> list[str]:
    return _in("person_id", people)


def _in(column: str, values: Iterable[str]) -> list[str]:
    """Conditions, each short enough for one statement."""
    every = sorted({value.replace("'", "''") for value in values})
    parts = (every[start : start + KEYS_A_DELETION] for start in range(0, len(every), KEYS_A_DELETION))
    return [f"{column} IN ({', '.join(repr_of(part))})" for part in parts]


def repr_of(values: Sequence[str]) -> list[str]:
    """Values as SQL text, quotes doubled already."""
    return [f"'{value}'" for value in values]


def _open(warehouse: Warehouse, table: str) -> DeltaTable | None:
    turn.check()
    path = str(warehouse.root / table)
    return DeltaTable(path) if DeltaTable.is_deltatable(path) else None


def _delete(warehouse: Warehouse, table: str, conditions: Sequence[str]) -> int:
    gone = 0
    for condition in conditions:
        if delta := _open(warehouse, table):
            gone += int(delta.delete(condition)["num_deleted_rows"] or 0)
    return gone


def _bare(warehouse: Warehouse, table: str, conditions: Sequence[str]) -> None:
    for condition in conditions:
        if delta := _open(warehouse, table):
            delta.update(updates={"contact_key": "CAST(NULL AS STRING)"}, predicate=condition)


def _replace_ties(warehouse: Warehouse, people: Sequence[str]) -> None:
    """A boundary between ranks may name one of them. The last person before them bounds the same ranks."""
    delta = _open(warehouse, "cutpoint")
    if delta is None or not people:
        return
    tie = warehouse.versions("cutpoint").select("tie").distinct()
    known = warehouse.last_decided().select("person_id")
    others = known.filter(known.person_id.notin(list(people)))
    for one in tie.filter(tie.tie.isin(list(people))).to_pyarrow()["tie"].to_pylist():
        before = others.filter(others.person_id < one).person_id.max().to_pyarrow().as_py() or ""
        (quoted,) = repr_of([before.replace("'", "''")])
        delta.update(updates={"tie": quoted}, predicate=_in("tie", [one])[0])
        delta = DeltaTable(str(warehouse.root / "cutpoint"))


def _scrub(warehouse: Warehouse, table: str) -> None:
    """Files that no version needs go at once, and so do log entries: an earlier deletion may name whom it deleted."""
    delta = _open(warehouse, table)
    if delta is None:
        return
    delta.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
    delta.alter.set_table_properties({LOG_KEPT: "interval 0 seconds"})
    delta.create_checkpoint()
    delta.cleanup_metadata()
    delta.alter.set_table_properties({LOG_KEPT: AS_BEFORE})
