"""Runs `lamplighter` commands in this process, and says what came of them."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from connector.cli import app, process


@dataclass(frozen=True)
class Outcome:
    """One command: its exit code and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """stdout as the one JSON object it must be."""
        return json.loads(self.out)


Command = Callable[..., Outcome]


def command_in(capsys: pytest.CaptureFixture[str]) -> Command:
    """A function that runs one command line and gives its Outcome."""

    def lamplighter(*words: object) -> Outcome:
        capsys.readouterr()
        try:
            code = process.exit_code(lambda: app([str(word) for word in words]))
        except SystemExit as ended:
            code = int(ended.code or 0)
        written = capsys.readouterr()
        return Outcome(code, written.out, written.err)

    return lamplighter
