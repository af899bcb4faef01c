"""Restores that were killed: nobody takes for a new install what they have left half done."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from test_backup import COUNTED, install, taken, template, told, url_of

from connector.backup import restore
from connector.errors import SetupError
from connector.settings import load
from connector.store import dump, open_store

__all__ = ["install", "template"]


class Killed(BaseException):
    """The process is gone."""


def test_a_restore_that_was_killed_is_not_taken_for_a_new_home(
    install: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Settings come last: until then no command finds a home there, and the restore may be repeated."""
    file, before = taken(install, tmp_path / "b.zip"), told(url_of(install), but=COUNTED)

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(dump, "load", killed)
        restore(file, install, replace=True)
    with pytest.raises(SetupError, match=r"there is no .*lamplighter\.yaml"):
        load(install)
    restore(file, install, replace=True)
    assert told(url_of(install), but=COUNTED) == before
    assert load(install).hubspot is not None


def killed_at(step: int) -> Callable[[Path, Path], Path]:
    """A process that is gone when it renames so many files and one more."""
    done: list[Path] = []

    def rename(self: Path, target: Path) -> Path:
        if len(done) == step:
            raise Killed
        done.append(self)
        self.replace(target)
        return target

    return rename


@pytest.mark.parametrize("step", range(2))
def test_a_store_that_is_half_restored_is_not_taken_for_a_new_one(
    install: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Killed anywhere: no command finds an empty store, what stood there is kept, and the restore may be repeated."""
    file, before = taken(install, tmp_path / "b.zip"), told(url_of(install), but=COUNTED)
    odd = os.urandom(5_000)
    (install / "state.db").write_bytes(odd)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Path, "rename", killed_at(step))
        restore(file, install, replace=True, store_only=True)
    with pytest.raises(SetupError, match="is being restored" if step else "is damaged"):
        open_store(url_of(install))
    restore(file, install, replace=True, store_only=True)
    assert told(url_of(install), but=COUNTED) == before
    assert [path.read_bytes() for path in install.glob("replaced-*/state.db")] == [odd]
