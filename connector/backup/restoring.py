"""The way back: a home that is empty, or is set aside first, becomes what it was when the backup was taken."""

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from connector import settings
from connector.backup.archive import HOME, STORE, WAREHOUSE, WORDS, Manifest, Reader, reading
from connector.backup.taking import take
from connector.erase.journal import FILE as ERASURES
from connector.errors import LamplighterError, RetryLater, SetupError
from connector.events.inbox import FOLDER as INBOX
from connector.home import connected
from connector.schema import TABLES
from connector.store import dump, leases, open_store
from connector.store.damage import BACKUPS, REPLACED, in_restore
from connector.store.database import file_of
from connector.warehouse.damage import ANEW
from connector.warehouse.seal import MARKS

SETTINGS = f"{HOME}{settings.FILE}"
STAY = (BACKUPS, ERASURES, INBOX)
"""In a home that is replaced; so do older `REPLACED` folders. What was collected since the backup is news to it, and
may be an objection."""


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What was restored.

    Attributes:
        aside: where what stood there before is now; None where nothing did.
        beside: the same of a store or warehouse that is not in the home.
        with_warehouse: the warehouse came from the backup too.
    """

    manifest: Manifest
    aside: Path | None
    beside: Sequence[Path]
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
        aside = home / f"{REPLACED}{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}"
        warehouse = chosen.warehouse_path(home) if found.manifest.with_warehouse and not store_only else None
        if warehouse and not replace and any(path.exists() for path in _tables(warehouse)):
            raise _used("warehouse")
        for url in {chosen.store_url(home), *_url_before(home)}:
            _look_at(url, home, chosen, aside, replace=replace)
        if not store_only:
            _set_aside(aside, _standing(home))
            _unpack(found, HOME, home, but=SETTINGS)
        beside = _restore_store(found, chosen, chosen.store_url(home), aside)
        if warehouse:
            beside += _set_aside(warehouse / aside.name, _tables(warehouse))
            _unpack(found, WAREHOUSE, warehouse)
        elif not any(path.exists() for path in _tables(chosen.warehouse_path(home))):
            _unpack(found, WORDS, chosen.warehouse_path(home))
        if not store_only:
            _unpack_settings(found, home)
        kept = aside if aside.exists() else None
        return Restored(manifest=found.manifest, aside=kept, beside=beside, with_warehouse=warehouse is not None)


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


def _tables(warehouse: Path) -> list[Path]:
    """What is a warehouse in a folder, whatever else is there."""
    return [warehouse / name for name in (*MARKS, ANEW, *TABLES)]


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
    file = file_of(url)
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
        raise _used("store")


def _used(what: str) -> SetupError:
    return SetupError(
        f"there is a {what} already; nothing was changed", hint=f"add --replace: the {what} that stands there is kept"
    )


def _set_aside(aside: Path, paths: Iterable[Path]) -> list[Path]:
    """Returns the folder, where it was needed."""
    there = [path for path in paths if path.exists()]
    for path in there:
        aside.mkdir(parents=True, exist_ok=True)
        path.rename(aside / path.name)
    return [aside] if there else []


def _set_store_aside(aside: Path, file: Path) -> list[Path]:
    """With its logs. Outside of the home may be another file system: there it stays next to where it stood, and what it
    is called is returned."""
    if file.parent.resolve() == aside.parent.resolve():
        _set_aside(aside, _with_logs(file))
        return []
    beside = file.with_name(f"{file.name}.{aside.name}")
    for path, kept in zip(_with_logs(file), _with_logs(beside), strict=True):
        if path.exists():
            path.rename(kept)
    return [beside] if beside.exists() else []


def _unpack(found: Reader, under: str, folder: Path, *, but: str = "") -> None:
    """Files of an archive. Whom we forgot since the backup stays forgotten: that file only grows.

    Raises SetupError: the archive leads out of the folder.
    """
    for name in [name for name in found.names(under) if name != but]:
        path = folder / name.removeprefix(under)
        if not path.resolve().is_relative_to(folder.resolve()):
            raise SetupError("the backup names a file outside of its folder", hint="take another backup")
        if path.name != ERASURES or not path.exists():
            found.unpack(name, path)


def _unpack_settings(found: Reader, home: Path) -> None:
    """Last, and at once: without them nobody takes for new what a killed restore has left half done."""
    if SETTINGS in found.manifest.parts:
        part = home / f"{settings.FILE}.part"
        found.unpack(SETTINGS, part)
        part.replace(home / settings.FILE)


def _restore_store(found: Reader, chosen: settings.Settings, url: str, aside: Path) -> list[Path]:
    """Returns where the store is now that stood there, unless that is in `aside`."""
    told = found.manifest
    tables = {name.removeprefix(STORE).removesuffix(".ndjson"): found.rows(name) for name in found.names(STORE)}
    outdated = dict.fromkeys(_destinations(chosen), told.moment)
    file = file_of(url)
    if file is None:
        dump.load(url, told.revision, tables, outdated)
        return []
    fresh = in_restore(file)  # while it is there, and the file is not, nobody begins an empty store
    for path in _with_logs(fresh):
        path.unlink(missing_ok=True)
    dump.load(f"sqlite:///{fresh}", told.revision, tables, outdated)
    beside = _set_store_aside(aside, file)
    fresh.rename(file)
    return beside


def _with_logs(file: Path) -> list[Path]:
    return [file, *(file.with_name(file.name + end) for end in ("-wal", "-shm"))]


def _destinations(chosen: settings.Settings) -> list[str]:
    """Everybody we tell of persons, and who may know more than a restored store."""
    ads = [name for name in ("google", "meta") if getattr(chosen.ads, name) is not None]
    return [*connected(chosen), *ads, *(part.name for part in chosen.ads.files)]
