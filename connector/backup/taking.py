"""Taking a backup while the install is at work: one moment of the store, and the files that an admin wrote."""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from deltalake import DeltaTable

from connector import settings
from connector.backup.archive import (
    FORMAT,
    HOME,
    STORE,
    WAREHOUSE,
    WORDS,
    Manifest,
    Writer,
    file_in,
    put_manifest,
    writing,
)
from connector.erase.journal import FILE as ERASURES
from connector.errors import RetryLater
from connector.store import Store, dump
from connector.warehouse.seal import LOG_FOLDER, MARKS, active, present

PASSWORD = re.compile(rb"(://[^:/@\s\"']*):[^@/\s\"']+@")
"""In a URL; a backup holds no secret."""
WRITTEN = (settings.FILE, ERASURES)
"""Files of the home that are part of a backup, with everything in `mappings`."""
SAID = ("consent", "identity_link")
"""Tables of the warehouse that are part of every backup: an objection must not be forgotten with an event that no
source holds any more, nor whose browser made it."""


def take(
    home: Path, chosen: settings.Settings, store: Store, target: Path, *, with_warehouse: bool = False
) -> tuple[Path, Manifest]:
    """Write a backup; returns its file and what that says of itself.

    Args:
        target: a file that ends in `.zip`, or a folder.

    Raises:
        SetupError: it cannot be written there, or the store is damaged.
        RetryLater: the warehouse was tidied while it was copied.
    """
    taken_at = datetime.now(UTC)
    path = file_in(target, taken_at)
    with writing(path) as writer:
        revision, run = _copy_store(writer, store)
        for file in _written(home):
            _copy_written(writer, f"{HOME}{file.relative_to(home)}", file)
        # after the store: what the warehouse has more than the store knows is seen, and harms nothing
        (_copy_warehouse if with_warehouse else _copy_words)(writer, chosen.warehouse_path(home))
        parts = dict(writer.parts)
        manifest = Manifest(format=FORMAT, taken_at=taken_at.isoformat(), revision=revision, run=run, parts=parts)
        put_manifest(writer, manifest)
    return path, manifest


def _copy_store(writer: Writer, store: Store) -> tuple[str, int]:
    """Every table as of one moment; returns the schema's revision and the newest run."""
    with dump.snapshot(store) as found:
        for table in dump.table_names():
            with writer.part(f"{STORE}{table}.ndjson") as out:
                for row in found.rows(table):
                    out.write((json.dumps(row, sort_keys=True) + "\n").encode())
        return found.revision, found.run


def _written(home: Path) -> Iterator[Path]:
    """What an admin wrote, and the hashes of whom we forgot."""
    yield from (home / name for name in WRITTEN if (home / name).is_file())
    yield from sorted(path for path in (home / "mappings").rglob("*") if path.is_file())


def _copy_written(writer: Writer, name: str, path: Path) -> None:
    with writer.part(name) as out:
        out.write(PASSWORD.sub(rb"\1:redacted@", path.read_bytes()))


def _copy_warehouse(writer: Writer, root: Path) -> None:
    for path in (root / name for name in MARKS if (root / name).exists()):
        writer.copy(f"{WAREHOUSE}{path.name}", path)
    _copy_tables(writer, WAREHOUSE, root, present(root))


def _copy_words(writer: Writer, root: Path) -> None:
    """Without the marks: who restores this has no warehouse, and reads every source again."""
    _copy_tables(writer, WORDS, root, [table for table in present(root) if table in SAID])


def _copy_tables(writer: Writer, under: str, root: Path, tables: Sequence[str]) -> None:
    """Each as of one version: files never change, and stay for a while after nobody needs them any more."""
    try:
        for path in (path for table in tables for path in _files(root / table)):
            writer.copy(f"{under}{path.relative_to(root)}", path, packed=path.suffix != ".parquet")
    except FileNotFoundError:
        raise RetryLater("the warehouse was tidied while it was copied", hint="lamplighter backup, again") from None


def _files(folder: Path) -> Iterator[Path]:
    """The log and the files of one version. Not the hint at the last checkpoint: it may speak of a later one."""
    table = DeltaTable(str(folder))
    for path in sorted((folder / LOG_FOLDER).iterdir()):
        number = path.name.partition(".")[0]
        if number.isdigit() and int(number) <= table.version():
            yield path
    yield from (folder / name for name in sorted(active(table)))
