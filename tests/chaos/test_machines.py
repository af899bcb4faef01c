"""Several machines over one store: a process that slept past its term writes nothing more, and somebody goes on."""

import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from form import SHORT
from kill_facts import Facts, of_home, of_systems
from kill_shop import Systems, end, write_world
from machines_pass import Machine
from postgres_server import new_database

from connector.settings import load
from connector.store import Store, leases, open_store

INSTANTS = range(2 if SHORT else 10)
STORES = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
PATIENCE = 12.0
"""Seconds after which a stopped process is woken although nobody could take over: SQLite's lock goes with nobody else
while it sleeps in the middle of a transaction."""


class Shop:
    """The four systems, an install on them, and the store that its machines share."""

    def __init__(self, folder: Path, world: Path, environment: dict[str, str]) -> None:
        folder.mkdir()
        self.folder, self.home = folder, folder / "home"
        self.systems = Systems(world, end())
        self.systems.connect(self.home)
        self._environment = {**self.systems.environment(), **environment}
        os.environ.update(self._environment)
        self.store: Store = open_store(load(self.home).store_url(self.home))

    def machine(self, name: str, *, patient: bool = False) -> Machine:
        """One that begins a pass."""
        said = self.folder / f"said-{name}"
        return Machine(self.home, self.systems.until, self._environment, said, patient=patient)

    def holder(self) -> int:
        """The process that holds the lease of passes; 0: nobody."""
        return next((int(each.holder.rpartition(":")[2]) for each in leases.holders(self.store)), 0)

    def facts(self) -> Facts:
        """What stands at the end, there and here."""
        return of_systems(self.systems) + of_home(self.home)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the shop."""
    return write_world(tmp_path_factory.mktemp("machines") / "world", end())


@pytest.fixture
def opened(tmp_path: Path, world: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., Shop]]:
    """Opens shops whose systems answer; by the name of a store."""
    with ExitStack() as stack:

        def shop(kind: str) -> Shop:
            told = {}
            if kind == "postgres":
                told["LAMPLIGHTER_STORE__URL"] = new_database(request.getfixturevalue("postgres_server"))
            one = Shop(tmp_path / f"shop-{len(list(tmp_path.iterdir()))}", world, told)
            for each in one.systems:
                stack.enter_context(each)
            stack.callback(one.store.close)
            return one

        before = dict(os.environ)
        yield shop
        os.environ.clear()
        os.environ.update(before)


def wait_for(what: Callable[[], object], seconds: float = 60) -> bool:
    """Until a condition holds; whether it came to hold."""
    deadline = time.monotonic() + seconds
    while not (held := what()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return bool(held)


UNDISTURBED: dict[str, tuple[Facts, float]] = {}


def undisturbed(kind: str, opened: Callable[..., Shop]) -> tuple[Facts, float]:
    """What an undisturbed pass leaves, and how many seconds it takes."""
    if kind not in UNDISTURBED:
        shop = opened(kind)
        one = shop.machine("alone")
        assert wait_for(lambda: shop.holder() == one.pid)
        began = time.monotonic()
        assert one.end() == "done"
        UNDISTURBED[kind] = shop.facts(), time.monotonic() - began
    return UNDISTURBED[kind]


@pytest.mark.parametrize("instant", INSTANTS)
@pytest.mark.parametrize("kind", STORES)
def test_a_sleeper_that_wakes_up_late_writes_nothing(kind: str, instant: int, opened: Callable[..., Shop]) -> None:
    """Stopped at a random instant, woken during the other's pass or after it: the end is an undisturbed pass's."""
    facts, seconds = undisturbed(kind, opened)
    chance, shop = random.Random(f"{kind} {instant}"), opened(kind)
    first = shop.machine("first")
    assert wait_for(lambda: shop.holder() == first.pid)
    time.sleep(chance.random() * seconds)
    first.stop()
    second = shop.machine("second", patient=True)
    taken = wait_for(lambda: shop.holder() == second.pid or not second.running, PATIENCE)
    if taken and instant % 2:
        said = second.end()
        before = [each.journal.counts()["last"] for each in shop.systems]
    else:
        before = []
        time.sleep(chance.random() * seconds if taken else 0)
    first.wake()
    said, late = second.end(), first.end()
    after = [each.journal.counts()["last"] for each in shop.systems]
    print(f"{kind} {instant}: taken over: {taken}; first: {late}; second: {said}; calls: {before} {after}")
    assert said == "done"
    assert late == "done" or ("EndPass" in late and "has taken over" in late)
    assert not before or before == after
    assert shop.facts() == facts
