"""The watch over the whole suite sees what it is there for, at each exit of the product."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
import structlog
import urllib3
from planted import Planted

from connector.errors import RetryLater
from connector.observe.metrics import exposition
from connector.sandbox.serve import Sandbox
from connector.sandbox.world import CONTACTS, World
from connector.store import open_store
from connector.store.acknowledged import put_members
from connector.warehouse.tables import Warehouse


def log_by_library(folder: Path) -> None:
    logging.getLogger("urllib3").debug("GET /contacts?email=%s", "dana%40example.com")


def log_by_us(folder: Path) -> None:
    structlog.get_logger().info("sent", to="+442079460999")


def error(folder: Path) -> None:
    RetryLater("contact Okafor cannot be written")


def url(folder: Path) -> None:
    with Sandbox() as portal:
        urllib3.request("GET", f"{portal.url}/x?q=rosa%40example.com", headers={"User-Agent": "lamplighter"})


def metric(folder: Path) -> None:
    store = open_store(f"sqlite:///{folder / 'state.db'}")
    with store.begin() as connection:
        put_members(connection, "google", [("of Okafor", "m1")], 1, certain=True)
    exposition(store)
    store.close()


def file_name(folder: Path) -> None:
    (folder / "lamplighter.yaml").touch()
    Warehouse(folder / "warehouse").close()
    (folder / "dana@example.com.csv").touch()


@pytest.mark.parametrize(
    "act", [log_by_library, log_by_us, error, url, metric, file_name], ids=lambda act: act.__name__
)
def test_every_exit_is_watched(
    act: Callable[[Path], None], planted: Planted, small_shop: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever tells of a person there is told of, once."""
    caplog.set_level(logging.DEBUG, logger="urllib3")
    assert list(World(small_shop).rows(CONTACTS))
    assert planted.told() == []
    act(tmp_path)
    assert planted.told() != []
    assert planted.told() == []


def test_the_watch_knows_the_secrets_that_were_asked_for(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token without any form of its own is found by its value."""
    from connector import settings

    monkeypatch.setenv("PLAIN_WORDS", "correct horse battery")
    settings.secret("env:PLAIN_WORDS")
    structlog.get_logger().info("the correct horse battery staple")
    assert len(planted.told()) == 1
