"""Parquet files in the home that hold a person: written anew without the rows that name them."""

import json
import os
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from connector.errors import SetupError

MAGIC = b"PAR1"
"""The first bytes of a Parquet file."""
ROWS = 10_000
"""Rows that are looked at at a time."""


def without(path: Path, names: Callable[[str], bool]) -> bool:
    """Write a file anew without the rows that name a person; whether there were any.

    Args:
        names: whether a text, here a row as JSON, names the person.

    Raises:
        SetupError: the file is damaged, so that nobody can tell what is in it.
    """
    fresh = path.with_name(path.name + ".new")
    try:
        changed = _copied(path, fresh, names)
    except (pa.ArrowException, OSError):
        fresh.unlink(missing_ok=True)
        raise SetupError(
            f"the Parquet file {path.name} in the home cannot be read, so nobody can tell whom it names",
            hint="mend or delete it, then: lamplighter erase --resume",
        ) from None
    if changed:
        fresh.replace(path)
    else:
        fresh.unlink()
    return changed


def _copied(path: Path, fresh: Path, names: Callable[[str], bool]) -> bool:
    changed = False
    with pq.ParquetFile(path) as found, fresh.open("wb") as file:
        with pq.ParquetWriter(file, found.schema_arrow) as kept:
            for batch in found.iter_batches(batch_size=ROWS):
                named = [names(json.dumps(row, default=str, ensure_ascii=False)) for row in batch.to_pylist()]
                changed = changed or any(named)
                for start, length in _others(named):
                    kept.write_batch(batch.slice(start, length))
        file.flush()
        os.fsync(file.fileno())
    return changed


def _others(named: Iterable[bool]) -> Iterator[tuple[int, int]]:
    """Where rows begin that are not named, and how many follow; Arrow slices any type, but filters few of the newer."""
    at = 0
    for gone, rows in groupby(named):
        length = len(list(rows))
        if not gone:
            yield at, length
        at += length
