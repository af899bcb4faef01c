"""Whose turn is over reaches nobody: no CRM, no ad platform, no file, no table, no row of the store."""

import threading
from pathlib import Path

import ad_bench
import pyarrow as pa
import pytest
from crm_promises import LOYAL, pulled

from connector import turn
from connector.errors import EndPass
from connector.ports import CRM, AdDestination
from connector.schema import SEEN
from connector.store import Store, cursors, database, open_store
from connector.warehouse import seal
from connector.warehouse.tables import Warehouse


def over() -> None:
    """Somebody else has taken over."""
    raise EndPass("elsewhere:1 has taken over")


@pytest.mark.parametrize("bench", ["hubspot", "salesforce"], indirect=True)
def test_no_crm_is_asked_out_of_turn(crm: CRM) -> None:
    """Neither read nor written; afterwards all is as before."""
    with turn.answered_by(over):
        with pytest.raises(EndPass):
            crm.ensure([LOYAL])
        with pytest.raises(EndPass):
            pulled(crm, "contact")
    assert crm.ensure([LOYAL]).ids.keys() == {LOYAL.name}


def test_no_ad_platform_is_written_out_of_turn(destination: AdDestination, platform: ad_bench.AdBench) -> None:
    """Nor a file that a person is to upload."""
    with turn.answered_by(over), pytest.raises(EndPass):
        destination.ensure([ad_bench.LAMPS])
        destination.deliver(ad_bench.change(ad_bench.LAMPS.name, add=ad_bench.keys("a")))
    if platform.over_http:
        assert platform.audiences() == {}
    assert destination.ensure([ad_bench.LAMPS]).ids.keys() == {ad_bench.LAMPS.name}


def test_no_table_is_written_out_of_turn(tmp_path: Path) -> None:
    """Neither rows nor what says that the warehouse is whole."""
    warehouse = Warehouse(tmp_path / "warehouse")
    row = dict.fromkeys(SEEN["product"].names) | {"key": "shop:1", "source": "shop"}
    rows = pa.Table.from_pylist([row], schema=SEEN["product"])
    with turn.answered_by(over):
        for write in (lambda: warehouse.append("product", rows, 1), lambda: seal.enter(warehouse.root, 1)):
            with pytest.raises(EndPass):
                write()
    assert warehouse.versions("product").count().to_pyarrow().as_py() == 0
    assert seal.read(warehouse.root) == seal.Seal()
    assert warehouse.append("product", rows, 1) == 1
    warehouse.close()


def test_threads_of_a_pass_have_its_turn() -> None:
    """What a pass starts beside itself belongs to it."""
    said: list[type[BaseException]] = []

    def ask() -> None:
        try:
            turn.check()
        except EndPass as error:
            said.append(type(error))

    with turn.answered_by(over):
        beside = threading.Thread(target=ask)
        beside.start()
        beside.join()
    ask()
    assert said == [EndPass]


def test_a_store_that_somebody_else_holds_is_told_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite's lock, held for longer than we wait: the pass ends, and nothing of the transaction is kept."""
    monkeypatch.setattr(database, "PATIENCE", 0.1)
    first, second = (open_store(f"sqlite:///{tmp_path / 'state.db'}") for _ in range(2))
    with first.begin(), pytest.raises(EndPass, match="the store does not answer: database is locked"):
        cursors.save(second, "late", "contact", {"after": "1"})
    assert cursors.load(first, "late", "contact") is None
    _close(first, second)


def _close(*stores: Store) -> None:
    for each in stores:
        each.close()
