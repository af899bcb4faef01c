"""`lamplighter.yaml` as text: written once with comments, later changed line by line so that the comments stay."""

import os
import tempfile
from pathlib import Path
from typing import Any

from connector import yaml_text
from connector.errors import SetupError
from connector.settings import FILE

TEMPLATE = """\
# Lamplighter's settings. Everything that is left out has the value shown after it in docs/install.md.
# The environment wins: LAMPLIGHTER_STORE__URL=... stands for `store: {url: ...}`.

# hubspot:                    `lamplighter connect hubspot` writes this
#   token: keyring:hubspot    or env:NAME; never the token itself

# sources:                    files that are read again at every run; what was read before is not read twice
#   - name: shop-events       your own name for it
#     kind: segment           segment | ad_log | catalogue, see docs/files.md
#     path: /data/events.ndjson.gz

# schedule:
#   sync_minutes: 15

# store:
#   url: postgresql+psycopg://lamplighter@db/lamplighter    for several machines; a file of this folder otherwise

# warehouse:
#   memory_limit: 1GB
"""


def append(home: Path, block: str) -> None:
    """Put a block of YAML behind what is there."""
    path = home / FILE
    _replace(path, f"{_text(path).rstrip()}\n\n{block.rstrip()}\n")


def set_token(home: Path, system: str, reference: str) -> None:
    """Write `SYSTEM: {token: REFERENCE}` and leave everything else, comments included, as it is.

    Raises:
        SetupError: the file is written in a way in which that line cannot be found; the message says what to write.
    """
    path = home / FILE
    before = _text(path)
    after = _with_token(before, system, reference, str(path))
    if _data(after, path) != _expected(_data(before, path), system, reference):
        raise SetupError(
            f"{path}: `{system}:` is written in a way that cannot be changed safely",
            hint=f"write `token: {reference}` under `{system}:` yourself, on a line of its own",
        )
    _replace(path, after)


def _with_token(text: str, system: str, reference: str, file: str) -> str:
    parsed = yaml_text.parse(text, file)
    lines = text.rstrip().splitlines()
    block = (parsed.data or {}).get(system)
    if block is None and (system,) not in parsed.lines:
        return "\n".join([*lines, "", f"{system}:", f"  token: {reference}", ""])
    number = parsed.lines.get((system, "token"))
    if number is not None:
        kept = lines[number - 1]
        indent = kept[: len(kept) - len(kept.lstrip())]
        lines[number - 1] = f"{indent}token: {reference}{_comment(kept)}"
    else:
        lines.insert(parsed.lines[(system,)], f"{_indent(parsed, lines, system)}token: {reference}")
    return "\n".join([*lines, ""])


def _comment(line: str) -> str:
    _, sign, words = line.partition(" #")
    return f"  #{words}" if sign else ""


def _indent(parsed: yaml_text.YamlText, lines: list[str], system: str) -> str:
    """As deep as the other fields of the block."""
    below = [number for path, number in parsed.lines.items() if len(path) == 2 and path[0] == system]
    if not below:
        return "  "
    first = lines[min(below) - 1]
    return first[: len(first) - len(first.lstrip())]


def _expected(before: Any, system: str, reference: str) -> Any:
    return {**(before or {}), system: {**((before or {}).get(system) or {}), "token": reference}}


def _data(text: str, path: Path) -> Any:
    try:
        return yaml_text.parse(text, str(path)).data
    except SetupError:
        return None


def _text(path: Path) -> str:
    if not path.is_file():
        raise SetupError(f"there is no {path}", hint=f"lamplighter init --home {path.parent}")
    return path.read_text("utf-8")


def _replace(path: Path, text: str) -> None:
    """All of the new text or all of the old, whatever happens in between."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    Path(name).replace(path)
