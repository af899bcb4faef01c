"""The folder that files are written into: whole or not at all, readable by its owner only."""

import contextlib
import errno
import os
from collections.abc import Iterable
from pathlib import Path

from connector import turn
from connector.errors import SetupError

PRIVATE = 0o600


class Folder:
    """A folder of the admin's. Raises SetupError, with what to do, wherever it cannot be used."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, name: str, chunks: Iterable[bytes]) -> None:
        """Write a file: whoever looks sees the old one or the new one, also after a crash."""
        target = self.path / name
        beside = target.with_name(f".{target.name}.writing")
        try:
            self._whole(beside, chunks)
            turn.check()
            beside.replace(target)
        except OSError as error:
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)
            raise self.unusable(error) from None

    def _whole(self, path: Path, chunks: Iterable[bytes]) -> None:
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE), "wb") as file:
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())

    def read(self, name: str) -> bytes | None:
        """What a file holds; None where there is none."""
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self.unusable(error) from None

    def has(self, name: str) -> bool:
        """Whether a file is there."""
        return (self.path / name).is_file()

    def remove(self, name: str) -> None:
        """Delete a file, if it is there."""
        turn.check()
        try:
            (self.path / name).unlink(missing_ok=True)
        except OSError as error:
            raise self.unusable(error) from None

    def require(self) -> None:
        """Raises SetupError where the folder is not there, or not to be written into: it is the admin's to make."""
        if not self.path.is_dir():
            raise SetupError(f"there is no folder {self.path}", hint=f"mkdir -p {self.path}, or name another in ads")
        if not os.access(self.path, os.W_OK | os.X_OK):
            raise self.unusable(PermissionError(errno.EACCES, os.strerror(errno.EACCES)))

    def make(self) -> None:
        """Make the folder, for its owner only, if it is not there. Its parent must be."""
        try:
            self.path.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise self.unusable(error) from None

    def unusable(self, error: OSError) -> SetupError:
        """What an admin must know of a folder that cannot be used."""
        return SetupError(
            f"the folder {self.path} cannot be written: {error.strerror}",
            hint="let the user who runs lamplighter write there, make room, or name another folder in ads",
        )
