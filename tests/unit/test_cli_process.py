"""However a command ends, it ends with a sentence and the documented exit code, and tells nobody's secrets."""

import json
import logging
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import structlog
from cli import Command

from connector.cli import process, terminal
from connector.errors import Failed, GuardStop, LamplighterError, RetryLater, SetupError
from connector.observe import logs


def raising(error: BaseException) -> int:
    """The exit code of work that ends like this."""

    def work() -> None:
        raise error

    return process.exit_code(work)


@pytest.mark.parametrize(
    ("error", "code"), [(Failed("a"), 1), (SetupError("b"), 2), (RetryLater("c"), 3), (GuardStop("d"), 4)]
)
def test_a_known_error_is_its_message_and_its_exit_code(
    error: LamplighterError, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """What an admin reads is the message and what to do next."""
    error.hint = "lamplighter check"
    assert raising(error) == code
    assert capsys.readouterr().err == f"{error.message}\n  -> lamplighter check\n"


@pytest.mark.usefixtures("shown_on_purpose")
def test_an_unknown_error_tells_its_kind_and_nothing_else(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The text of an unknown error may be a customer's; LAMPLIGHTER_TRACEBACK=1 shows where it was, and no address."""
    assert raising(ValueError("dana@example.com")) == 1
    quiet = capsys.readouterr().err
    assert "ValueError" in quiet
    assert "dana" not in quiet
    monkeypatch.setenv("LAMPLIGHTER_TRACEBACK", "1")
    assert raising(ValueError("dana@example.com")) == 1
    shown = capsys.readouterr().err
    assert "Traceback" in shown
    assert "dana" not in shown


def test_ctrl_c_is_130() -> None:
    """As a shell expects of an interrupted process."""
    assert raising(KeyboardInterrupt()) == 130


def test_work_that_returns_nothing_is_done() -> None:
    """No news is exit code 0."""
    assert process.exit_code(lambda: None) == 0


@pytest.mark.parametrize(
    "words", [["nonsense"], ["run", "--nonsense"], ["run", "--only", "x"], ["run", "--as-of", "y"]]
)
def test_a_mistyped_command_is_a_usage_error(lamplighter: Command, words: list[str]) -> None:
    """Exit 2, with what is known in the message."""
    done = lamplighter(*words)
    assert done.code == 2
    assert done.out == ""
    assert "Usage" in done.err


@pytest.mark.parametrize(
    "words", [["run"], ["check"], ["status"], ["explain", "a@example.com"], ["audiences"], ["retry"]]
)
def test_a_home_that_is_not_there_is_a_set_up_error(lamplighter: Command, tmp_path: Path, words: list[str]) -> None:
    """Every command that needs an install says how to make one."""
    done = lamplighter(*words, "--home", tmp_path / "none")
    assert done.code == 2
    assert "lamplighter init" in done.out + done.err


def test_logs_are_json_where_nobody_looks_on(capsys: pytest.CaptureFixture[str]) -> None:
    """One JSON object a line on stderr, ours and the libraries' alike; below the level, silence."""
    logs.set_up(logging.WARNING)
    structlog.get_logger().info("too_quiet")
    structlog.get_logger().warning("heard", run=3)
    logging.getLogger("apscheduler").warning("also heard")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["event"], line["level"]) for line in lines] == [("heard", "warning"), ("also heard", "warning")]
    assert lines[0]["run"] == 3


def child(*words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """The real command, in a process of its own."""
    command = [sys.executable, "-m", "connector.cli", *words]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, check=False)


def test_what_a_process_writes_is_its_owners_alone(tmp_path: Path) -> None:
    """Files 0600, folders 0700, whatever the shell's umask."""
    done = child("init", "--home", str(tmp_path / "home"))
    assert done.returncode == 0, done.stderr
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "home").rglob("*") if path.is_file()}
    assert modes == {0o600}
    assert stat.S_IMODE((tmp_path / "home").stat().st_mode) == 0o700


def test_the_command_shows_no_traceback_and_keeps_stdout_clean(tmp_path: Path) -> None:
    """A wrong settings file is one sentence on stderr, exit 2, also with --json."""
    (tmp_path / "lamplighter.yaml").write_text("hubspot: {tokn: env:X}\n")
    done = child("run", "--json", "--home", str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert "line 1, hubspot.tokn: there is no such setting" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("word", ["\udfff", "a\0b", "x" * 5_000])
def test_what_is_typed_is_text(lamplighter: Command, tmp_path: Path, word: str) -> None:
    """Bytes that are no UTF-8, NUL, words without end: a usage error that quotes nothing of them."""
    done = lamplighter("explain", word, "--home", tmp_path)
    assert done.code == 2
    assert "word 2 of the command" in done.err
    assert word not in done.err


def test_what_a_terminal_obeys_is_spelt_out(capsys: pytest.CaptureFixture[str]) -> None:
    """Titles and names come from customers: they may not clear the screen, or turn a sentence around."""
    hostile = "\x1b[2J\u202eexe\ud800\r\n"
    terminal.note(hostile)
    terminal.say(hostile)
    terminal.table(("title",), [(hostile,)])
    terminal.print_json({"title": hostile})
    written = capsys.readouterr()
    assert written.err == "\\u001b[2J\\u202eexe\\ud800\\u000d\n\n"
    assert not set(written.out) & set("\x1b\u202e\ud800\r")
    assert "\\u001b[2J\\u202eexe" in written.out
    assert json.loads(written.out[written.out.index("{") :]) == {"title": hostile}
