"""Where events wait for the next pass: NDJSON files in the home, on disk before anybody is answered.

Requests of one moment share a write and an fsync. No file is taken up again by another process, or after an error: half
a line can only stand at the end of one, where the reader passes over it.
"""

import asyncio
import os
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from connector.errors import RetryLater

MOST_BYTES = 16_000_000
"""Of one file; the next line begins another."""


class Spool:
    """The files of one process. `keep` belongs to one event loop.

    Args:
        folder: made where it is missing.
        most_bytes: of one file.
    """

    def __init__(self, folder: Path, most_bytes: int = MOST_BYTES) -> None:
        self._folder = folder
        self._most = most_bytes
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None
        self._file: int | None = None
        self._begun = date.min
        self._size = 0

    async def keep(self, lines: Sequence[bytes]) -> None:
        """Keep lines, each with its line break; they survive a power cut when this returns.

        Raises:
            RetryLater: the disk refused; nothing is promised of these lines.
        """
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((b"".join(lines), done))
        self._writing = self._writing or asyncio.create_task(self._write_all())
        await done

    def close(self) -> None:
        """Let go of the file; what comes later begins another."""
        if self._file is not None:
            os.close(self._file)
        self._file = None

    async def _write_all(self) -> None:
        """Until nobody waits: all that have come during one write share the next."""
        while self._waiting:
            batch, self._waiting = self._waiting, []
            written = asyncio.to_thread(self._write, b"".join(data for data, _ in batch))
            (error,) = await asyncio.gather(written, return_exceptions=True)
            for _, done in batch:
                _settle(done, error)
        self._writing = None

    def _write(self, data: bytes) -> None:
        try:
            file, left = self._current(), memoryview(data)
            while left:
                left = left[os.write(file, left) :]
            os.fsync(file)
            self._size += len(data)
        except OSError as error:
            self.close()
            problem = f"collector: events cannot be kept: {error.strerror}"
            raise RetryLater(problem, hint="make room on the disk of the home") from None

    def _current(self) -> int:
        """The file to write to: a new one each day, and when one is full."""
        now = datetime.now(UTC)
        if self._file is None or now.date() != self._begun or self._size >= self._most:
            self.close()
            self._file, self._begun, self._size = self._new(now), now.date(), 0
        return self._file

    def _new(self, now: datetime) -> int:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / f"{now:%Y%m%dT%H%M%S%fZ}-{os.getpid()}.ndjson"
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        folder = os.open(self._folder, os.O_RDONLY)  # its name is on disk only after this
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return file


def _settle(done: "asyncio.Future[None]", error: BaseException | None) -> None:
    if done.done():  # whoever waited has gone
        return
    if error:
        done.set_exception(error)
    else:
        done.set_result(None)
