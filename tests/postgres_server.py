"""A PostgreSQL of our own: on a socket in a folder that nobody else knows, gone with its data when it is closed."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import psycopg

Process = subprocess.Popen[bytes]


def server_programs() -> Path | None:
    """The folder that holds initdb and postgres; None: they are not installed."""
    places = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    if config := shutil.which("pg_config"):
        told = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=True).stdout.strip()
        places.insert(0, Path(told))
    if found := shutil.which("initdb"):
        places.append(Path(found).parent)
    return next((place for place in places if all((place / each).exists() for each in ("initdb", "postgres"))), None)


def new_database(server: str) -> str:
    """The URL of an empty database of a server.

    Args:
        server: the server's own, without a database name.
    """
    folder, name = server.partition("host=")[2], f"t{time.monotonic_ns()}"
    with psycopg.connect(f"host={folder} user=postgres dbname=postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    return server.replace("/?", f"/{name}?")


class PostgresServer:
    """A context manager; may be stopped and started in between.

    Args:
        programs: see `server_programs`.

    Attributes:
        url: SQLAlchemy's, without a database name.
    """

    def __init__(self, programs: Path) -> None:
        self._programs, self._owner = programs, _owner()
        self._folder = Path(tempfile.mkdtemp(prefix="lamplighter-pg-"))
        self._server: Process | None = None
        self.url = f"postgresql+psycopg://postgres@/?host={self._folder}"

    def __enter__(self) -> Self:
        try:
            self._make()
            return self.start()
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        with suppress(subprocess.TimeoutExpired):
            self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _make(self) -> None:
        if self._owner:
            os.chown(self._folder, self._owner["user"], self._owner["group"])
        command = [
            self._programs / "initdb",
            "-D",
            self._folder / "data",
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
        ]
        subprocess.run([*command, "--no-sync"], cwd=self._folder, check=True, capture_output=True, **self._owner)

    def start(self) -> Self:
        """Returns once it answers."""
        listen = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={self._folder}", "-c", "fsync=off"]
        command = [self._programs / "postgres", "-D", self._folder / "data", *listen]
        with (self._folder / "log").open("ab") as output:
            self._server = subprocess.Popen(command, cwd=self._folder, stdout=output, stderr=output, **self._owner)
        self._wait(self._server)
        return self

    def stop(self) -> None:
        """PostgreSQL's "fast" shutdown: it does not wait for clients."""
        if self._server is not None:
            self._server.send_signal(signal.SIGINT)
            self._server.wait(30)
        self._server = None

    def _wait(self, server: Process) -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and server.poll() is None:
            try:
                psycopg.connect(f"host={self._folder} user=postgres dbname=postgres").close()
            except psycopg.OperationalError:
                time.sleep(0.1)
            else:
                return
        raise RuntimeError(f"PostgreSQL did not start: {(self._folder / 'log').read_text()[-2000:]}")


def _owner() -> dict[str, Any]:
    """As whom the server runs, in the words of `subprocess`: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return {}
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    who = known.get("postgres") or known["nobody"]
    return {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": ()}
