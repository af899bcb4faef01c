"""The file of a backup: a zip with a manifest that names every part and its SHA-256, readable by any tool."""

import errno
import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from connector.errors import Failed, SetupError
from connector.store.damage import no_room

FORMAT = 1
MANIFEST = "manifest.json"
STORE, HOME, WAREHOUSE, WORDS = "store/", "home/", "warehouse/", "words/"
"""Parts of an archive: a file of rows a table, files of the home, files of the warehouse; without the warehouse, those
of its tables that hold what people said."""
PART = ".part"
"""How the name of an archive ends while it is being written."""
CHUNK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a backup says of itself.

    Attributes:
        format: of the archive.
        taken_at: ISO 8601, UTC; the moment of the store's snapshot, or a little before.
        revision: of the store's schema.
        run: the newest run that is in it.
        parts: name -> SHA-256 of its content.
    """

    format: int
    taken_at: str
    revision: str
    run: int
    parts: Mapping[str, str]

    @property
    def moment(self) -> datetime:
        return datetime.fromisoformat(self.taken_at)

    @property
    def with_warehouse(self) -> bool:
        return any(name.startswith(WAREHOUSE) for name in self.parts)


def file_in(target: Path, moment: datetime) -> Path:
    """The file that a backup is written to: `target`, or one named after the moment where that is a folder."""
    if target.is_dir() or not target.suffix:
        return target / f"lamplighter-{moment:%Y%m%dT%H%M%S}Z.zip"
    return target


class Writer:
    """An archive that is being written."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self.parts: dict[str, str] = {}

    @contextmanager
    def part(self, name: str, *, packed: bool = True) -> Iterator[IO[bytes]]:
        """A stream into a part of this name; what is `packed` already is not packed again."""
        entry = zipfile.ZipInfo(name)
        entry.compress_type = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
        entry.external_attr = 0o600 << 16
        with self._archive.open(entry, "w", force_zip64=True) as out:
            told = _Hashed(out)
            yield told  # type: ignore[misc]
        self.parts[name] = told.digest

    def copy(self, name: str, path: Path, *, packed: bool = True) -> None:
        """A file as a part."""
        with path.open("rb") as file, self.part(name, packed=packed) as out:
            while chunk := file.read(CHUNK):
                out.write(chunk)


class _Hashed:
    """Writes on, and knows the digest of what was written."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self._sum = hashlib.sha256()

    def write(self, content: bytes) -> int:
        self._sum.update(content)
        return self._out.write(content)

    @property
    def digest(self) -> str:
        return self._sum.hexdigest()


@contextmanager
def writing(path: Path) -> Iterator[Writer]:
    """Write an archive: the whole file, its owner's alone, or none.

    Raises:
        SetupError: it cannot be written there.
        Failed: the disk is full.
    """
    part = path.with_name(path.name + PART)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w+b") as file:
            with zipfile.ZipFile(file, "w", allowZip64=True) as archive:
                yield Writer(archive)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise _unwritable(path, error) from None
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _unwritable(path: Path, error: OSError) -> SetupError | Failed:
    if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO):
        return SetupError(f"{path} cannot be written: {error.strerror}", hint="name a folder you may write to")
    return no_room(path.parent)


def put_manifest(writer: Writer, manifest: Manifest) -> None:
    """The manifest comes last: an archive without it is none."""
    with writer.part(MANIFEST) as out:
        out.write(json.dumps(asdict(manifest), indent=1, sort_keys=True).encode())


class Reader:
    """An archive whose every part was compared with its digest."""

    def __init__(self, archive: zipfile.ZipFile, manifest: Manifest) -> None:
        self._archive = archive
        self.manifest = manifest

    def names(self, under: str) -> list[str]:
        """The parts under a prefix."""
        return sorted(name for name in self.manifest.parts if name.startswith(under))

    def rows(self, name: str) -> Iterator[dict[str, Any]]:
        """The rows of a table's part."""
        with self._archive.open(name) as lines:
            for line in lines:
                yield json.loads(line)

    def unpack(self, name: str, path: Path) -> None:
        """A part as a file, its owner's alone."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        with self._archive.open(name) as part, path.open("wb") as file:
            while chunk := part.read(CHUNK):
                file.write(chunk)


@contextmanager
def reading(path: Path) -> Iterator[Reader]:
    """Open a backup.

    Raises:
        SetupError: there is none, it is damaged, or a newer Lamplighter wrote it.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = _manifest(archive, path)
            for name, digest in manifest.parts.items():
                if _digest(archive, name) != digest:
                    raise _damaged(path, name)
            yield Reader(archive, manifest)
    except FileNotFoundError:
        raise SetupError(f"there is no {path}", hint="name the file that `lamplighter backup` wrote") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, IsADirectoryError):
        raise _damaged(path, "the archive") from None


def _manifest(archive: zipfile.ZipFile, path: Path) -> Manifest:
    try:
        told = json.loads(archive.read(MANIFEST))
        if told["format"] != FORMAT:
            raise SetupError(
                f"{path} was written by a newer Lamplighter", hint="upgrade: pip install --upgrade lamplighter"
            )
        return Manifest(**told)
    except (ValueError, TypeError):
        raise _damaged(path, MANIFEST) from None


def _digest(archive: zipfile.ZipFile, name: str) -> str:
    found = hashlib.sha256()
    with archive.open(name) as part:
        while chunk := part.read(CHUNK):
            found.update(chunk)
    return found.hexdigest()


def _damaged(path: Path, what: str) -> SetupError:
    return SetupError(
        f"{path} is no whole backup: {what} is damaged; nothing was changed", hint="take the backup before it"
    )
