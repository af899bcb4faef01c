"""Where all log lines go, ours and the libraries': to stderr, one each, redacted, with time, level, run and system."""

import logging
import re
import sys
from collections.abc import Mapping

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from connector.observe.redaction import clean

_SYSTEM = re.compile(r"connector\.(?:crms|ads|sandbox)\._?([a-z]+)|(hubspot|simple_salesforce)\b")
_SPEAKERS: Mapping[str, str] = {"simple_salesforce": "salesforce"}
_NAMED_BY = ("destination", "source", "crm")
"""Keys that name a system in lines of ours."""


def set_up(level: int) -> None:
    """Send logs of `level` and above to stderr: JSON lines, or readable ones where a person looks on.

    Libraries are heard from WARNING on. `run` is in a line where `structlog.contextvars` knows it.
    """
    added = _added()
    shown: list[Processor] = [_kind_of_error, _redacted, _shown()]
    structlog.configure(
        processors=[*added, *shown],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *added],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *shown],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(level, logging.WARNING))
    logging.getLogger("connector").setLevel(level)


def _added() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _system,
    ]


def _shown() -> Processor:
    """The traceback of an error is never part of a line, however it is shown."""
    if sys.stderr.isatty():
        return structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    return structlog.processors.JSONRenderer(sort_keys=True)


def _system(logger: WrappedLogger, method: str, line: EventDict) -> EventDict:
    """Of which CRM or platform a line speaks, where its keys or its speaker tell."""
    speaker = _SYSTEM.match(str(line.get("logger", "")))
    named = next((line[key] for key in _NAMED_BY if key in line), None)
    found = named or (speaker and (speaker[1] or speaker[2]))
    if found and "system" not in line:
        line["system"] = _SPEAKERS.get(str(found), found)
    return line


def _kind_of_error(logger: WrappedLogger, method: str, line: EventDict) -> EventDict:
    """An error is its kind: its text, and the values around it, may be a customer's."""
    told = line.pop("exc_info", None)
    line.pop("stack_info", None)
    line.pop("exception", None)
    error = told[1] if isinstance(told, tuple) else told if isinstance(told, BaseException) else sys.exc_info()[1]
    if told and error is not None:
        line["error"] = type(error).__name__
    return line


def _redacted(logger: WrappedLogger, method: str, line: EventDict) -> EventDict:
    """Everything but the line's own time."""
    return {name: value if name == "timestamp" else clean(value) for name, value in line.items()}
