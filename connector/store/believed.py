"""The figures of the last run that was believed: what guards compare the next ones with."""

from collections.abc import Mapping
from typing import Any

from connector.store.database import Store, upsert
from connector.store.tables import believed


def load(store: Store, name: str) -> tuple[int, Mapping[str, Any]] | None:
    """The run and its figures; None before the first."""
    found = store.rows(believed.select().where(believed.c.name == name))
    return (found[0].run, dict(found[0].value)) if found else None


def save(store: Store, name: str, run: int, value: Mapping[str, Any]) -> None:
    """These are believed from now on."""
    with store.begin() as connection:
        upsert(connection, believed, [{"name": name, "run": run, "value": dict(value)}])
