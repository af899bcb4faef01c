"""Before a pass: a rebuild that was killed is taken up, and a warehouse that is gone is noticed whoever wrote it."""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from connector.cli.init import create
from connector.home import open_home
from connector.pipeline import recovery
from connector.schema import SEEN
from connector.store import runs
from connector.warehouse import damage, seal
from connector.warehouse.tables import Warehouse

NOW = datetime(2026, 10, 1, tzinfo=UTC)


class Killed(BaseException):
    """The process is gone."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A warehouse of three products, one of them in a file that is damaged."""
    warehouse = Warehouse(tmp_path / "warehouse")
    for number in range(3):
        rows = [{"key": str(number), "version": NOW, "title": "Lamp"}]
        warehouse.append("product", pa.Table.from_pylist(rows, schema=SEEN["product"]), run=1)
    seal.renew(warehouse.root)
    broken = sorted((warehouse.root / "product").glob("*.parquet"))[0]
    broken.write_bytes(broken.read_bytes()[:50])
    return warehouse.root


def mend(root: Path) -> list[Path | None]:
    """What a pass does with damage; returns where it set it aside."""
    return [damage.rebuild(root, each) for each in damage.find(root, everything=True)]


def die_at(patch: pytest.MonkeyPatch, moment: int) -> None:
    """Be killed before or after one of the moves of files: before the first is moment 0, after it 1."""
    moments = itertools.count()

    def dying(move: Callable[[Path, Path], Path]) -> Callable[[Path, Path], Path]:
        def moved(path: Path, target: Path) -> Path:
            if next(moments) == moment:
                raise Killed
            done = move(path, target)
            if next(moments) == moment:
                raise Killed
            return done

        return moved

    patch.setattr(Path, "rename", dying(Path.rename))
    patch.setattr(Path, "replace", dying(Path.replace))


@pytest.mark.parametrize("moment", range(6))
def test_a_rebuild_that_is_killed_loses_nothing_that_was_saved(
    root: Path, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    """Before, between or after any of its moves: the next pass has every row that could be read in its place."""
    with monkeypatch.context() as patch, pytest.raises(Killed):
        die_at(patch, moment)
        mend(root)
    found = list((root / damage.ASIDE).glob("*"))
    aside = mend(root)
    assert aside == [] if moment == 5 else aside == (found or list((root / damage.ASIDE).glob("*")))
    assert Warehouse(root).current("product").count().to_pyarrow().as_py() == 2
    assert len(list((root / damage.ASIDE).glob("*"))) == 1
    assert damage.find(root, everything=True) == []


def test_a_warehouse_that_is_gone_is_noticed_after_an_upgrade(tmp_path: Path) -> None:
    """Older code did not say which of its runs wrote the warehouse: where they decided there was one. A new home lacks
    nothing."""
    create(tmp_path)
    with open_home(tmp_path) as home:
        assert recovery.set_right(home, NOW, whole=True) == []
        number = runs.start(home.store, NOW)
        assert recovery.set_right(home, NOW, whole=True) == []
        runs.mark_decided(home.store, number, full=True, rules="r")
        runs.finish(home.store, number, "done", {})
        (note,) = recovery.set_right(home, NOW, whole=True)
        assert "or gone: every source is read again" in note
