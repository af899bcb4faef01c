"""What every CRM adapter promises of its sweeps (`connector/ports.py`), with a real warehouse and store behind it."""

import importlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from crm_promises import BENCHES

from connector import limits
from connector.errors import LamplighterError, RetryLater, SetupError
from connector.ports import CRM
from connector.pull import Book, pull_source, pull_sweep
from connector.pull.held import held_of
from connector.pull.sweep import load
from connector.schema import table_of
from connector.store import Store, open_store
from connector.warehouse.tables import Warehouse

PEOPLE = 4
NOW = datetime(2026, 11, 21, tzinfo=UTC)


@dataclass
class Install:
    """A CRM with a few people and orders, and what we hold of it."""

    bench: Any
    warehouse: Warehouse
    store: Store
    run: int = 0
    people: list[str] = field(default_factory=list)
    orders: list[str] = field(default_factory=list)

    def fill(self) -> None:
        """People with an order each."""
        self.people = [self.bench.add_contact(f"p{number}@example.com") for number in range(PEOPLE)]
        self.orders = [self.bench.order(one, [("sku1", "1", "9.95")]) for one in self.people]

    def pull(self, crm: CRM | None = None) -> Book:
        """A pull as a run of its own."""
        self.run += 1
        book = pull_source(crm or self.bench.crm(), self.warehouse, self.store, self.run, lambda *told: None)
        assert book.balanced
        return book

    def sweep(self, name: str, crm: CRM | None = None, *, approved: bool = False) -> Book:
        """A sweep in the run of the last pull; of a CRM where another one does its work, that one."""
        name = self.bench.sweeps.get(name, name)
        book = pull_sweep(
            crm or self.bench.crm(),
            name,
            self.warehouse,
            self.store,
            self.run,
            lambda *told: None,
            at=NOW,
            approved=approved,
        )
        assert book.balanced
        assert load(self.store, self.bench.name, name) == {"swept_at": NOW.isoformat()}
        return book

    def row(self, stream: str, record: str) -> dict[str, Any]:
        """The current row of a record."""
        rows = self.warehouse.current(table_of(stream))
        found: list[dict[str, Any]] = rows.filter(rows.key == f"{self.bench.name}:{record}").to_pyarrow().to_pylist()
        return found[0]

    def rows(self, stream: str) -> int:
        """How many rows are kept of a stream, all versions."""
        return int(self.warehouse.versions(table_of(stream)).count().to_pyarrow().as_py())


@pytest.fixture(params=BENCHES)
def install(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Install]:
    """Everything pulled once. Retries do not sleep."""
    limits.never_wait()
    store, warehouse = open_store(f"sqlite:///{tmp_path / 'state.db'}"), Warehouse(tmp_path / "warehouse")
    with importlib.import_module(f"bench_{request.param}").Bench() as bench:
        made = Install(bench, warehouse, store)
        made.fill()
        made.pull()
        yield made
    warehouse.close()
    store.close()
    limits.never_wait(False)


def test_sweeps_have_names_and_cadences(install: Install) -> None:
    """Each is worth its calls from time to time; a name that is none is a set-up error."""
    crm = install.bench.crm()
    assert all(every > timedelta(minutes=30) for every in crm.sweeps().values())
    with pytest.raises(SetupError, match="no sweep"):
        list(crm.sweep("spring", None, held_of(crm.name, install.warehouse)))


def test_without_a_difference_nothing_is_written_and_no_call_is_wasted(install: Install) -> None:
    """Every sweep reads, keeps no row, and takes its floor, and one look at the day's quota where nobody told of it."""
    before = [install.rows(stream) for stream in ("contact", "order_header", "order_line")]
    for name in install.bench.crm().sweeps():
        crm = install.bench.crm()
        install.pull(crm)
        made, floor = crm.calls.made, crm.calls.floor
        assert install.sweep(name, crm).kept == 0
        assert crm.calls.writes == 0
        assert 0 <= (crm.calls.made - made) - (crm.calls.floor - floor) <= 1
    assert [install.rows(stream) for stream in ("contact", "order_header", "order_line")] == before


@pytest.mark.parametrize("stream", ["contact", "order_header"])
def test_what_is_deleted_is_found_in_the_bin_and_keeps_its_content(install: Install, stream: str) -> None:
    """A deletion becomes a row with its time, by a pull or a sweep; it can be restored, so nothing is lost."""
    record = (install.people if stream == "contact" else install.orders)[1]
    install.bench.delete(stream, record)
    before = install.row(stream, record)
    assert (install.pull().kept, install.sweep("archived").kept) == install.bench.deleting[stream]
    after = install.row(stream, record)
    assert after.pop("deleted_at") is not None
    assert after.pop("version") > before.pop("version")
    assert after == {name: value for name, value in before.items() if name != "deleted_at"}
    assert install.sweep("archived").kept == install.sweep("gone").kept == 0


def test_a_deletion_in_the_run_that_pulled_the_record_still_counts(install: Install) -> None:
    """Rows of one run and one modification time: the tombstone is the newer one."""
    contact = install.bench.add_contact("brief@example.com")
    crm = install.bench.crm()
    install.pull(crm)
    install.bench.delete("contact", contact)
    install.sweep("archived")
    assert install.row("contact", contact)["deleted_at"] is not None


def test_a_restored_record_lives_again_and_later_changes_still_win(install: Install) -> None:
    """A pull finds it, or a sweep where restoring moves no time; an ordinary pull takes over from there."""
    contact, order = install.people[2], install.orders[2]
    install.bench.delete("contact", contact)
    install.pull()
    install.sweep("archived")
    install.sweep("moved")
    buyer = f"{install.bench.name}:{contact}" if install.bench.deleted_buyers_keep_orders else None
    assert install.row("order_header", order)["contact_key"] == buyer
    install.bench.restore("contact", contact)
    assert (install.pull().kept, install.sweep("gone").kept) == install.bench.restoring
    assert install.row("contact", contact)["deleted_at"] is None
    assert install.row("order_header", order)["contact_key"] == f"{install.bench.name}:{contact}"
    install.bench.touch([contact], "Lampedusa")
    install.pull()
    assert install.row("contact", contact)["city"] == "Lampedusa"
    install.bench.delete("contact", contact)
    install.sweep("archived")
    assert install.row("contact", contact)["deleted_at"] is not None


def test_who_is_erased_leaves_nothing_but_a_tombstone(install: Install) -> None:
    """Deleted for good: no row of any version says more than that the contact is gone; the neighbours stay."""
    gone, stays = install.people[0], install.people[1]
    install.bench.touch([gone], "Lampedusa")
    install.pull()
    install.bench.erase_contact(gone)
    assert install.pull().kept == 0
    install.sweep("gone")
    versions = install.warehouse.versions("contact")
    rows = versions.filter(versions.key == f"{install.bench.name}:{gone}").to_pyarrow().to_pylist()
    told = [{name for name, value in row.items() if value is not None} for row in rows]
    assert told == [{"key", "version", "crm", "crm_id", "deleted_at", "run"}]
    assert install.row("contact", stays)["email"]
    before = install.rows("contact")
    install.sweep("gone")
    assert install.rows("contact") == before


def test_who_is_erased_after_being_deleted_or_merged_is_erased_all_the_same(install: Install) -> None:
    """The bin lets go of a contact; the contacts that were merged into an erased one hold no data either."""
    binned, first, second = install.people[0], *install.people[1:3]
    survivor = install.bench.merge(first, second)
    install.bench.delete("contact", binned)
    install.pull()
    install.sweep("archived")
    assert install.row("contact", binned)["email"]
    install.bench.erase_contact(survivor)
    install.bench.empty_bin()
    install.pull()
    install.sweep("gone")
    versions = install.warehouse.versions("contact")
    gone = versions.filter(versions.crm_id.isin([binned, first, second, survivor]))
    assert gone.filter(gone.email.notnull() | gone.other_emails.notnull()).count().to_pyarrow().as_py() == 0
    assert install.row("contact", second)["merged_into"] == f"{install.bench.name}:{survivor}"


def test_a_merge_that_no_pull_has_seen_is_understood(install: Install) -> None:
    """The old ids answer with the survivor, which the sweep takes as what it is, over a chain of merges."""
    first, second, third = install.people[:3]
    survivor = install.bench.merge(install.bench.merge(first, second), third)
    install.sweep("gone")
    for old in {first, second, third} - {survivor}:
        assert install.row("contact", old)["merged_into"] == f"{install.bench.name}:{survivor}"
    assert install.row("contact", survivor)["email"]
    install.bench.delete("contact", survivor)
    install.pull()
    install.sweep("archived")
    assert install.row("contact", survivor)["deleted_at"] is not None
    assert install.row("contact", third)["merged_into"] == f"{install.bench.name}:{survivor}"


def test_an_order_that_changes_hands_is_noticed(install: Install) -> None:
    """A changed association moves no modification time: no pull sees it, the sweep does, and only it."""
    order, before, after = install.orders[0], *install.people[:2]
    install.bench.give_order(order, before, after)
    assert install.pull().kept == 0
    assert install.sweep("moved").kept == 1
    assert install.row("order_header", order)["contact_key"] == f"{install.bench.name}:{after}"
    assert install.sweep("moved").kept == 0


def test_what_a_pull_missed_is_found(install: Install) -> None:
    """A record that search shows much too late is listed all the same."""
    contact = install.bench.add_contact("late@example.com")
    install.bench.index_late("contact", contact, 90_000)
    install.bench.sandbox.clock.advance(80_000)
    install.pull()
    assert install.sweep("gone").kept == 1
    assert install.row("contact", contact)["email"] == "late@example.com"


@pytest.mark.parametrize("name", ["archived", "gone", "moved"])
def test_a_sweep_that_was_broken_off_goes_on(install: Install, name: str) -> None:
    """Killed after any batch and taken up by another process: the same rows in the end."""
    install.bench.delete("contact", install.people[0])
    install.bench.erase_contact(install.people[1])
    install.bench.give_order(install.orders[2], install.people[2], install.people[3])
    held = held_of(install.bench.name, install.warehouse)

    def swept(cursor: Any = None) -> list[Any]:
        return list(install.bench.crm().sweep(install.bench.sweeps.get(name, name), cursor, held))

    def keys(batches: list[Any]) -> set[str]:
        return {key for batch in batches for rows in batch.tables.values() for key in rows["key"].to_pylist()}

    whole = swept()
    assert keys(whole)
    for at, batch in enumerate(whole):
        rest = swept(batch.cursor)
        assert keys(whole[: at + 1]) | keys(rest) == keys(whole)
        assert len(rest) < len(whole)


@pytest.mark.parametrize("how", [{"empty": True, "times": 100}, {"status": 503, "times": 1_000}])
def test_answers_that_say_nothing_delete_nobody(install: Install, how: dict[str, Any]) -> None:
    """A friendly emptiness or an outage ends the sweep; everybody stays, and the next one goes on."""
    for name in install.bench.crm().sweeps():
        install.bench.fault(**how)
        try:
            install.sweep(name)
        except RetryLater as error:
            assert "lamplighter run" in error.hint
        install.bench.works_again()
    for stream, records in (("contact", install.people), ("order_header", install.orders)):
        assert all(install.row(stream, one)["deleted_at"] is None for one in records)
    assert all(install.row("order_header", one)["contact_key"] for one in install.orders)
    assert not any(install.sweep(name).kept for name in install.bench.crm().sweeps())


def test_no_error_of_a_sweep_names_a_person(install: Install) -> None:
    """Messages hold neither e-mail nor name."""
    install.bench.fault(status=503, times=1_000)
    with pytest.raises(LamplighterError) as caught:
        install.sweep("gone")
    assert "@" not in str(caught.value)
