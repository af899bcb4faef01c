"""A lamp shop with a sandbox HubSpot and an install on it: set up once, copied for tests that change something."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from lamp_install import TOKEN, Shop

from connector.cli.demo_world import end_of
from connector.limits import never_wait
from connector.pipeline import Report
from connector.sandbox.lamp_shop import write_world
from connector.sandbox.serve import Sandbox


@pytest.fixture(scope="session")
def lamp_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built-in lamp shop's files."""
    folder = tmp_path_factory.mktemp("world")
    write_world(folder)
    return folder


@pytest.fixture(scope="session")
def settled(lamp_world: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], Report]:
    """A folder with a home and a portal after an undisturbed first pass, what the CRM then shows, and the report."""
    folder = tmp_path_factory.mktemp("settled")
    os.environ[TOKEN] = "sandbox-token"
    sandbox = Sandbox(lamp_world, state=folder / "portal.db").start()
    shop = Shop(lamp_world, folder / "home", sandbox, end_of(lamp_world))
    shop.install()
    first = shop.run(facts=True)
    sandbox.clock.advance(5)  # the Date header tells whole seconds: until then the last moments are read again
    assert shop.run().status == "done"  # our own echo is read
    seen = shop.crm()
    sandbox.stop()
    return folder, seen, first


@pytest.fixture
def shop(settled: tuple[Path, dict[str, Any], Report], lamp_world: Path, tmp_path: Path) -> Iterator[Shop]:
    """A shop of the test's own, after an undisturbed first pass and a second that found nothing."""
    folder, _, _ = settled
    shutil.copytree(folder, tmp_path / "shop")
    sandbox = Sandbox(None, state=tmp_path / "shop" / "portal.db").start()
    copy = Shop(lamp_world, tmp_path / "shop" / "home", sandbox, end_of(lamp_world))
    copy.point()
    sandbox.clock.advance(10)
    yield copy
    sandbox.stop()


@pytest.fixture
def fresh(lamp_world: Path, tmp_path: Path) -> Iterator[Callable[..., Shop]]:
    """Makes shops whose first pass is still to come."""
    made: list[Shop] = []

    def make(**settings: Any) -> Shop:
        place = tmp_path / f"fresh-{len(made)}"
        sandbox = Sandbox(lamp_world).start()
        shop = Shop(lamp_world, place, sandbox, end_of(lamp_world), settings)
        shop.install()
        made.append(shop)
        return shop

    yield make
    for shop in made:
        shop.sandbox.stop()


@pytest.fixture(autouse=True)
def token(clean_environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The token stands in the environment, as an admin's would."""
    monkeypatch.setenv(TOKEN, "sandbox-token")


@pytest.fixture(autouse=True)
def no_waits() -> Iterator[None]:
    """Retries happen as they would, without their waits."""
    never_wait()
    yield
    never_wait(False)
