"""What people see: tables and sentences on stdout, progress on stderr, or one JSON object."""

import json
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from connector.pipeline import Watcher
from connector.pipeline.options import Nobody

out = Console(markup=False, highlight=False, emoji=False, soft_wrap=True, width=None if sys.stdout.isatty() else 160)


_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str) -> str:
    """`text` with what a terminal obeys (escapes, marks that turn text around) and cannot print spelt out: names and
    titles come from customers."""
    return _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def print_json(value: Any) -> None:
    """One JSON object; times in ISO 8601, decimals as text."""
    print(visible(json.dumps(value, indent=2, ensure_ascii=False, default=_plain)))


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def print_line(value: Any) -> None:
    """One JSON object on one line, at once: whoever started us waits for it."""
    print(json.dumps(value, sort_keys=True), flush=True)


def say(text: str = "") -> None:
    """One line of the result."""
    out.print(visible(text))


def note(text: str) -> None:
    """One line for whoever looks on, where stdout is for a program."""
    print(visible(text), file=sys.stderr)


def heading(text: str) -> None:
    """The start of a part of the result."""
    out.print(f"\n{visible(text)}", style="bold")


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Rows under headings; numbers stand to the right, with thousands apart."""
    shown = Table(box=None, pad_edge=False, header_style="dim")
    for number, name in enumerate(columns):
        right = bool(rows) and all(isinstance(row[number], int) for row in rows)
        shown.add_column(name, justify="right" if right else "left", overflow="fold")
    for row in rows:
        shown.add_row(*[f"{cell:,}" if isinstance(cell, int) else visible(str(cell)) for cell in row])
    out.print(shown, soft_wrap=False)


def moment(value: datetime | None) -> str:
    """A time to the minute, UTC."""
    return f"{value:%Y-%m-%d %H:%M}" if value else "-"


class Bars:
    """A watcher that draws progress: a counter for each stream pulled, a bar for each destination pushed to."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def pulled(self, source: str, stream: str, read: int) -> None:
        """Show how many records were read."""
        self._show(f"pull: {source} {stream}", f"{read:,} read", None, read)

    def entered(self, stage: str) -> None:
        """Show that a stage began."""
        self._show(stage, "", None, 0)

    def pushed(self, destination: str, done: int, total: int) -> None:
        """Show how many batches were delivered."""
        self._show(f"push: {destination}", f"{done:,} of {total:,} batches", total, done)

    def told(self, sentence: str) -> None:
        """Show a sentence above the bars."""
        self._progress.console.print(sentence, markup=False, highlight=False)

    def _show(self, name: str, count: str, total: int | None, done: int) -> None:
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(name, total=total, count=count)
        self._progress.update(self._tasks[name], completed=done, total=total, count=count)


@contextmanager
def watching() -> Iterator[Watcher]:
    """Somebody to tell of progress: bars where a person looks at stderr, else nobody."""
    if not sys.stderr.isatty():
        yield Nobody()
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[count]}"))
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True) as progress:
        yield Bars(progress)
