"""The file that outlives a restore: every erasure's digests, appended and never changed. Hashes alone stand in it."""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from connector.store.erasures import Erasure

FILE = "erasures.ndjson"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One erasure: the salted digest of the address that was asked for, and those of all identifiers."""

    reference: str
    requested_at: datetime
    digest: str
    digests: Sequence[str]


def entry(request: Erasure, digests: Sequence[str]) -> Entry:
    """What the file says of a request."""
    return Entry(
        reference=request.reference, requested_at=request.requested_at, digest=request.digest, digests=sorted(digests)
    )


def salt(home: Path) -> str | None:
    """The salt of the digests; None where there is no file yet."""
    return next((str(line["salt"]) for line in _lines(home) if "salt" in line), None)


def entries(home: Path) -> list[Entry]:
    """Everything that was ever erased, oldest first."""
    told = [line for line in _lines(home) if "reference" in line]
    return [Entry(**{**line, "requested_at": datetime.fromisoformat(line["requested_at"])}) for line in told]


def append(home: Path, salted_with: str, found: Sequence[Entry]) -> None:
    """Add erasures; durable when this returns."""
    told: list[dict[str, Any]] = [] if salt(home) else [{"salt": salted_with}]
    for each in found:
        told.append({**asdict(each), "requested_at": each.requested_at.isoformat()})
    descriptor = os.open(home / FILE, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "a+b") as file:
        torn = file.tell() > 0 and not _ends_a_line(file)
        text = "".join(json.dumps(line, sort_keys=True) + "\n" for line in told)
        file.write((("\n" if torn else "") + text).encode())
        file.flush()
        os.fsync(file.fileno())


def _ends_a_line(file: Any) -> bool:
    file.seek(-1, os.SEEK_END)
    return bool(file.read(1) == b"\n")


def _lines(home: Path) -> Iterator[dict[str, Any]]:
    """Whole lines; one that a crash broke off was never answered for."""
    path = home / FILE
    if not path.exists():
        return
    for line in path.read_text("utf-8").splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            continue
