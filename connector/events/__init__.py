"""Sources of events, ads and products, one module a kind. Each reads on where it stopped; again changes nothing."""

from collections.abc import Set
from importlib import import_module
from pathlib import Path

from connector.events import segment
from connector.ports import EventSource

__all__ = ["build", "build_sql"]


def build(
    kind: str, name: str, path: Path, mapping: str, home: Path | None, tcf_vendors: Set[int] = frozenset()
) -> EventSource:
    """The source of one entry under `sources:`.

    Args:
        kind: a module of this package (`segment`, `ga4`, `catalogue`...).
        name: what cursors, books and rejected rows are kept under.
        path: a file, or a folder of files.
        mapping: name of its mapping file; empty: the one called like the kind.
        tcf_vendors: without consent to all of them a TC string in an event is a no.

    Raises:
        SetupError: the mapping is wrong, with file, line and field.
    """
    if kind == "segment":
        return segment.source(name, path, mapping, tcf_vendors)
    source: EventSource = import_module(f"connector.events.{kind}").source(name, path, mapping, home)
    return source


def build_sql(name: str, url: str, table: str, growing: str, mapping: str, home: Path | None) -> EventSource:
    """The source of one entry of kind `sql`; see `connector.events.sql.source`.

    Raises:
        SetupError: the mapping or the URL is wrong.
    """
    from connector.events import sql  # SQLAlchemy's drivers are loaded for those who need one

    return sql.source(name, url, table, growing, mapping, home)
