"""Setting up: init, connect, check, import. The token reaches no file; comments survive; every trouble has its fix."""

import gzip
import io
from collections.abc import Iterator
from pathlib import Path

import keyring
import keyring.backends.fail
import pytest
import yaml
from cli import Command
from pocket import Pocket

from connector import settings
from connector.cli.settings_file import TEMPLATE, set_oauth, set_token
from connector.errors import SetupError
from connector.sandbox.serve import Sandbox
from connector.settings import FILE


@pytest.fixture
def pocket() -> Iterator[Pocket]:
    """A machine that has a keyring."""
    mine = Pocket()
    keyring.set_keyring(mine)
    yield mine
    keyring.set_keyring(keyring.backends.fail.Keyring())


@pytest.fixture
def fresh(tmp_path: Path, portal: Sandbox, lamplighter: Command) -> Path:
    """A home as `init` makes it, whose HubSpot is the sandbox."""
    home = tmp_path / "fresh"
    assert lamplighter("init", "--home", home).code == 0
    with (home / FILE).open("a") as file:
        file.write(f"\nhubspot:  # ours\n  base_url: {portal.url}  # here\n")
    return home


def everything_in(home: Path) -> str:
    """The bytes of all files of a home, as text."""
    return "".join(path.read_bytes().decode("latin-1") for path in home.rglob("*") if path.is_file())


# init


def test_init_makes_a_home_that_is_valid_and_explained(tmp_path: Path, lamplighter: Command) -> None:
    """The settings load, every line is a comment, and the mappings folder says what it is for."""
    home = tmp_path / "deep" / "home"
    done = lamplighter("init", "--home", home)
    assert done.code == 0
    assert settings.load(home) == settings.Settings()
    assert all(line.startswith("#") or not line for line in (home / FILE).read_text().splitlines())
    assert "hubspot.yaml" in (home / "mappings" / "README.md").read_text()


def test_init_overwrites_nothing(tmp_path: Path, lamplighter: Command) -> None:
    """What an admin wrote stays, and the command says that it did nothing."""
    lamplighter("init", "--home", tmp_path)
    (tmp_path / FILE).write_text("schedule: {sync_minutes: 7}\n")
    done = lamplighter("init", "--home", tmp_path)
    assert done.code == 0
    assert "nothing was changed" in done.out
    assert settings.load(tmp_path).schedule.sync_minutes == 7


def test_init_where_nothing_may_be_written_is_a_set_up_error(tmp_path: Path, lamplighter: Command) -> None:
    """A file where the folder should be: exit 2 and what to do."""
    (tmp_path / "home").write_text("")
    done = lamplighter("init", "--home", tmp_path / "home")
    assert done.code == 2
    assert "--home" in done.err


# lamplighter.yaml, line by line

EDITS = {
    TEMPLATE: TEMPLATE.rstrip() + "\n\nhubspot:\n  token: env:T\n",
    "": "\nhubspot:\n  token: env:T\n",
    "# a\nhubspot:\n# b\n": "# a\nhubspot:\n  token: env:T\n# b\n",
    "hubspot:  # ours\n    version: 2026-09  # dated\nstore: {}\n": (
        "hubspot:  # ours\n    token: env:T\n    version: 2026-09  # dated\nstore: {}\n"
    ),
    "hubspot:\n  lag_seconds: 1\n  token: keyring:hubspot  # old # older\n": (
        "hubspot:\n  lag_seconds: 1\n  token: env:T  # old # older\n"
    ),
}


@pytest.mark.parametrize("before", EDITS)
def test_the_token_line_is_written_and_the_rest_stays(tmp_path: Path, before: str) -> None:
    """Comments, order and indentation of lamplighter.yaml survive."""
    (tmp_path / FILE).write_text(before)
    set_token(tmp_path, "hubspot", "env:T")
    assert (tmp_path / FILE).read_text() == EDITS[before]
    assert yaml.safe_load((tmp_path / FILE).read_text())["hubspot"]["token"] == "env:T"


BY_HAND = """\
hubspot:
  # the app
  oauth:
    client_id: x  # of the shop
    client_secret: env:S
    refresh_token: env:R
  lag_seconds: 1
"""


def test_oauth_and_token_take_each_others_place(tmp_path: Path) -> None:
    """Also where an admin wrote the app over several lines; what else stands there stays."""
    (tmp_path / FILE).write_text(BY_HAND)
    set_token(tmp_path, "hubspot", "env:T")
    assert (tmp_path / FILE).read_text() == "hubspot:\n  # the app\n  token: env:T\n  lag_seconds: 1\n"
    app = {"client_id": "123", "client_secret": "env:S", "refresh_token": "env:R"}
    set_oauth(tmp_path, "hubspot", app)
    assert yaml.safe_load((tmp_path / FILE).read_text()) == {"hubspot": {"oauth": app, "lag_seconds": 1}}
    assert settings.load(tmp_path).hubspot is not None


@pytest.mark.parametrize(
    "before", ["hubspot: {version: '2026-09'}\n", "hubspot: {token: env:A}\n", '{"hubspot": {}}\n']
)
def test_a_file_that_cannot_be_changed_safely_is_left_alone(tmp_path: Path, before: str) -> None:
    """Better a clear request than a broken file."""
    (tmp_path / FILE).write_text(before)
    with pytest.raises(SetupError, match="write `token: env:T` under `hubspot:`"):
        set_token(tmp_path, "hubspot", "env:T")
    assert (tmp_path / FILE).read_text() == before


# connect


def test_connect_by_environment_keeps_a_reference(
    fresh: Path, lamplighter: Command, portal: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The token is tried; the settings name the variable, and no file of the home holds the token."""
    monkeypatch.setenv("SHOP_TOKEN", portal.token)
    done = lamplighter("connect", "hubspot", "--token-env", "SHOP_TOKEN", "--home", fresh)
    assert done.code == 0, done.err
    chosen = settings.load(fresh).hubspot
    assert chosen is not None
    assert (chosen.token, chosen.base_url) == ("env:SHOP_TOKEN", portal.url)
    assert "hubspot:  # ours\n" in (fresh / FILE).read_text()
    assert portal.token not in everything_in(fresh) + done.out + done.err


def test_connect_by_pasting_keeps_the_token_in_the_keyring(
    fresh: Path, lamplighter: Command, portal: Sandbox, monkeypatch: pytest.MonkeyPatch, pocket: Pocket
) -> None:
    """The first line of stdin is the token; it goes to the keyring and nowhere else."""
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{portal.token}\n"))
    done = lamplighter("connect", "hubspot", "--home", fresh)
    assert done.code == 0, done.err
    assert pocket.kept == {("lamplighter", "hubspot"): portal.token}
    assert "token: keyring:hubspot\n" in (fresh / FILE).read_text()
    assert portal.token not in everything_in(fresh) + done.out + done.err


def test_without_a_keyring_connect_asks_for_a_variable(
    fresh: Path, lamplighter: Command, portal: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The token works, but there is no place for it: exit 2, the way out, and nothing written."""
    before = (fresh / FILE).read_text()
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{portal.token}\n"))
    done = lamplighter("connect", "hubspot", "--home", fresh)
    assert done.code == 2
    assert "--token-env HUBSPOT_TOKEN" in done.err
    assert (fresh / FILE).read_text() == before
    assert portal.token not in done.out + done.err


@pytest.mark.parametrize("token", ["wrong-token", ""])
def test_a_token_that_is_wrong_or_missing_changes_nothing(
    fresh: Path, lamplighter: Command, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    """Exit 2, and the settings stay as they were."""
    before = (fresh / FILE).read_text()
    monkeypatch.setenv("SHOP_TOKEN", token)
    done = lamplighter("connect", "hubspot", "--token-env", "SHOP_TOKEN", "--home", fresh)
    assert done.code == 2
    assert "->" in done.err
    assert (fresh / FILE).read_text() == before


# check


def test_check_of_a_good_home_is_all_ok(home: Path, lamplighter: Command) -> None:
    """Every part is named, nothing needs fixing, exit 0."""
    done = lamplighter("check", "--json", "--home", home)
    assert done.code == 0, done.out
    titles = {one["title"] for one in done.json["findings"]}
    assert {"settings", "audiences", "source feed", "source site", "source ads", "warehouse", "store"} <= titles
    assert any(title.startswith("hubspot: ") for title in titles)


def test_check_changes_nothing_at_the_other_end(home: Path, lamplighter: Command, portal: Sandbox) -> None:
    """It only reads."""
    lamplighter("check", "--home", home)
    assert portal.journal.counts()["writes"] == 0


BROKEN = {
    "no CRM": (FILE, "", "lamplighter connect hubspot"),
    "YAML": (FILE, "hubspot: [\n", "line 2"),
    "setting": (FILE, "hubspot:\n  tokn: env:X\n", "line 2, hubspot.tokn"),
    "token in the file": (FILE, "hubspot:\n  token: pat-eu1-1234\n", "env:NAME or keyring:NAME"),
    "variable not set": (FILE, "hubspot:\n  token: env:NOT_SET\n", "NOT_SET is empty"),
    "collector's key": (FILE, "collect:\n  write_key: env:NO_KEY\n", "NO_KEY is empty"),
    "source file": (FILE, "sources:\n  - {name: site, kind: segment, path: gone.ndjson}\n", "gone.ndjson"),
    "store": (FILE, "store:\n  url: sqlite:////proc/none/state.db\n", "cannot be written"),
    "audiences": ("mappings/audiences.yaml", "audiences:\n  - {name: a b}\n", "line 2"),
    "mapping": (
        "mappings/hubspot.yaml",
        "streams: {contact: {fields: {emial: email}}}\n",
        "mappings/hubspot.yaml, line 1",
    ),
}


@pytest.mark.parametrize("trouble", BROKEN)
def test_check_names_what_is_wrong_and_the_fix(home: Path, lamplighter: Command, trouble: str) -> None:
    """Each broken part is a finding of its own, with its place and what to do; exit 2."""
    name, text, told = BROKEN[trouble]
    (home / name).write_text(text)
    done = lamplighter("check", "--json", "--home", home)
    assert done.code == 2
    wrong = [one for one in done.json["findings"] if not one["ok"]]
    assert any(told in one["detail"] + one["fix"] for one in wrong), wrong
    assert all(one["fix"] for one in wrong)


def test_check_is_readable_too(home: Path, lamplighter: Command) -> None:
    """One line a finding, the fix below."""
    (home / FILE).write_text("")
    done = lamplighter("check", "--home", home)
    assert done.code == 2
    assert "ok   settings" in done.out
    assert "FIX  CRM: none is connected\n     -> lamplighter connect hubspot" in done.out


# import


def test_import_reads_a_file_once(home: Path, lamplighter: Command, small_shop: Path, tmp_path: Path) -> None:
    """Books of what was read; a second time there is nothing new; gzip and plain alike."""
    packed = tmp_path / "events.ndjson.gz"
    packed.write_bytes(gzip.compress((small_shop / "events.ndjson").read_bytes()))
    first = lamplighter("import", packed, "--as", "segment", "--json", "--home", home)
    again = lamplighter("import", packed, "--as", "segment", "--json", "--home", home)
    assert (first.code, again.code) == (0, 0)
    assert first.json["books"] == {"import:events.ndjson.gz": {"read": 4, "kept": 4, "skipped": 0, "rejected": 0}}
    assert again.json["books"] == {"import:events.ndjson.gz": {"read": 0, "kept": 0, "skipped": 0, "rejected": 0}}


def test_import_of_several(home: Path, lamplighter: Command, small_shop: Path, tmp_path: Path) -> None:
    """Files and folders each have their books; two of one name, or several under one source, are refused."""
    folder = tmp_path / "days"
    folder.mkdir()
    for place in (folder / "one.ndjson", folder / "two.ndjson", tmp_path / "three.ndjson"):
        place.write_bytes((small_shop / "events.ndjson").read_bytes())
    done = lamplighter("import", folder, tmp_path / "three.ndjson", "--as", "segment", "--json", "--home", home)
    assert {name: book["read"] for name, book in done.json["books"].items()} == {
        "import:days": 8,
        "import:three.ndjson": 4,
    }
    for words in ((folder / "one.ndjson", folder / "two.ndjson", "--name", "site"), (folder, tmp_path / "." / "days")):
        assert lamplighter("import", *words, "--as", "segment", "--home", home).code == 2


def test_import_keeps_bad_rows_aside(home: Path, lamplighter: Command, tmp_path: Path) -> None:
    """A torn line is counted, kept with its reason, and shown by status."""
    torn = tmp_path / "events.ndjson"
    torn.write_text('{"type":"track"\n')
    done = lamplighter("import", torn, "--as", "segment", "--home", home)
    assert done.code == 0
    assert "read 1, kept 0, skipped 0, rejected 1" in done.out
    shown = lamplighter("status", "--json", "--home", home).json
    assert [(row["source"], row["rows"]) for row in shown["rejected"]] == [("import:events.ndjson", 1)]


def test_import_of_nothing_is_a_set_up_error(home: Path, lamplighter: Command, tmp_path: Path) -> None:
    """A file that is not there: exit 2."""
    done = lamplighter("import", tmp_path / "none.csv", "--as", "catalogue", "--home", home)
    assert (done.code, "there is no file" in done.err) == (2, True)
