"""The shape of the house: imports go down, files stay short, names say what they hold, decisions have no clock."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector import yaml_text
from connector.audiences import load_audiences
from connector.mapping import load_mapping
from connector.policies.overrides import Overrides, load_overrides

ROOT = Path(__file__).parents[1]
ROOMS = ("connector", "jobs", "mappings")
LONGEST = 400
DRAWERS = {"util", "utils", "helper", "helpers", "misc", "common", "shared", "base", "stuff", "tools"}
CLOCKS = {"now", "utcnow", "today", "time", "monotonic", "time_ns", "perf_counter"}
CHANCE = {"random", "secrets", "uuid"}
SQL = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|CREATE|ALTER|DROP|COPY|PRAGMA|ATTACH|WITH|MERGE|REPLACE|GRANT)\s")


def modules(*rooms: str) -> list[Path]:
    """The Python files of some rooms."""
    return sorted(path for room in rooms for path in (ROOT / room).rglob("*.py"))


def name_of(path: Path) -> str:
    """As messages call a file."""
    return str(path.relative_to(ROOT))


def parsed(path: Path) -> Iterator[ast.AST]:
    """Every node of a file."""
    return ast.walk(ast.parse(path.read_text("utf-8")))


def test_imports_only_go_down() -> None:
    """The contracts of setup.cfg hold."""
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]


def test_files_stay_short() -> None:
    """A longer file is two rooms in one."""
    lengths = {name_of(path): len(path.read_text("utf-8").splitlines()) for path in modules(*ROOMS)}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST} == {}


def test_no_file_is_a_drawer() -> None:
    """A name says what is inside."""
    assert [name_of(path) for path in modules(*ROOMS) if path.stem.lower() in DRAWERS] == []


def test_every_module_says_what_it_is_for() -> None:
    """A docstring of one to five lines where there is any code; worlds and packages may be bare."""
    bare = [path for path in modules(*ROOMS) if path.read_text("utf-8").strip() and not _docstring(path)]
    assert [name_of(path) for path in bare] == []


def _docstring(path: Path) -> str | None:
    return ast.get_docstring(ast.parse(path.read_text("utf-8")))


@pytest.mark.parametrize("path", modules("connector/merge", "connector/decide"), ids=name_of)
def test_merge_and_decide_have_neither_clock_nor_chance(path: Path) -> None:
    """`now` is an argument: the same tables give the same decisions for ever."""
    called = {_called(node) for node in parsed(path)}
    assert called & CLOCKS == set()
    assert _imported(path) & (CHANCE | {"time"}) == set()


def _called(node: ast.AST) -> str:
    return node.func.attr if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else ""


def _imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in parsed(path):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize("path", modules("connector/merge", "connector/decide"), ids=name_of)
def test_merge_and_decide_hold_no_sql_text(path: Path) -> None:
    """Expressions only, so that they run on another engine."""
    texts = [node.value for node in parsed(path) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    assert [
        text for text in texts if text.lstrip().upper().startswith(("SELECT ", "WITH ", "INSERT ", "UPDATE "))
    ] == []
    assert {_called(node) for node in parsed(path)} & {"sql", "raw_sql"} == set()


def test_sql_is_put_together_in_few_places() -> None:
    """Everywhere else it is expressions, which quote by themselves. In these places only names and numbers of ours go
    in; Salesforce's language knows no parameters, and its values go through `format_soql`."""
    found = {name_of(path) for path in modules("connector", "jobs") for node in parsed(path) if _spelt_sql(node)}
    ours = {name for name in found if not name.startswith(("connector/sandbox/", "connector/crms/_salesforce/"))}
    assert ours <= {
        "connector/warehouse/prepared.py",
        "connector/store/database.py",
        "connector/cli/salesforce_view.py",
    }


def _spelt_sql(node: ast.AST) -> bool:
    """Text with something put in, that begins like SQL or is handed to a database."""
    if isinstance(node, ast.JoinedStr):
        first = node.values[0]
        return isinstance(first, ast.Constant) and SQL.match(str(first.value)) is not None
    if not isinstance(node, ast.Call) or _called(node) not in {"execute", "exec_driver_sql", "raw_sql", "sql"}:
        return False
    return bool(node.args) and isinstance(node.args[0], ast.JoinedStr | ast.BinOp)


@pytest.mark.parametrize("path", sorted((ROOT / "mappings").glob("*.yaml")), ids=name_of)
def test_every_mapping_that_is_shipped_is_valid(path: Path) -> None:
    """Each loads by the check that an admin's own copy gets."""
    assert yaml_text.load(path.stem, None).data
    if path.stem == "audiences":
        assert load_audiences(None).audiences
    elif path.stem == "same":
        assert load_overrides(None) == Overrides()
    else:
        assert load_mapping(path.stem, None).streams


def test_what_is_shipped_names_no_machine_of_ours() -> None:
    """No path of the machine it was written on."""
    told = [name_of(path) for path in modules(*ROOMS, "tests") if "/work" + "/" in path.read_text("utf-8")]
    assert told == []
