"""What we hold of one stream, by record id: compact, for a shop has millions of lines."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

import numpy as np
import pyarrow as pa

from connector.crms._hubspot.streams import Stream
from connector.model import Batch
from connector.ports import Held
from connector.schema import table_of

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Entry:
    """One record as we hold it; see `connector.ports.Held`."""

    id: int
    version: datetime
    gone: bool
    bare: bool
    points_to: str | None
    replaces: str | None


class Holding:
    """The records of a stream that we hold, in the order of their ids."""

    def __init__(self, stream: Stream, held: Held) -> None:
        self._stream = stream
        table = held(table_of(stream.name))
        ids = [stream.id_of(key) for key in table["key"].to_pylist()]
        ours = table.filter(pa.array([one is not None for one in ids], pa.bool_()))
        numbers = np.array([int(one) for one in ids if one is not None], dtype=np.int64)
        order = np.argsort(numbers)
        self._ids = numbers[order]
        self._rows = ours.take(pa.array(order)).combine_chunks()
        self._versions = self._rows["version"].cast(pa.int64()).to_numpy()
        self._gone = self._rows["gone"].to_numpy()
        self._bare = self._rows["bare"].to_numpy()

    @cached_property
    def living(self) -> int:
        """How many we hold as alive."""
        return int(np.count_nonzero(~self._gone))

    def find(self, record_id: int) -> Entry | None:
        """What we hold of a record."""
        at = int(np.searchsorted(self._ids, record_id))
        return self._entry(at) if at < len(self._ids) and self._ids[at] == record_id else None

    def named(self, record_ids: Iterable[str]) -> dict[str, Entry]:
        """The same of several; those never seen are left out."""
        found = ((one, self.find(int(one))) for one in record_ids)
        return {one: entry for one, entry in found if entry is not None}

    def versions(self, batch: Batch) -> dict[str, datetime]:
        """Key -> held version, of the rows of a batch."""
        keys = [key for table in batch.tables.values() for key in table["key"].to_pylist()]
        ids = {key: one for key in keys if (one := self._stream.id_of(key)) is not None}
        entries = self.named(ids.values())
        return {key: entries[one].version for key, one in ids.items() if one in entries}

    def between(self, last: int, end: int | None) -> list[Entry]:
        """Those with an id above `last` and up to `end` (None: all above) that live, or of which more is held than
        that they were deleted."""
        low = int(np.searchsorted(self._ids, last, side="right"))
        high = len(self._ids) if end is None else int(np.searchsorted(self._ids, end, side="right"))
        at = low + np.flatnonzero(~(self._gone[low:high] & self._bare[low:high]))
        return [self._entry(int(one)) for one in at]

    def alive_after(self, last: int, most: int) -> list[Entry]:
        """The next `most` that live, above an id."""
        low = int(np.searchsorted(self._ids, last, side="right"))
        at = low + np.flatnonzero(~self._gone[low:])[:most]
        return [self._entry(int(one)) for one in at]

    def _entry(self, at: int) -> Entry:
        return Entry(
            id=int(self._ids[at]),
            version=EPOCH + timedelta(microseconds=int(self._versions[at])),
            gone=bool(self._gone[at]),
            bare=bool(self._bare[at]),
            points_to=self._rows["points_to"][at].as_py(),
            replaces=self._rows["replaces"][at].as_py(),
        )
