"""Identifiers seen together in one event, as rows of `identity_link`."""

from collections.abc import Mapping
from datetime import datetime

import pyarrow as pa

from connector.schema import SEEN

_IDS = ("anonymous_id", "user_id")
End = tuple[str, str]
"""Identifier type and value."""


class Links:
    """The links of one batch: each pair of identifiers once, with when it was first and last seen in the batch."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._seen: dict[tuple[End, End], tuple[datetime, datetime]] = {}

    def add(self, together: Mapping[str, str], at: datetime) -> None:
        """Identifiers by type. Each id is tied to what follows it: e-mail and phone are not tied to each other, as
        the id between them does that."""
        ends = list(together.items())
        for number, one in enumerate(ends):
            for other in ends[number + 1 :] if one[0] in _IDS else ():
                pair = (one, other) if one < other else (other, one)
                first, last = self._seen.get(pair, (at, at))
                self._seen[pair] = (min(first, at), max(last, at))

    def table(self) -> pa.Table:
        """The rows; a link's version is when it was last seen."""
        rows = [
            (f"{a[0]}:{a[1]}|{b[0]}:{b[1]}", last, *a, *b, self._source, first, last)
            for (a, b), (first, last) in self._seen.items()
        ]
        schema = SEEN["identity_link"]
        columns = zip(*rows, strict=True) if rows else [()] * len(schema)
        return pa.table([pa.array(c, each.type) for c, each in zip(columns, schema, strict=True)], schema=schema)
