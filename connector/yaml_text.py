"""YAML files an admin edits: found at home first, then as shipped; every value knows the line it stands on."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from connector.errors import SetupError

MAX_BYTES = 1_000_000
"""No mapping written by a person is longer; a longer file is a mistake or a bomb."""

Path_ = tuple[str | int, ...]
_NAME = re.compile(r"[\w-]{1,100}")


@dataclass(frozen=True)
class YamlText:
    """One parsed file.

    Attributes:
        file: how to call it in a message.
        data: plain dicts, lists and scalars.
        lines: path of keys and indexes -> line number, from 1.
    """

    file: str
    data: Any
    lines: Mapping[Path_, int]

    def line(self, path: Path_) -> int:
        """The line of `path`, or of its nearest parent that has one."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def error(self, path: Path_, problem: str, *, hint: str = "") -> SetupError:
        """A SetupError that names file, line and field."""
        field = _short(".".join(str(part) for part in path) or "(top)", 100)
        where = f"{self.file}, line {self.line(path)}, {field}"
        return SetupError(f"{where}: {_short(problem, 1_000)}", hint=hint or f"edit {self.file}")


def _short(text: str, most: int) -> str:
    """What a message quotes of a file; a word there may be as long as the file."""
    return text if len(text) <= most else f"{text[:most]}..."


class _Loader(yaml.SafeLoader):
    """Safe YAML that refuses aliases (a bomb needs them, a mapping does not) and repeated keys."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "aliases (*name) are not allowed here", mark)
        return super().compose_node(parent, index)


def _lines(node: yaml.Node, path: Path_, found: dict[Path_, int]) -> None:
    found[path] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            name = (*path, key.value)
            if name in found:
                raise yaml.composer.ComposerError(None, None, f"{key.value!r} stands here twice", key.start_mark)
            _lines(value, name, found)
            found[name] = key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _lines(value, (*path, index), found)


def parse(text: str, file: str) -> YamlText:
    """Parse YAML text. Raises SetupError with the line for anything that is not plain, safe YAML."""
    if len(text) > MAX_BYTES:
        raise SetupError(f"{file} is larger than {MAX_BYTES:,} bytes", hint=f"check that {file} is the file you meant")
    try:
        data, found = _read_document(text)
    except (yaml.YAMLError, RecursionError, ValueError, TypeError) as error:
        where, problem = _place(error, text), getattr(error, "problem", None) or type(error).__name__
        raise SetupError(f"{file}{where}: not valid YAML: {_short(problem, 200)}", hint=f"edit {file}") from None
    return YamlText(file=file, data=data, lines=found)


def _place(error: Exception, text: str) -> str:
    """Where in the text it is, as far as the error tells."""
    if isinstance(error, yaml.reader.ReaderError):  # a character that no YAML may hold
        return f", line {text.count(chr(10), 0, error.position) + 1}"
    mark = getattr(error, "problem_mark", None)
    return f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""


def _read_document(text: str) -> tuple[Any, dict[Path_, int]]:
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        found: dict[Path_, int] = {}
        if node is None:
            return {}, found
        _lines(node, (), found)
        return loader.construct_document(node), found
    finally:
        loader.dispose()


def load(name: str, home: Path | None) -> YamlText:
    """`mappings/NAME.yaml` of the home where it exists, else the packaged one.

    Raises:
        SetupError: no such file, or not YAML.
    """
    if not _NAME.fullmatch(name):
        raise SetupError(f"a mapping cannot be called {name[:40]!r}", hint="letters, digits, - and _ make a name")
    own = home / "mappings" / f"{name}.yaml" if home else None
    if own is not None and own.is_file():
        return load_file(own)
    packaged = resources.files("mappings") / f"{name}.yaml"
    if not packaged.is_file():
        raise SetupError(f"there is no mapping called {name!r}", hint=f"create {own}" if own else "check the name")
    return parse(packaged.read_text("utf-8"), f"mappings/{name}.yaml")


def exists(path: Path) -> bool:
    """Whether there is such a file or folder; False, too, for a name that none can have."""
    try:
        return path.exists()
    except OSError:
        return False


def load_file(path: Path) -> YamlText:
    """One YAML file. Raises SetupError: it cannot be read, or is no YAML."""
    return parse(_read(path), str(path))


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise SetupError(f"{path} is larger than {MAX_BYTES:,} bytes", hint="check that it is the file you meant")
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise SetupError(f"{path} is not UTF-8 text (byte {error.start})", hint=f"save {path} as UTF-8") from None
    except OSError as error:
        raise SetupError(f"{path} cannot be read: {error.strerror}", hint="check the path") from None
