"""Event and catalogue files, one module a kind. Each reads on where it stopped; reading again changes nothing."""

from importlib import import_module
from pathlib import Path

from connector.ports import EventSource

__all__ = ["build"]


def build(kind: str, name: str, path: Path, mapping: str, home: Path | None) -> EventSource:
    """The source of one entry under `sources:`.

    Args:
        kind: a module of this package (`segment`, `ad_log`, `catalogue`).
        name: what cursors, books and rejected rows are kept under.
        mapping: name of its mapping file; empty: the one called like the kind.

    Raises:
        SetupError: the mapping is wrong, with file, line and field.
    """
    source: EventSource = import_module(f"connector.events.{kind}").source(name, path, mapping, home)
    return source
