"""What the commands and settings are is what the documents say."""

import re
import shlex
from pathlib import Path
from typing import Any, get_args

import pytest
import typer
from pydantic import BaseModel

from connector.cli import app
from connector.pipeline.report import EXIT_CODES
from connector.settings import Settings

ROOT = Path(__file__).parents[1]
INSTALL = (ROOT / "docs" / "install.md").read_text("utf-8")
PAGES = sorted((ROOT / "docs").glob("*.md"))
COMMAND = typer.main.get_command(app)
WORDS = re.compile(r"`(lamplighter [^`]+)`|^ {4}(lamplighter .+?)(?:  +#.*)?$", re.MULTILINE)
NOT_COMMANDS = {"lamplighter COMMAND --help", "lamplighter --verbose COMMAND"}


def commands(group: Any = COMMAND, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    """Every command by its words, those of groups included."""
    found = {}
    for name, command in group.commands.items():
        found[(*path, name)] = command
        found.update(commands(command, (*path, name)) if hasattr(command, "commands") else {})
    return found


def readme() -> str:
    """The README; a test that needs it is skipped while nobody has written it."""
    path = ROOT / "README.md"
    if not path.exists():
        pytest.skip("there is no README.md yet")
    return path.read_text("utf-8")


def settings_fields(model: type[BaseModel] = Settings, prefix: str = "") -> list[str]:
    """Every field as the documents call it, `hubspot.token`."""
    found = []
    for name, field in model.model_fields.items():
        parts = [part for part in (field.annotation, *get_args(field.annotation)) if isinstance(part, type)]
        models = [part for part in parts if issubclass(part, BaseModel)]
        found += settings_fields(models[0], f"{prefix}{name}.") if models else [f"{prefix}{name}"]
    return found


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_and_option_has_help(words: tuple[str, ...]) -> None:
    """Whoever asks with --help is answered."""
    command = commands()[words]
    assert command.help
    unexplained = [
        option.name for option in command.params if option.name != "help" and not getattr(option, "help", "")
    ]
    assert unexplained == []


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_is_documented(words: tuple[str, ...]) -> None:
    """Named in docs/install.md, as it is typed."""
    assert f"`lamplighter {' '.join(words)}" in INSTALL


@pytest.mark.parametrize("code", sorted({0, 1, 2, 3, 4, *EXIT_CODES.values()}))
def test_every_exit_code_is_documented(code: int) -> None:
    """In docs/install.md, and in the help of the command itself."""
    assert f"\n| {code} |" in INSTALL.partition("## Exit codes")[2]
    assert f"{code} " in str(COMMAND.help).partition("Exit codes:")[2]


@pytest.mark.parametrize("field", settings_fields())
def test_every_setting_is_documented(field: str) -> None:
    """In docs/install.md, in the table of settings."""
    assert f"\n| `{field}` |" in INSTALL.partition("## Settings")[2]


def test_no_setting_is_documented_that_is_none() -> None:
    """The table has no row too many."""
    told = re.findall(r"^\| `([a-z_.]+)` \|", INSTALL.partition("## Settings")[2], re.MULTILINE)
    assert sorted(told) == sorted(settings_fields())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_in_the_documents_exist(page: Path) -> None:
    """Whatever is shown to be typed can be typed."""
    for line in typed(page.read_text("utf-8")):
        check_typed(line)


def test_commands_in_the_readme_exist() -> None:
    """Commands and make targets alike."""
    text = readme()
    for line in typed(text):
        check_typed(line)
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z]+)\b", text)) <= targets


def typed(text: str) -> list[str]:
    """The command lines of a page."""
    found = [(quoted or block).strip() for quoted, block in WORDS.findall(text)]
    return [line for line in found if line not in NOT_COMMANDS]


def check_typed(line: str) -> None:
    """The command is there, and so is every option of the line."""
    words = shlex.split(line)[1:]
    known = commands()
    path = max((path for path in known if tuple(words[: len(path)]) == path), key=len, default=())
    assert path, f"no such command: {line}"
    options = {name for option in known[path].params for name in option.opts}
    assert {word for word in words if word.startswith("--")} <= options, line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_the_documents_lead_somewhere(page: Path) -> None:
    """No relative link is broken."""
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_no_message_names_a_command_that_is_not_there() -> None:
    """An admin who does what a hint says finds the command and its options."""
    known = {
        " ".join(words): {opt for each in found.params for opt in each.opts} for words, found in commands().items()
    }
    told = re.compile(r"lamplighter ([a-z]+)((?: --[a-z-]+(?: [\w{}./]+)?)+)")
    sources = [path.read_text("utf-8") for path in (ROOT / "connector").rglob("*.py")]
    hints = [found for text in sources for found in told.finditer(text)]
    named = [(found[1], option) for found in hints for option in re.findall(r"--[a-z-]+", found[2])]
    assert ("run", "--approve") in named
    assert [pair for pair in named if pair[1] not in known.get(pair[0], ())] == []
