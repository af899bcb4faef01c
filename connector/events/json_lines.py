"""Objects out of the lines of an NDJSON file."""

import json
import re
from collections.abc import Iterator
from io import BufferedReader
from typing import Any

from connector.events.files import Line, Place, lines
from connector.events.values import Unusable

_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def objects(name: str, file: BufferedReader, place: Place) -> Iterator[Line]:
    """The lines of an opened file behind `place`, each with its object as `record`, or with a problem."""
    for line in lines(name, file, place):
        yield line if line.problem else _with_object(line)


def _with_object(line: Line) -> Line:
    try:
        return line._replace(record=parsed(line.text))
    except Unusable as problem:
        return line._replace(problem=str(problem))


def parsed(text: str) -> dict[str, Any]:
    """The object that a text spells. What JSON allows and no database keeps (NUL, half a surrogate pair) is refused.

    Raises:
        Unusable: saying why.
    """
    try:
        found = json.loads(text)
        if "\\u" in text:
            json.dumps(found, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise Unusable(f"not JSON: {error.msg} at column {error.colno}") from None
    except (ValueError, RecursionError) as error:
        raise Unusable(f"not JSON that can be kept: {type(error).__name__}") from None
    if "\\u0000" in text and _NUL.search(text):
        raise Unusable("holds NUL characters")
    if not isinstance(found, dict):
        raise Unusable("not a JSON object")
    return found
