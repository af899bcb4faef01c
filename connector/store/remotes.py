"""What we created at a destination, by our own names: list ids, the folder, the property group."""

from collections.abc import Mapping

from connector.store.database import Store, upsert
from connector.store.tables import remote

LABEL = "label"
"""Kind of what our audiences at an ad platform are called, also while no group wants them any more."""


class Remembered:
    """The ids of one destination. What stands here is ours; everything else is not."""

    def __init__(self, store: Store, destination: str) -> None:
        self._store = store
        self._destination = destination

    def get(self, kind: str, name: str) -> str | None:
        """The remote id of our object, or None if we never made it or it is gone."""
        return self.all(kind).get(name)

    def put(self, kind: str, name: str, remote_id: str) -> None:
        """Remember an object we have just made or found to be ours; the empty text forgets it."""
        self.change(name, {kind: remote_id})

    def change(self, name: str, texts: Mapping[str, str]) -> None:
        """The same of several kinds (kind -> remote id) in one transaction."""
        rows = [
            {"destination": self._destination, "kind": kind, "name": name, "remote_id": text}
            for kind, text in texts.items()
        ]
        with self._store.begin() as connection:
            upsert(connection, remote, rows)

    def all(self, kind: str) -> dict[str, str]:
        """Every object of a kind: name -> remote id."""
        query = remote.select().where(remote.c.destination == self._destination, remote.c.kind == kind)
        return {row.name: row.remote_id for row in self._store.rows(query) if row.remote_id}
