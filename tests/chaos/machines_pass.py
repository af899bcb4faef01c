"""Processes of several machines: each makes passes over one store and one warehouse, and may be stopped and woken."""

import json
import multiprocessing
import os
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from connector.errors import EndPass, RetryLater
from connector.home import open_home
from connector.limits import never_wait
from connector.pipeline import Options, run

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["connector.pipeline", "connector.home"])  # which takes seconds, once
TERM = timedelta(seconds=2)


class Machine:
    """A process that makes one pass, and what came of it.

    Args:
        patient: waits for its turn, as `serve` does.
    """

    def __init__(
        self, home: Path, as_of: datetime, environment: Mapping[str, str], said: Path, *, patient: bool = False
    ) -> None:
        self._said = said
        arguments = (home, as_of, dict(environment), said, patient)
        self._process = _FORKS.Process(target=_pass, args=arguments)
        self._process.start()

    @property
    def pid(self) -> int:
        """Its number."""
        return int(self._process.pid or 0)

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.is_alive()

    def stop(self) -> None:
        """Let it sleep, wherever it is."""
        self._signal(signal.SIGSTOP)

    def wake(self) -> None:
        """Let it go on as if nothing had been."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError):  # it was faster
            os.kill(self.pid, number)

    def end(self) -> str:
        """Wait until it has ended; how: the status of its run, or the error."""
        self._process.join(120)
        assert not self.running, "it does not end"
        return self._said.read_text() if self._said.exists() else f"exit code {self._process.exitcode}"

    def close(self) -> None:
        """Kill it, if it is there."""
        self._process.kill()
        self._process.join()


def _pass(home: Path, as_of: datetime, environment: Mapping[str, str], said: Path, patient: bool) -> None:
    os.environ.update(environment)
    never_wait()
    until = time.monotonic() + 60
    while True:
        try:
            with open_home(home) as opened:
                report = run(opened, Options(as_of=as_of, term=TERM))
            said.write_text(" ".join([report.status, *([] if report.status == "done" else [json.dumps(report.notes)])]))
            return
        except RetryLater as error:
            if not patient or time.monotonic() > until:
                said.write_text(f"{type(error).__name__}: {error.message}")
                return
            time.sleep(0.05 if not isinstance(error, EndPass) else 0.5)
