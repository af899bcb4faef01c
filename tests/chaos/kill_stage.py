"""Processes of a trial: one that answers for the four systems, and those beside it that it starts, one after another.

Every process here is a fork, for a new one would need seconds to import. What holds what the systems know has no
threads, so that its forks hold the same; what opens the home is never forked again: DuckDB and Delta's threads do not
come along.
"""

import asyncio
import os
import pickle
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kill_shop import Systems
from uvicorn.server import ServerState

from connector.sandbox.serving import ServiceSandbox

PATIENCE = 900
"""Seconds for a pass that nobody means to kill; it takes less than ten of a processor."""


def beside(work: Callable[[], object], log: Path) -> int:
    """Start a process that does some work and ends, whatever happens; returns its id. What it says goes to `log`."""
    sys.stdout.flush()
    if pid := os.fork():
        return pid
    try:
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(out, 1)
        os.dup2(out, 2)
        work()
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    sys.stdout.flush()
    os._exit(0)


def ended(pid: int) -> int:
    """Wait for a process; returns its exit code, or less than nothing: the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def apart(work: Callable[[], Any], log: Path) -> Any:
    """What some work returns, done by a fork: whatever it changes here is forgotten. Raises RuntimeError with the end
    of the log where it fails."""
    reading, writing = os.pipe()

    def send() -> None:
        with os.fdopen(writing, "wb") as out:
            pickle.dump(work(), out)

    pid = beside(send, log)
    os.close(writing)
    with os.fdopen(reading, "rb") as back:
        told = back.read()
    if ended(pid):
        raise RuntimeError(log.read_text()[-2500:])
    return pickle.loads(told)  # noqa: S301 - our own


def answer_while(systems: Systems, pid: int, kill_after: float | None = None) -> int:
    """Let the systems answer until a process beside ends; returns how it did, as `ended`.

    Args:
        kill_after: seconds from now at which it is killed.
    """
    asyncio.run(_answer(systems, pid, kill_after))
    return ended(pid)


async def _answer(systems: Systems, pid: int, kill_after: float | None) -> None:
    loop, over, state = asyncio.get_running_loop(), asyncio.Event(), ServerState()
    process = os.pidfd_open(pid)
    loop.add_reader(process, over.set)
    loop.call_later(kill_after or PATIENCE, signal.pidfd_send_signal, process, signal.SIGKILL)
    listening = [await _listen(each, state) for each in systems]
    await over.wait()
    for one in listening:
        one.close()
    for connection in list(state.connections):
        connection.transport.abort()
    loop.remove_reader(process)
    os.close(process)


async def _listen(sandbox: ServiceSandbox[Any], state: ServerState) -> asyncio.Server:
    config = sandbox._server.config
    if not config.loaded:
        config.load()

    def made() -> asyncio.Protocol:
        return config.http_protocol_class(config=config, server_state=state, app_state={})

    return await asyncio.get_running_loop().create_server(made, sock=sandbox._socket.dup())
