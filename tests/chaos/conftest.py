"""Chaos: every test here tries to break one of the ten promises. All of them are marked `chaos`."""

import os
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what lives in this folder, so that no file can be forgotten by `make chaos`."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.chaos)


def short() -> bool:
    """Whether the shorter form was asked for: fewer kills and mixes, all of the kinds."""
    return os.environ.get("LAMPLIGHTER_CHAOS") == "short"
