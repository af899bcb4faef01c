"""Copies of a home as it was, which no erasure changes: whoever is in them is erased again after a restore."""

from connector.home import Home
from connector.store.damage import REPLACED, backups, left_behind


def untouched(home: Home) -> list[str]:
    """Backups in the home, copies of the store of before an upgrade, and what restores set aside; from the home where
    they are in it, else by name alone."""
    aside = (path for root in (home.path, home.warehouse.root) for path in sorted(root.glob(f"{REPLACED}*")))
    root = home.path.resolve()
    found = [path.resolve() for path in (*backups(home.path), *left_behind(home.store.engine), *aside)]
    return [str(path.relative_to(root)) if path.is_relative_to(root) else path.name for path in found]
