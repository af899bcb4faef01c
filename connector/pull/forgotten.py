"""Erased persons stay erased: what a source still tells of them is left out before it is kept."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connector import identifiers
from connector.model import Batch, Rejection
from connector.schema import SEEN
from connector.store import Store, erasures

NAMED_BY = {
    "interaction": (("identifier_type", "identifier"),),
    "consent": (("identifier_type", "identifier"),),
    "identity_link": (("a_type", "a_value"), ("b_type", "b_value")),
}
"""Table -> the columns of kind and value by which its rows name persons."""
OF_ORDERS = ("order_header", "order_line")
LEFT_OUT = "…"


class Forgotten:
    """Knows by their digests who was erased.

    Args:
        store: of the home; contacts by which an erased person comes back under another id are noted there.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._digests = erasures.digests(store)
        self._salt = erasures.known_salt(store) or ""
        self.left_out = 0

    def without(self, batch: Batch) -> Batch:
        """The batch less the rows of erased persons; their records count as skipped, their orders lose them."""
        if not self._digests:
            return batch
        tables = {name: self._kept(name, rows) for name, rows in batch.tables.items()}
        lost = max((batch.tables[name].num_rows - rows.num_rows for name, rows in tables.items()), default=0)
        lost = min(lost, batch.kept)
        self.left_out += lost
        rejected = [self._bare(each) for each in batch.rejected]
        return replace(batch, tables=tables, kept=batch.kept - lost, skipped=batch.skipped + lost, rejected=rejected)

    def _kept(self, table: str, rows: pa.Table) -> pa.Table:
        if table == "contact":
            return rows.filter(pa.array([not self._is_erased(row) for row in rows.to_pylist()], pa.bool_()))
        if table in OF_ORDERS:
            return self._unowned(rows, table)
        for kind, value in NAMED_BY.get(table, ()):
            rows = rows.filter(self._free(rows[kind].to_pylist(), rows[value].to_pylist()))
        return rows

    def _is_erased(self, row: Mapping[str, Any]) -> bool:
        """Whether a contact is an erased person's. A phone tells only of who has nothing else: people share it."""
        named = [("contact", row["key"]), ("email", row["email"]), ("user_id", row["user_id"])]
        named += [("email", each) for each in (row["other_emails"] or "").split(";")]
        if not row["email"] and not row["user_id"]:
            named.append(("phone", row["phone"]))
        found = next((known for kind, value in named if (known := self._reference(kind, value))), None)
        if found is not None:
            self._learn(found, row["key"])
        return found is not None

    def _learn(self, reference: str, key: str) -> None:
        """A record of theirs: its orders are nobody's."""
        told = erasures.digest(self._salt, "contact", key)
        if told not in self._digests:
            self._digests[told] = reference
            erasures.remember(self._store, reference, [told])

    def _unowned(self, rows: pa.Table, table: str) -> pa.Table:
        keys = rows["contact_key"].to_pylist()
        mine = {key for key in set(keys) if self._reference("contact", key)}
        if not mine:
            return rows
        at = rows.schema.get_field_index("contact_key")
        bare = pc.if_else(pc.is_in(rows["contact_key"], pa.array(sorted(mine))), None, rows["contact_key"])
        return rows.set_column(at, SEEN[table].field("contact_key"), bare)

    def _free(self, kinds: list[str | None], values: list[str | None]) -> pa.Array:
        """Which rows name nobody who was erased; each identifier is looked at once."""
        pairs = list(zip(kinds, values, strict=True))
        named = {pair for pair in set(pairs) if self._reference(*pair)}
        return pa.array([pair not in named for pair in pairs], pa.bool_())

    def _reference(self, kind: str | None, value: str | None) -> str | None:
        """Of the erasure that an identifier belongs to; None where it belongs to none."""
        if not kind or not value:
            return None
        return self._digests.get(erasures.digest(self._salt, kind, value))

    def _bare(self, rejection: Rejection) -> Rejection:
        """A row that could not be used, without its content where that names an erased person."""
        named = [leaf for leaf in leaves(rejection.row) if self._names(leaf)]
        if not named:
            return rejection
        reason = rejection.reason
        for leaf in named:
            reason = reason.replace(leaf, LEFT_OUT)
        return replace(rejection, row={}, reason=reason)

    def _names(self, text: str) -> bool:
        return any(self._reference(kind, spelled(text)) for kind, spelled in identifiers.NORMALISERS.items())


def leaves(value: Any) -> Iterator[str]:
    """Every text in some plain data."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from leaves(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from leaves(each)
