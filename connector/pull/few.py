"""Of rows that could not be used the first of a place are kept one by one, the others counted by their reasons: a file
of another kind, a million lines long, must not fill the store."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from connector.model import Batch, Rejection

MOST = 1_000
"""Rows of a file, or of what else references name before their last colon, that one pull keeps one by one."""
MOST_REASONS = 20
"""Of a batch and a place that are told apart; a reason may quote what it does not like."""
OTHERS = "one of many further reasons"


class Few:
    """Counts over one pull."""

    def __init__(self) -> None:
        self._kept: Counter[tuple[str, str]] = Counter()

    def of(self, batch: Batch) -> Batch:
        """The batch with its rejected rows as they are to be kept."""
        places: dict[tuple[str, str], list[Rejection]] = {}
        for each in batch.rejected:
            places.setdefault((each.stream, each.reference.rpartition(":")[0]), []).append(each)
        return replace(batch, rejected=[each for place, rows in places.items() for each in self._kept_of(place, rows)])

    def _kept_of(self, place: tuple[str, str], rows: Sequence[Rejection]) -> Iterator[Rejection]:
        first = max(MOST - self._kept[place], 0)
        self._kept[place] += len(rows)
        yield from rows[:first]
        yield from _counted(rows[first:])


def _counted(rows: Sequence[Rejection]) -> Iterator[Rejection]:
    """One for each reason, named after the first row that has it: read again, the same rows are the same one."""
    common = {reason for reason, _ in Counter(each.reason for each in rows).most_common(MOST_REASONS)}
    alike: dict[str, list[Rejection]] = {}
    for each in rows:
        alike.setdefault(each.reason if each.reason in common else OTHERS, []).append(each)
    for reason, those in alike.items():
        rows_of = sum(each.rows for each in those)
        yield replace(those[0], reference=f"from {those[0].reference} on", reason=reason, row={}, rows=rows_of)
