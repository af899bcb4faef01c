"""Files in the home that hold a person: their lines are blanked where they stand, so that nothing else moves; rows of
Parquet files are left out."""

import gzip
import os
import re
import stat
import zlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from connector.erase import tables
from connector.erase.journal import FILE
from connector.erase.subject import by_kind
from connector.errors import SetupError
from connector.home import Home
from connector.store.damage import REPLACED
from connector.store.erasures import Identifier

WRITTEN = (".yaml", ".yml")
"""Endings of what an admin writes."""
LONG = 6
"""Characters from which an id is looked for wherever it stands; shorter ones only where a field called ...id has it."""
GZIP = b"\x1f\x8b"
BEFORE, AFTER = rb"(?<![\w.+@-])", rb"(?![\w.+@-])"
DIGITS_AT_LEAST = 7


class Unreached(SetupError):
    """Files and folders of the home in which nobody could look for a person.

    Attributes:
        paths: from the home, in order.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        more = f" and {len(paths) - 1:,} more" if len(paths) > 1 else ""
        super().__init__(
            f"{paths[0]}{more} in the home cannot be read and changed, so nobody can tell whom that names",
            hint="mend it, let this user read and write it, or delete it; then: lamplighter erase --resume",
        )
        self.paths = tuple(paths)


@dataclass(frozen=True)
class Traces:
    """Tells the lines, and the texts, that name a person."""

    pattern: re.Pattern[bytes]
    exact: frozenset[str]

    @classmethod
    def of(cls, subject: Collection[Identifier]) -> "Traces":
        """The traces of some identifiers; CRM ids are no traces, for they name nobody by themselves."""
        return cls(re.compile(b"|".join(_patterns(subject)) or rb"(?!)", re.IGNORECASE), _exact(subject))

    def names(self, text: str) -> bool:
        """Whether a text names the person: it holds an address, a number or a long id, or is an id."""
        return text in self.exact or self.pattern.search(text.encode()) is not None


def _exact(subject: Collection[Identifier]) -> frozenset[str]:
    return frozenset(value for _, value in subject if len(value) >= LONG)


def _patterns(subject: Collection[Identifier]) -> Iterator[bytes]:
    known = by_kind(subject)
    for email in known["email"]:
        yield BEFORE + re.escape(email.encode()) + AFTER
        yield BEFORE + re.escape(email.replace("@", "%40").encode()) + AFTER
    for phone in known["phone"]:
        digits = re.sub(r"\D", "", phone)
        if len(digits) >= DIGITS_AT_LEAST:
            yield (
                rb"(?<!\d)"
                + rb"[\s()./-]*".join(digits.encode()[at : at + 1] for at in range(len(digits)))
                + rb"(?!\d)"
            )
    for name in (*known["user_id"], *known["anonymous_id"]):
        found = re.escape(name.encode())
        yield BEFORE + found + AFTER if len(name) >= LONG else rb'id"\s*:\s*"?' + found + AFTER


def blank(home: Home, subject: Collection[Identifier]) -> list[str]:
    """Blank the lines that name a person, and leave out such rows of Parquet files; returns the files (from the home)
    that had such lines or rows.

    Raises:
        Unreached: a file or folder cannot be read, or not be changed; all others are done.
    """
    root, traces, changed, unreached = home.path.resolve(), Traces.of(subject), list[str](), list[Path]()
    for path in sorted(_ours(home, root, unreached)):
        try:
            if _blanked(path, traces):
                changed.append(str(path.relative_to(root)))
        except (EOFError, zlib.error, SetupError, OSError):
            unreached.append(path)
    if unreached:
        raise Unreached(sorted(str(path.relative_to(root)) for path in unreached))
    return changed


def beyond(home: Home) -> list[str]:
    """Names of sources that are not in the home: nothing is written there."""
    root = home.path.resolve()
    return sorted(part.name for part in home.settings.sources if not (root / part.path).resolve().is_relative_to(root))


def _ours(home: Home, root: Path, unreached: list[Path]) -> Iterator[Path]:
    """What lies under the home and is neither of the warehouse nor settings, nor a home that a restore set aside;
    folders that nobody may look into are added to `unreached`."""
    warehouse = home.settings.warehouse_path(home.path).resolve()

    def closed(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):  # else whoever took it away meanwhile has it now
            unreached.append(Path(error.filename))

    for folder, below, names in os.walk(root, onerror=closed):
        below[:] = [name for name in below if not _left_alone(Path(folder, name), root, warehouse)]
        yield from (path for name in names if (path := Path(folder, name)).suffix not in WRITTEN and name != FILE)


def _left_alone(folder: Path, root: Path, warehouse: Path) -> bool:
    return folder == warehouse or (folder.parent == root and folder.name.startswith(REPLACED))


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4_096)


def _blanked(path: Path, traces: Traces) -> bool:
    """Whether a file of text, packed or not, or of Parquet named the person; any other, as the store's, is left."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return False
        head = _head(path)
        if head.startswith(tables.MAGIC):
            return tables.without(path, traces.names)
        if head.startswith(GZIP):
            return _repacked(path, traces)
        return b"\0" not in head and _overwritten(path, traces)
    except FileNotFoundError:  # whoever took it away meanwhile has it now
        return False


def _overwritten(path: Path, traces: Traces) -> bool:
    """In place and with as many blanks: whoever appends to the file, or reads on in it, finds its place."""
    changed, start = False, 0
    with path.open("r+b") as file:
        while line := file.readline():
            if traces.pattern.search(line):
                changed = True
                file.seek(start)
                file.write(_blanks(line))
                file.seek(start + len(line))
            start += len(line)
        file.flush()
        os.fsync(file.fileno())
    return changed


def _repacked(path: Path, traces: Traces) -> bool:
    changed, fresh = False, path.with_name(path.name + ".new")
    try:
        with gzip.open(path, "rb") as packed, gzip.open(fresh, "wb") as kept:
            for line in packed:
                named = traces.pattern.search(line) is not None
                kept.write(_blanks(line) if named else line)
                changed = changed or named
        if changed:
            fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    return changed


def _blanks(line: bytes) -> bytes:
    kept = line.rstrip(b"\r\n")
    return b" " * len(kept) + line[len(kept) :]
