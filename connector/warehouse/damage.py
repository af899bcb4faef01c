"""Tables that are damaged: found by their seal, saved as far as they can be read, and set aside."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import DeltaError

from connector.errors import Failed
from connector.schema import SEEN, TABLES
from connector.warehouse import seal
from connector.warehouse.seal import LOG_FOLDER, Sealed
from connector.warehouse.tables import LOG

SMALL = 256 << 20
"""Bytes of a warehouse that is looked at whole before every pass; a larger one when everybody is decided anyway."""
ASIDE, ANEW = ".damaged", ".rebuilt"
"""Folders beside the tables: what was set aside, and what is being saved."""
KEPT = timedelta(days=30)
"""How long what was set aside stays."""
UNREADABLE = (DeltaError, duckdb.Error, OSError, ValueError)


@dataclass(frozen=True, kw_only=True)
class Damage:
    """What is wrong with one table.

    Attributes:
        why: in words.
        whole: its files that are as they were sealed, or can be read.
        lost: rows of the others, as far as the log tells.
    """

    table: str
    why: str
    whole: Sequence[str] = ()
    lost: int | None = None


def find(root: Path, *, everything: bool) -> list[Damage]:
    """The tables that are not as they were left. Costs a look at names and sizes; `everything`: reads each file."""
    sealed = seal.read(root)
    names = sorted({*sealed.tables, *seal.present(root), *_left_in_mid_rebuild(root)} & TABLES.keys())
    looked = (_look(root / name, sealed.tables.get(name), everything=everything) for name in names)
    return [each for each in looked if each]


def _left_in_mid_rebuild(root: Path) -> list[str]:
    """Tables that were saved whole and set aside by a rebuild that was killed before it put them in their place."""
    return [name for name in seal.present(root / ANEW) if not (root / name).exists()]


def _look(folder: Path, sealed: Sealed | None, *, everything: bool) -> Damage | None:
    if sealed is not None and _as_left(folder, sealed) and (not everything or _untouched(folder, sealed)):
        return None
    try:
        table = DeltaTable(str(folder))
        files = seal.active(table)
    except UNREADABLE:
        known = sealed.files if sealed else {}
        why = "its log cannot be read" if folder.is_dir() else "it is missing"
        return Damage(table=folder.name, why=why, whole=_whole(folder, known, known))
    whole = _whole(folder, {name: [add["size_bytes"], None] for name, add in files.items()}, sealed and sealed.files)
    lost = files.keys() - set(whole)
    if lost:
        gone = sum(files[name]["num_records"] or 0 for name in lost)
        why = f"{len(lost)} of its {len(files)} files are damaged or missing"
        return Damage(table=folder.name, why=why, whole=whole, lost=gone)
    if sealed is not None and (table.version() < sealed.version or not _log_whole(folder, sealed)):
        whole = _whole(folder, sealed.files, sealed.files)
        return Damage(table=folder.name, why="entries of its log are damaged or missing", whole=whole)
    return None


def _as_left(folder: Path, sealed: Sealed) -> bool:
    """Whether every file of a seal is there in its size: nothing was lost, whatever came after."""
    found = [(folder / LOG_FOLDER / name, size) for name, (size, _) in sealed.log.items()]
    found += [(folder / name, size) for name, (size, _) in sealed.files.items()]
    return all(path.is_file() and path.stat().st_size == size for path, size in found)


def _untouched(folder: Path, sealed: Sealed) -> bool:
    """Whether nothing came after a seal, and every file is what it was, to the bit."""
    files = {**sealed.files, **{f"{LOG_FOLDER}/{name}": told for name, told in sealed.log.items()}}
    same = sorted(seal.log_of(folder)) == sorted(sealed.log)
    return same and all(seal.sums(folder / name) == list(told) for name, told in files.items())


def _log_whole(folder: Path, sealed: Sealed) -> bool:
    """Whether the log's entries that are still there are as they were; older ones may have been tidied away."""
    there = {name: told for name, told in sealed.log.items() if (folder / LOG_FOLDER / name).is_file()}
    return all(seal.sums(folder / LOG_FOLDER / name) == list(told) for name, told in there.items())


def _whole(folder: Path, files: Any, known: Any) -> list[str]:
    """Those of some files that have their size, and their check sum or at least a form that can be read."""
    return [name for name, (size, _) in files.items() if _is_whole(folder / name, size, (known or {}).get(name))]


def _is_whole(path: Path, size: int, known: Sequence[int] | None) -> bool:
    if not path.is_file() or path.stat().st_size != size:
        return False
    if known is not None:
        return seal.sums(path) == list(known)
    try:
        for _ in pq.ParquetFile(path).iter_batches():
            pass
    except (pa.ArrowException, OSError):
        return False
    return True


def told(found: Sequence[Damage]) -> Failed:
    """Damages as an error of ours."""
    named = ", ".join(f"{each.table} ({each.why})" for each in found)
    return Failed(
        f"the warehouse is damaged: {named}. What was kept before stays kept", hint="lamplighter run builds it again"
    )


@contextmanager
def explained(root: Path) -> Iterator[None]:
    """Whoever cannot read a damaged warehouse in the block hears which table it is."""
    try:
        yield
    except UNREADABLE as error:
        if found := find(root, everything=True):
            raise told(found) from error
        raise


def rebuild(root: Path, found: Damage) -> Path | None:
    """Put what can be read of a seen table into a new one, and set the damaged one aside; returns where that is.

    Derived tables are made anew by the next pass: nothing of them is kept. May be repeated after a kill.
    """
    if found.table not in _left_in_mid_rebuild(root):
        _save(root, found)
    aside = _set_aside(root, found.table)
    _unseal(root, found.table)  # while nothing stands there: held against the old seal what was saved reads as damaged
    anew = root / ANEW / found.table
    if anew.exists():
        anew.rename(root / found.table)
    return aside


def _save(root: Path, found: Damage) -> None:
    anew = root / ANEW / found.table
    shutil.rmtree(anew, ignore_errors=True)
    for name in found.whole if found.table in SEEN else ():
        rows = pq.read_table(root / found.table / name, partitioning=None)
        write_deltalake(str(anew), rows, mode="append", schema_mode="merge", configuration=LOG)


def _unseal(root: Path, table: str) -> None:
    current = seal.read(root)
    seal.write(root, replace(current, tables={name: each for name, each in current.tables.items() if name != table}))


def _set_aside(root: Path, table: str) -> Path | None:
    """Where the damaged table is now, also where a rebuild that was killed has put it."""
    folder = root / table
    if not folder.exists():
        return max((root / ASIDE).glob(f"{table}-*"), default=None) if table in _left_in_mid_rebuild(root) else None
    if table not in SEEN:
        shutil.rmtree(folder)
        return None
    aside = root / ASIDE / f"{table}-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}"
    aside.parent.mkdir(exist_ok=True)
    folder.rename(aside)
    return aside


def forget_set_aside(root: Path, *, before: datetime | None = None) -> None:
    """Delete what was set aside, or what was before a moment."""
    for folder in _aside(root):
        if before is None or datetime.fromtimestamp(folder.stat().st_mtime, UTC) < before:
            shutil.rmtree(folder)


def _aside(root: Path) -> Iterator[Path]:
    return (root / ASIDE).glob("*")
