"""How every process of ours starts and ends: private files, quiet logs, errors as sentences and exit codes."""

import logging
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable

import structlog

from connector.cli.terminal import note
from connector.errors import LamplighterError
from connector.observe.redaction import clean_text

log = structlog.get_logger()

INTERRUPTED = 130
TERMINATED = 143
"""What a shell reports for a process ended by Ctrl-C, and by SIGTERM."""


def private_files() -> None:
    """The home holds addresses: whatever this process creates is its owner's alone."""
    os.umask(0o077)


def end_on_sigterm() -> None:
    """Let a terminated process close its run and end its children, as Ctrl-C does; a shell sees 143."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(TERMINATED))


def quiet_faults() -> None:
    """What goes wrong where nobody can catch it (a thread, a finalizer) is logged by its kind, not with its text.
    Warnings go the way of all log lines."""
    logging.captureWarnings(True)
    threading.excepthook = lambda told: _log_fault(told.exc_type, told.thread.name if told.thread else "")
    sys.unraisablehook = lambda told: _log_fault(told.exc_type, "")


def _log_fault(kind: type[BaseException], thread: str) -> None:
    log.error("fault", error=kind.__name__, thread=thread)


def exit_code(work: Callable[[], object]) -> int:
    """Do the work and say how it ended.

    A known error is its message and its exit code. An unknown one is its kind alone, for its text may hold what a
    customer wrote; LAMPLIGHTER_TRACEBACK=1 shows where it happened.
    """
    try:
        return int(work() or 0)  # type: ignore[call-overload, no-any-return]
    except KeyboardInterrupt:
        return INTERRUPTED
    except LamplighterError as error:
        _say(str(error))
        return error.exit_code
    except Exception as error:
        _say(
            f"this should not have happened: {type(error).__name__}. What was kept stays kept.\n"
            "  -> set LAMPLIGHTER_TRACEBACK=1 and run it again to see where, then report it"
        )
        return 1


def _say(sentence: str) -> None:
    if os.environ.get("LAMPLIGHTER_TRACEBACK") == "1":
        print(clean_text(traceback.format_exc()), end="", file=sys.stderr)
    note(sentence)
