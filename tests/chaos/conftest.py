"""Chaos: every test here tries to break one of the ten promises. All of them are marked `chaos`."""

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.limits import never_wait

HERE = Path(__file__).parent
KILLS = ("killed", "lost", "doubled")
"""What `test_kill_points` notes of each of its tests."""
for room in ("scenario", "unit"):  # their shops, lives, models and rigs are used here too
    sys.path.append(str(HERE.parent / room))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what lives in this folder, so that no file can be forgotten by `make chaos`."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.chaos)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How often a pass was killed in all, and what was lost or doubled by it."""
    told: Counter[str] = Counter()
    for report in (*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")):
        told.update({name: count for name, count in report.user_properties if name in KILLS})
    if told:
        terminalreporter.write_line("kill points {}, lost {}, doubled {}".format(*(told[name] for name in KILLS)))


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Retries do not wait, and the secrets of a town stand in the environment."""
    from fault_town import SECRETS  # here: conftest is read by every run, towns are not

    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    never_wait()
    yield
    never_wait(False)
