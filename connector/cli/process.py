"""How every process of ours starts and ends: private files, quiet logs, errors as sentences and exit codes."""

import logging
import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Any

import structlog

from connector.errors import LamplighterError

INTERRUPTED = 130
TERMINATED = 143
"""What a shell reports for a process ended by Ctrl-C, and by SIGTERM."""


def private_files() -> None:
    """The home holds addresses: whatever this process creates is its owner's alone."""
    os.umask(0o077)


def end_on_sigterm() -> None:
    """Let a terminated process close its run and end its children, as Ctrl-C does; a shell sees 143."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(TERMINATED))


def log_to_stderr(level: int) -> None:
    """Send logs of `level` and above to stderr: JSON lines, or readable ones where a person looks on."""
    added: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    shown: Any = structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[*added, shown],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=added, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, shown]
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(level, logging.WARNING))


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
        traceback.print_exc()
    print(sentence, file=sys.stderr)
