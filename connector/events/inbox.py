"""What the collector took in: NDJSON files in one folder of the home, each begun by one process and never rewritten.

A process that is killed leaves half a line at the end of its file. Nobody was told that the event is kept, and whoever
sent it sends it again: such a line is passed over.
"""

from collections.abc import Iterator, Set
from datetime import UTC, datetime
from functools import partial
from io import BufferedReader
from pathlib import Path

from connector.events import json_lines
from connector.events.contents import Contents
from connector.events.event import EventFile
from connector.events.files import Line, Place, glance, modified
from connector.events.segment import read
from connector.model import Batch, Cursor
from connector.ports import Known

FOLDER = "inbox"
NAME = "collect:inbox"
"""Of the source: no source of the settings can have it."""


class Inbox(EventFile):
    """The collector's files as a source; none of them is no news. For `tcf_vendors` see `consent_signals.said`."""

    def __init__(self, home: Path, tcf_vendors: Set[int] = frozenset()) -> None:
        super().__init__(NAME, home / FOLDER, partial(read, tcf_vendors=tcf_vendors), _whole)

    def pull(self, stream: str, cursor: Cursor | None, known: Known) -> Iterator[Batch]:
        """As of any event files; before the first event there is no folder."""
        return super().pull(stream, cursor, known) if self.path.is_dir() else iter(())


def _whole(name: str, file: BufferedReader) -> Contents:
    return Contents(rows=partial(_whole_lines, name, file))


def _whole_lines(name: str, file: BufferedReader, place: Place) -> Iterator[Line]:
    return (line for line in json_lines.objects(name, file, place) if line.whole)


def used_up(home: Path, cursor: Cursor | None, before: datetime) -> list[Path]:
    """Files that were read to their end and not written since `before`.

    Args:
        cursor: where the source stands.
    """
    places = {str(label): Place.of(place) for label, place in (cursor or {}).get("files", {}).items()}
    return [path for label, place in places.items() if _is_used_up(path := home / FOLDER / label, place, before)]


def _is_used_up(path: Path, place: Place, before: datetime) -> bool:
    now = glance(path)
    return path.is_file() and place.done and place.same_file(now) and modified(now) < before.astimezone(UTC)
