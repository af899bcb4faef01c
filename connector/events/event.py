"""One event of a source whose spec fixes all names, and the rows that a batch of them makes.

A new such source says what one record tells (`Reader`); counting, rejecting and linking are done here.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from io import BufferedReader
from pathlib import Path
from typing import Any

import pyarrow as pa

from connector.errors import SetupError
from connector.events.consent_signals import Consents, Said
from connector.events.contents import Contents, ndjson
from connector.events.files import Line, Place
from connector.events.links import Links
from connector.events.reading import Drawn, Layout, Settled, nothing_settled, pull_path, rejection
from connector.events.values import Unusable
from connector.model import Batch, Cursor, Rejection
from connector.ports import Known
from connector.schema import SEEN

_INTERACTION = SEEN["interaction"]


@dataclass(frozen=True, kw_only=True)
class Event:
    """What one record tells.

    Attributes:
        at: when it happened.
        received: when the source had it.
        who: identifier type -> value in one spelling; the first one names the interaction.
        tied: groups of identifiers that belong together.
        kind: of interaction; empty where it is none, and only ties.
        items: (key, product id or None) of each product; each counts as a record.
        numbered: items are told apart by their numbers in messages.
        missing: what is said of an item without a product id.
        key: the record's own, under which `said` is kept.
        said: what it says about consent to ads; needs `key` and somebody in `who`.
        problem: why it is no interaction although it should be one; what it ties is kept all the same.
    """

    at: datetime
    who: Mapping[str, str]
    tied: Sequence[Mapping[str, str]] = ()
    kind: str = ""
    items: Sequence[tuple[str, str | None]] = ()
    numbered: bool = False
    missing: str = "product_id missing"
    received: datetime | None = None
    campaign: str | None = None
    consent: bool | None = None
    key: str = ""
    said: Said | None = None
    problem: str = ""


Reader = Callable[[Line], Event | None]
"""Takes a line with its `record`; None: it is of no use. Raises Unusable where it should have been."""
Look = Callable[[str, BufferedReader], Contents]
"""Takes the name of a source and an opened file; finds its records."""


class EventFile:
    """One file of events, or a folder of them. Keeps the promises of EventSource."""

    def __init__(
        self, name: str, path: Path, read: Reader, look: Look = ndjson, settled: Settled = nothing_settled
    ) -> None:
        self.name = name
        self.path = path
        self._read = read
        self._look = look
        self._settled = settled

    def streams(self) -> Sequence[str]:
        return ("interaction",)

    def pull(self, stream: str, cursor: Cursor | None, known: Known) -> Iterator[Batch]:
        """Interactions and identity links of everything behind `cursor`; see EventSource and `reading`."""
        return pull_path(self.name, self.path, cursor, self._begin, self._settled)

    def _begin(self, file: BufferedReader, now: Place, label: str) -> Layout:
        found = self._look(self.name, file)
        draw = partial(_draw, self.name, label, self._read)
        return Layout(stream="interaction", rows=found.rows, draw=draw, grows=found.grows)


def refuse_mapping(name: str, kind: str, mapping: str) -> None:
    """Raises SetupError where a mapping is named: the spec fixes all names, so it would do nothing."""
    if mapping:
        raise SetupError(
            f"source {name!r}: {kind} files take no mapping", hint="remove `mapping` from it, in lamplighter.yaml"
        )


def _draw(name: str, label: str, read: Reader, lines: Sequence[Line]) -> Drawn:
    draft = _Draft(name, label)
    for line in lines:
        draft.take(line, read)
    return draft.drawn()


class _Draft:
    """Rows of one batch as they come."""

    def __init__(self, name: str, label: str) -> None:
        self.name = name
        self.label = label
        self.read = self.skipped = 0
        self.rows: list[tuple[Any, ...]] = []
        self.links = Links(name)
        self.consents = Consents(name)
        self.rejected: list[Rejection] = []

    def drawn(self) -> Drawn:
        columns = zip(*self.rows, strict=True) if self.rows else [()] * len(_INTERACTION)
        arrays = [pa.array(column, each.type) for column, each in zip(columns, _INTERACTION, strict=True)]
        tables = {"interaction": pa.table(arrays, schema=_INTERACTION), "identity_link": self.links.table()}
        tables["consent"] = self.consents.table()
        return Drawn(tables=tables, read=self.read, skipped=self.skipped, rejected=self.rejected)

    def take(self, line: Line, read: Reader) -> None:
        """One record, whatever it is."""
        try:
            event = read(line)
        except Unusable as problem:
            self._refuse(line, str(problem))
            return
        if event is None:
            self.read += 1
            self.skipped += 1
        else:
            self._enter(event, line)

    def _refuse(self, line: Line, problem: str) -> None:
        self.read += 1
        self.rejected.append(rejection(self.label, "interaction", line, problem))

    def _enter(self, event: Event, line: Line) -> None:
        for each in event.tied:
            self.links.add(each, event.at)
        if event.said:
            self.consents.add(event.said, event.key, event.who, event.at, event.received)
        if event.problem:
            self._refuse(line, event.problem)
        elif event.kind:
            self._interactions(event, line)
        else:
            self.read += 1

    def _interactions(self, event: Event, line: Line) -> None:
        row = (event.received or event.at, self.name, event.kind, *next(iter(event.who.items())))
        rest = (event.at, event.received, event.campaign, None, event.consent)
        for number, (key, product_id) in enumerate(event.items):
            self.read += 1
            if product_id:
                self.rows.append((key, *row, product_id, *rest))
            else:
                bad = rejection(self.label, "interaction", line, event.missing)
                where = f"{bad.reference}#{number}" if event.numbered else bad.reference
                self.rejected.append(replace(bad, reference=where))
