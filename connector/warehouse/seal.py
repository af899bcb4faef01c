"""What the warehouse was when it was last left well: the run that wrote it, and sizes and check sums of its files.

Parquet as Delta writes it carries no check sums, and a log whose newest entries are gone reads as an older table. Held
against the seal, both are seen.
"""

import json
import os
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable

from connector import turn
from connector.schema import TABLES

FILE = ".seal"
MARKS = (FILE, ".erased")
"""Files beside the tables."""
LOG_FOLDER = "_delta_log"
CHUNK = 1 << 20

Sums = Mapping[str, list[int]]
"""File -> its size and CRC-32."""


@dataclass(frozen=True, kw_only=True)
class Sealed:
    """One table.

    Attributes:
        version: of its log.
        log, files: of that version.
    """

    version: int
    log: Sums
    files: Sums


@dataclass(frozen=True, kw_only=True)
class Seal:
    """The warehouse.

    Attributes:
        run: the last run that wrote it, or began to; None where nobody says so.
        suspect: a run ended in a way that only damage explains; every file is to be looked at.
    """

    run: int | None = None
    suspect: bool = False
    tables: Mapping[str, Sealed] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """How much there is to look at."""
        return sum(size for table in self.tables.values() for size, _ in table.files.values())


def read(root: Path) -> Seal:
    """The seal of a warehouse; an empty one where there is none, or none that can be read."""
    try:
        told = json.loads((root / FILE).read_text("utf-8"))
        return Seal(**{**told, "tables": {name: Sealed(**each) for name, each in told["tables"].items()}})
    except (OSError, ValueError, KeyError, TypeError):
        return Seal()


def write(root: Path, seal: Seal) -> None:
    """Keep a seal; the old one or the new one stands, whatever happens."""
    part = root / f"{FILE}.part"
    with part.open("w", encoding="utf-8") as file:
        json.dump(asdict(seal), file, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    turn.check()
    part.replace(root / FILE)


def enter(root: Path, run: int) -> None:
    """From here on a run writes the warehouse."""
    write(root, replace(read(root), run=run))


def suspect(root: Path) -> None:
    """Let the next run look at every file."""
    write(root, replace(read(root), suspect=True))


def renew(root: Path) -> None:
    """Seal the warehouse as it is. Reads the files that are new since the last seal."""
    before = read(root)
    tables = {name: _sealed(root / name, before.tables.get(name)) for name in present(root)}
    fresh = replace(before, suspect=False, tables=tables)
    if fresh != before:
        write(root, fresh)


def present(root: Path) -> list[str]:
    """The tables that are there."""
    return [
        name for name in TABLES if (root / name / LOG_FOLDER).is_dir() and DeltaTable.is_deltatable(str(root / name))
    ]


def active(table: DeltaTable) -> dict[str, dict[str, Any]]:
    """File -> what the log says of it (`size_bytes`, `num_records`), of an opened version."""
    rows = pa.table(table.get_add_actions(flatten=True)).to_pylist()
    return {row["path"]: row for row in rows}


def _sealed(folder: Path, before: Sealed | None) -> Sealed:
    log = sorted(log_of(folder))
    if before is not None and log == sorted(before.log):
        return before
    table = DeltaTable(str(folder))
    known: Sums = before.files if before else {}
    names = {f"{LOG_FOLDER}/{name}": name for name in log if _number(name) <= table.version()}
    return Sealed(
        version=table.version(),
        log={name: (before.log.get(name) if before else None) or sums(folder / path) for path, name in names.items()},
        files={name: known.get(name) or sums(folder / name) for name in sorted(active(table))},
    )


def log_of(folder: Path) -> Iterator[str]:
    """Entries and checkpoints of a log, by name."""
    return (path.name for path in (folder / LOG_FOLDER).iterdir() if path.name[:1].isdigit())


def _number(name: str) -> int:
    return int(name.partition(".")[0])


def sums(path: Path) -> list[int]:
    """Size and CRC-32 of a file."""
    size = found = 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            size, found = size + len(chunk), zlib.crc32(chunk, found)
    return [size, found]
