"""The way back: a home that is empty, or is set aside first, becomes what it was when the backup was taken."""

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from connector import settings
from connector.backup.archive import HOME, STORE, WAREHOUSE, Manifest, Reader, reading
from connector.backup.taking import take
from connector.erase.journal import FILE as ERASURES
from connector.errors import LamplighterError, RetryLater, SetupError
from connector.home import connected
from connector.store import dump, leases, open_store
from connector.store.damage import BACKUPS

REPLACED = "replaced-"
"""Folders of a home with what a restore replaced."""
STAY = (BACKUPS, ERASURES)
"""In a home that is replaced; so do older `REPLACED` folders."""


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What was restored.

    Attributes:
        aside: where what stood there before is now; None where nothing did.
        with_warehouse: the warehouse came from the backup too.
    """

    manifest: Manifest
    aside: Path | None
    with_warehouse: bool


def restore(file: Path, home: Path, *, replace: bool = False, store_only: bool = False) -> Restored:
    """Make a home what it was.

    Args:
        replace: what stands there is set aside first.
        store_only: settings, mappings and warehouse of the home stay as they are.

    Raises:
        SetupError: the backup is damaged, or something stands there and may not be replaced; nothing was changed.
        RetryLater: somebody is at work on this home.
    """
    with reading(file) as found:
        _refuse_or_go(home, replace=replace, store_only=store_only)
        chosen = settings.load(home) if store_only else _told_by(found)
        aside = home / f"{REPLACED}{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        for url in {chosen.store_url(home), *_url_before(home)}:
            _look_at(url, home, chosen, aside, replace=replace)
        if not store_only:
            _set_aside(aside, _standing(home))
            _unpack(found, HOME, home)
        _restore_store(found, chosen, chosen.store_url(home), aside)
        with_warehouse = found.manifest.with_warehouse and not store_only
        if with_warehouse:
            _unpack(found, WAREHOUSE, chosen.warehouse_path(home))
        kept = aside if aside.exists() else None
        return Restored(manifest=found.manifest, aside=kept, with_warehouse=with_warehouse)


def _told_by(found: Reader) -> settings.Settings:
    """The settings that are in a backup."""
    with tempfile.TemporaryDirectory() as folder:
        _unpack(found, HOME, Path(folder))
        return settings.load(Path(folder))


def _url_before(home: Path) -> list[str]:
    """Where the store of the home is that stands there, as far as that can be told."""
    try:
        return [settings.load(home).store_url(home)]
    except SetupError:
        return []


def _standing(home: Path) -> list[Path]:
    """What a restore would replace."""
    there = sorted(home.iterdir()) if home.is_dir() else []
    return [path for path in there if path.name not in STAY and not path.name.startswith(REPLACED)]


def _refuse_or_go(home: Path, *, replace: bool, store_only: bool) -> None:
    if store_only and not (home / settings.FILE).is_file():
        raise SetupError(f"there is no {home / settings.FILE}", hint="leave --store-only out to restore settings too")
    if _standing(home) and not store_only and not replace:
        raise SetupError(
            f"{home} is not empty; nothing was changed",
            hint="name an empty folder, or add --replace: what stands there is set aside, not deleted",
        )


def _look_at(url: str, home: Path, chosen: settings.Settings, aside: Path, *, replace: bool) -> None:
    """Nobody is at work on a store that is to be replaced. What is in a database is kept as a backup; a file is set
    aside as it is, whole or damaged."""
    file = _file(url)
    if file is not None and not file.exists():
        return
    try:
        standing = open_store(url)
    except LamplighterError:
        if file is None:
            raise
        _refuse_used(replace=replace)
        return
    try:
        if holders := leases.holders(standing):
            raise RetryLater(
                f"another process ({holders[0].holder}) is at work on this home; nothing was changed",
                hint="stop it, then restore again",
            )
        if dump.is_used(standing):
            _refuse_used(replace=replace)
            if file is None:
                aside.mkdir(parents=True, exist_ok=True)
                take(home, chosen, standing, aside)
    finally:
        standing.close()


def _refuse_used(*, replace: bool) -> None:
    if not replace:
        raise SetupError(
            "there is a store already; nothing was changed", hint="add --replace: the store that stands there is kept"
        )


def _set_aside(aside: Path, paths: Iterable[Path]) -> None:
    for path in paths:
        if path.exists():
            aside.mkdir(parents=True, exist_ok=True)
            path.rename(aside / path.name)


def _unpack(found: Reader, under: str, folder: Path) -> None:
    """Files of an archive. Whom we forgot since the backup stays forgotten: that file only grows.

    Raises SetupError: the archive leads out of the folder.
    """
    for name in found.names(under):
        path = folder / name.removeprefix(under)
        if not path.resolve().is_relative_to(folder.resolve()):
            raise SetupError("the backup names a file outside of its folder", hint="take another backup")
        if path.name != ERASURES or not path.exists():
            found.unpack(name, path)


def _restore_store(found: Reader, chosen: settings.Settings, url: str, aside: Path) -> None:
    told = found.manifest
    tables = {name.removeprefix(STORE).removesuffix(".ndjson"): found.rows(name) for name in found.names(STORE)}
    outdated = dict.fromkeys(_destinations(chosen), told.moment)
    file = _file(url)
    if file is None:
        dump.load(url, told.revision, tables, outdated)
        return
    fresh = file.with_name(f"{file.name}.restoring")
    for path in _with_logs(fresh):
        path.unlink(missing_ok=True)
    dump.load(f"sqlite:///{fresh}", told.revision, tables, outdated)
    _set_aside(aside, _with_logs(file))
    fresh.rename(file)


def _file(url: str) -> Path | None:
    """The file of a SQLite store."""
    parsed = sa.make_url(url)
    return Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None


def _with_logs(file: Path) -> list[Path]:
    return [file, *(file.with_name(file.name + end) for end in ("-wal", "-shm"))]


def _destinations(chosen: settings.Settings) -> list[str]:
    """Everybody we tell of persons, and who may know more than a restored store."""
    ads = [name for name in ("google", "meta") if getattr(chosen.ads, name) is not None]
    return [*connected(chosen), *ads, *(part.name for part in chosen.ads.files)]
