"""Every adapter on its bench: `bench_NAME.py` for CRMs, `ad_bench_NAME.py` for ad platforms, beside this file."""

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ad_bench
import pytest
import small_world
from crm_promises import BENCHES

from connector import limits
from connector.ports import CRM, AdDestination
from connector.store import Store, open_store


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small shop's files."""
    return small_world.write(tmp_path_factory.mktemp("small"))


@pytest.fixture(params=BENCHES)
def bench(request: pytest.FixtureRequest, world: Path) -> Iterator[Any]:
    """A CRM filled with the small shop. Retries do not sleep."""
    limits.never_wait()
    with importlib.import_module(f"bench_{request.param}").Bench(world) as bench:
        yield bench
    limits.never_wait(False)


@pytest.fixture
def crm(bench: Any) -> CRM:
    """An adapter on it."""
    found: CRM = bench.crm()
    return found


@pytest.fixture(params=ad_bench.BENCHES)
def platform(request: pytest.FixtureRequest) -> Iterator[ad_bench.AdBench]:
    """An ad account with nothing in it. Retries do not sleep."""
    limits.never_wait()
    with ad_bench.bench_of(request.param) as bench:
        yield bench
    limits.never_wait(False)


@pytest.fixture
def destination(platform: ad_bench.AdBench) -> AdDestination:
    """An adapter on it."""
    return platform.destination()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where an empty store may be made."""
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{tmp_path / 'state.db'}"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """A store just made."""
    opened = open_store(url)
    yield opened
    opened.close()
