"""Folders that may only be read, also by root."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Nobody may write into a folder meanwhile. Skips the test where that cannot be had."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a folder for reading alone")
    if subprocess.run(["mount", "--bind", folder, folder], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody mount a folder")
    try:
        if subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=False).returncode:
            pytest.skip("this machine lets nobody mount a folder for reading alone")
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
