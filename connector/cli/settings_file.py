"""`lamplighter.yaml` as text: written once with comments, later changed line by line so that the comments stay."""

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connector import yaml_text
from connector.errors import SetupError
from connector.settings import FILE

TEMPLATE = """\
# Lamplighter's settings. Everything that is left out has the value shown after it in docs/install.md.
# The environment wins: LAMPLIGHTER_STORE__URL=... stands for `store: {url: ...}`.

# hubspot:                    `lamplighter connect hubspot` writes this
#   token: keyring:hubspot    or env:NAME; never the token itself. Or by OAuth, docs/hubspot.md

# salesforce:                 `lamplighter connect salesforce` writes this; either CRM is enough, docs/salesforce.md
#   instance_url: https://acme.my.salesforce.com    and which app of yours lets us in

# sources:                    files that are read again at every run; what was read before is not read twice
#   - name: shop-events       your own name for it
#     kind: segment           what it holds, of GA4, ads, a database and others: docs/files.md, docs/events.md
#     path: /data/events.ndjson.gz

# collect:                    events, a pixel and webhooks that `lamplighter serve` takes in, docs/collect.md
#   write_key: env:COLLECT_KEY

# ads:                        where buyers are left alone by your ads, docs/ads.md
#   meta: {account: act_1234, token: env:META_TOKEN}

# schedule:
#   sync_minutes: 15

# alerts:                     who is told when a sync needs somebody, docs/alerts.md
#   slack: env:SLACK_WEBHOOK

# store:
#   url: postgresql+psycopg://lamplighter@db/lamplighter    for several machines; a file of this folder otherwise

# warehouse:
#   memory_limit: 1GB
"""

WAYS = (("token",), ("oauth",))
"""Fields that say how to get in: one or the other."""


def append(home: Path, block: str) -> None:
    """Put a block of YAML behind what is there."""
    path = home / FILE
    _replace(path, f"{_text(path).rstrip()}\n\n{block.rstrip()}\n")


def written(home: Path, system: str) -> Mapping[str, Any]:
    """What the file says of a system, whether or not that is enough yet. Raises SetupError where it is no YAML."""
    path = home / FILE
    data = yaml_text.parse(_text(path), str(path)).data
    block = data.get(system) if isinstance(data, dict) else None
    return block if isinstance(block, dict) else {}


def set_token(home: Path, system: str, reference: str, **beside: str) -> None:
    """Write `SYSTEM: {token: REFERENCE}`, instead of OAuth where that was there; everything else stays as it is.

    Args:
        beside: further fields of the system to write, by name.

    Raises:
        SetupError: the file is written in a way in which that line cannot be found; the message says what to write.
    """
    _set(home, system, {"token": reference, **beside})


def set_oauth(home: Path, system: str, fields: Mapping[str, str], **beside: str) -> None:
    """Write `SYSTEM: {oauth: {...}}`, instead of a token where one was there. Otherwise as `set_token`."""
    _set(home, system, {"oauth": dict(fields), **beside})


def set_part(home: Path, group: str, name: str, fields: Mapping[str, Any]) -> None:
    """Write `GROUP: {NAME: {...}}`, instead of what was there under that name. Otherwise as `set_token`."""
    _set(home, group, {name: dict(fields)})


def _set(home: Path, system: str, wanted: Mapping[str, Any]) -> None:
    path = home / FILE
    before = after = _text(path)
    lines = {
        name: f"{name}: {json.dumps(value) if isinstance(value, dict) else value}" for name, value in wanted.items()
    }
    for name, line in lines.items():
        after = _with_line(after, system, WAYS if (name,) in WAYS else ((name,),), line, str(path))
    if _data(after, path) != _expected(_data(before, path), system, wanted):
        raise SetupError(
            f"{path}: `{system}:` is written in a way that cannot be changed safely",
            hint=f"write {' and '.join(f'`{line}`' for line in lines.values())} under `{system}:` yourself, on a line "
            "of its own",
        )
    _replace(path, after)


def _with_line(text: str, system: str, instead: tuple[tuple[str], ...], line: str, file: str) -> str:
    parsed = yaml_text.parse(text, file)
    lines = text.rstrip().splitlines()
    block = (parsed.data or {}).get(system)
    if block is None and (system,) not in parsed.lines:
        return "\n".join([*lines, "", f"{system}:", f"  {line}", ""])
    numbers = sorted(
        {number for path, number in parsed.lines.items() if path[0:1] == (system,) and path[1:2] in instead}
    )
    if numbers:
        kept = lines[numbers[0] - 1]
        indent = kept[: len(kept) - len(kept.lstrip())]
        lines[numbers[0] - 1] = f"{indent}{line}{_comment(kept)}"
        lines = [each for at, each in enumerate(lines, start=1) if at not in numbers[1:]]
    else:
        lines.insert(parsed.lines[(system,)], f"{_indent(parsed, lines, system)}{line}")
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


def _expected(before: Any, system: str, wanted: Mapping[str, Any]) -> Any:
    block = (before or {}).get(system) or {}
    rest = {name: each for name, each in block.items() if (name,) not in WAYS}
    return {**(before or {}), system: {**rest, **wanted}}


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
