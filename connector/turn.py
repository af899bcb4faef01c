"""Whose turn it is to write. Asked right before anything leaves for another system or goes into a table.

A process that slept through the end of its lease does not know: it is in the middle of a call when it wakes up. So the
last lines before a request or a commit ask here, and whoever holds a lease answers. Without a lease nobody is asked.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Ask = Callable[[], None]
"""Raises EndPass where another process has taken over, or may have."""

_asked: list[Ask] = []  # of the process, not of a thread: what a pass starts in threads belongs to it


@contextmanager
def answered_by(ask: Ask) -> Iterator[None]:
    """Let `ask` have a say for the length of the block."""
    _asked.append(ask)
    try:
        yield
    finally:
        _asked.remove(ask)


def check() -> None:
    """Go on only if nobody else has taken over. Cheap: looks at a clock, and into the store once a term has passed.

    Raises:
        EndPass: the turn is over; nothing more may be written.
    """
    for ask in tuple(_asked):
        ask()
