"""The wish to end, and how a pass hears of it."""

import threading

from connector.errors import EndPass


class Stop:
    """Asked for once, by a signal. As a pass's watcher it ends the pass between two batches: what is done is kept."""

    def __init__(self) -> None:
        self._asked = threading.Event()

    def ask(self) -> None:
        """Let whatever is at work end soon."""
        self._asked.set()

    @property
    def asked(self) -> bool:
        """Whether somebody has asked."""
        return self._asked.is_set()

    def wait(self, seconds: float) -> bool:
        """Sleep so long, or until somebody asks; returns whether they did."""
        return self._asked.wait(seconds)

    def pulled(self, source: str, stream: str, read: int) -> None:
        """Between two batches of a pull."""
        self._heed()

    def entered(self, stage: str) -> None:
        """A stage that has begun comes to its first batch."""

    def pushed(self, destination: str, done: int, total: int) -> None:
        """Between two batches of a push."""
        if done < total:
            self._heed()

    def told(self, sentence: str) -> None:
        """What is told is in the log."""

    def _heed(self) -> None:
        if self.asked:
            raise EndPass("stopped between two batches, as was asked for", hint="lamplighter run goes on from here")
