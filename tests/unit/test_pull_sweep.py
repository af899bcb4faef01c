"""Sweeps into a real warehouse and store: killed halfway, and after the setting of purchases went back and forth."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hubspot_rig import OBJECTS, Rig, rigged

from connector.pull import pull_source
from connector.pull.sweep import pull_sweep
from connector.store import Store, open_store
from connector.warehouse.tables import Warehouse

AT = datetime(2026, 11, 1, tzinfo=UTC)


class Killed(BaseException):
    """The process ended here."""


@dataclass
class Install:
    """A portal, and the two places of a home on it."""

    rig: Rig
    warehouse: Warehouse
    store: Store
    number: int = 0

    def pull(self, **settings: Any) -> None:
        """Pull in a run of its own."""
        self.number += 1
        pull_source(self.rig.crm(**settings), self.warehouse, self.store, self.number, lambda *told: None)

    def sweep(self, **settings: Any) -> None:
        """The daily look at what is gone, in a run of its own."""
        self.number += 1
        crm = self.rig.crm(**settings)
        pull_sweep(crm, "gone", self.warehouse, self.store, self.number, lambda *told: None, at=AT)


@pytest.fixture
def install(tmp_path: Path) -> Iterator[Install]:
    """Nothing pulled yet."""
    with rigged() as rig:
        warehouse, store = Warehouse(tmp_path / "warehouse"), open_store(f"sqlite:///{tmp_path / 'state.db'}")
        yield Install(rig, warehouse, store)
        warehouse.close()
        store.close()


@pytest.mark.parametrize("step", ["erase", "_delete"])
def test_an_erasure_that_was_killed_is_done_by_the_next_sweep(
    install: Install, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before or within the erasing: the row that says "gone" stands already, and the address still goes."""
    body = {"properties": {"email": "mortal@example.com"}}
    mortal = str(install.rig.act("POST", f"{OBJECTS}/contacts", body)["id"])
    install.pull()
    install.rig.act("POST", f"{OBJECTS}/contacts/gdpr-delete", {"objectId": mortal})

    def kill(*_args: Any, **_named: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(install.warehouse, step, kill)
        install.sweep()
    assert "mortal@example.com" in install.warehouse.versions("contact").to_pyarrow()["email"].to_pylist()
    install.sweep()
    assert install.warehouse.versions("contact").to_pyarrow()["email"].to_pylist() == [None]


def test_orders_come_back_when_purchases_are_orders_again(install: Install) -> None:
    """Orders, then deals, then orders: what was put away meanwhile is listed anew by the next pull."""
    (buyer,) = install.rig.contacts(1)
    order = install.rig.sandbox.create_order(buyer, [("L1", "1", "20")])
    install.pull()
    install.pull(purchases="deals")
    install.sweep(purchases="deals")
    assert install.warehouse.current("order_header").to_pyarrow()["deleted_at"].to_pylist() != [None]
    install.pull(purchases="orders")
    row = install.warehouse.current("order_header").to_pyarrow().to_pylist()[0]
    assert (row["key"], row["deleted_at"], row["contact_key"]) == (f"hubspot:{order}", None, f"hubspot:{buyer}")
