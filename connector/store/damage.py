"""A SQLite file that is damaged, full or not ours to write: said in words, with the copy that helps."""

import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from connector.errors import Failed, LamplighterError, SetupError

BACKUPS = "backups"
"""Folder of a home with the backups that are taken every day."""
REPLACED = "replaced-"
"""What folders and files are called by, or end in, that a restore set aside."""
NAMED = "lamplighter-*.zip"
"""What a backup is called; by name the newest comes last."""
PRIMARY = 0xFF
"""SQLite's error codes carry details above these bits."""


def backups(home: Path) -> list[Path]:
    """The backups of a home, the oldest first."""
    return sorted((home / BACKUPS).glob(NAMED))


def tell_in_words(engine: sa.Engine) -> None:
    """From now on errors of this engine's file are raised as errors of ours. Nothing of their transaction is kept."""
    path = Path(engine.url.database or "")

    def told(context: sa.engine.ExceptionContext) -> None:
        error = context.original_exception
        if isinstance(error, sqlite3.Error) and (words := in_words(error, path)):
            raise words from None

    sa.event.listen(engine, "handle_error", told)


def in_words(error: sqlite3.Error, path: Path) -> LamplighterError | None:
    """What an error of a store's file means for the admin; None where it is not the file's fault."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return None
    if code & PRIMARY in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return damaged(path)
    if code & PRIMARY in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        return no_room(path.parent)
    if code & PRIMARY in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
        return SetupError(f"the store {path} cannot be written", hint="give --home a folder you may write to")
    return None


def damaged(path: Path) -> SetupError:
    """The store's file is no whole database; says which backup there is."""
    home, found = path.parent, backups(path.parent)
    file = found[-1] if found else "FILE"
    lost = "" if found else f" (there is none in {home / BACKUPS})"
    return SetupError(
        f"the store {path} cannot be opened: the file is damaged. Nothing was written to it",
        hint=f"restore a backup{lost}: lamplighter restore {file} --store-only --replace --home {home}",
    )


def in_restore(path: Path) -> Path:
    """Where a restore makes the store that will stand at `path`."""
    return Path(f"{path}.restoring")


def refuse_in_restore(path: Path) -> None:
    """An empty store is not begun where a restore has set the old one aside and was killed. Raises SetupError."""
    if in_restore(path).exists() and not path.exists():
        raise SetupError(
            f"the store {path} is being restored, or that was broken off; nothing was changed",
            hint=f"restore again: lamplighter restore FILE --store-only --replace --home {path.parent}",
        )


def no_room(folder: Path) -> Failed:
    """What cannot be written there any more."""
    return Failed(
        f"the disk that holds {folder} is full or fails: what was kept before stays kept",
        hint=f"make room there (old files in {BACKUPS}/ are the first to go), then: lamplighter run goes on from here",
    )


def check(engine: sa.Engine) -> None:
    """Look at every page of a SQLite file. Raises SetupError: it is damaged."""
    if engine.dialect.name != "sqlite":
        return
    with engine.connect() as connection:
        (word,) = connection.exec_driver_sql("PRAGMA quick_check(1)").one()
    if word != "ok":
        raise damaged(Path(engine.url.database or ""))


def keep_copy(engine: sa.Engine, revision: str) -> None:
    """Before a SQLite store's schema moves on to `revision`: keep it as it is, for whoever goes back to the code of
    before."""
    path = Path(engine.url.database or "")
    copy = path.with_name(f"{path.name}.before-{revision}")
    if engine.dialect.name != "sqlite" or copy.exists() or not path.is_file():
        return
    part = copy.with_name(copy.name + ".part")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as there, closing(sqlite3.connect(part)) as here:
        there.backup(here)
    part.replace(copy)


def copies(folder: Path) -> list[Path]:
    """What `keep_copy` left in a folder, the newest last."""
    return sorted(folder.glob("*.before-*[0-9]"))


def forget_copies_before(engine: sa.Engine, before: datetime) -> int:
    """Delete copies of this store that were made earlier than a moment; returns how many these were."""
    old = [path for path in _beside(engine) if path.stat().st_mtime < before.timestamp()]
    for path in old:
        path.unlink()
    return len(old)


def left_behind(engine: sa.Engine) -> list[Path]:
    """Files beside a SQLite store that hold it as it was: of before an upgrade, and set aside by a restore."""
    path = Path(engine.url.database or "")
    aside = path.parent.glob(f"{path.name}.{REPLACED}*Z") if engine.dialect.name == "sqlite" else ()
    return [*_beside(engine), *sorted(aside)]


def _beside(engine: sa.Engine) -> list[Path]:
    return copies(Path(engine.url.database or "").parent) if engine.dialect.name == "sqlite" else []


def newer(engine: sa.Engine) -> SetupError:
    """The store was brought forward by code that is not here any more."""
    path, kept = Path(engine.url.database or ""), _beside(engine)
    back = f"; or go back to the store of before the upgrade: mv {kept[-1]} {path}" if kept else ""
    return SetupError(
        "the store was written by a newer Lamplighter", hint=f"upgrade: pip install --upgrade lamplighter{back}"
    )
