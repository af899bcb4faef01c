"""A CRM, the lives in it, a marketer, and an install that syncs with it; and how they are held against the model.

A life is LONG events from one seed. In `make slow` ten share a CRM: a run takes hardly longer for more contacts;
`LAMPLIGHTER_SEEDS` is their number in all, and `LAMPLIGHTER_SEED=1234 make slow-one` lives that one's again.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from life import OURS, History, Life, Marketer
from life_model import AUDIENCES, Model

from connector.cli.init import create
from connector.cli.settings_file import append
from connector.home import open_home
from connector.pipeline import Options, Report, Watcher, run

TOKEN = "SCENARIO_TOKEN"
BEGIN = datetime(2026, 10, 1, tzinfo=UTC)
WRITTEN = ("last_purchase", "suppressed_until", "suppressed_families")
LISTS = frozenset({"all", "memberships"})
"""Sweeps that read lists back."""
QUESTIONS = 4
"""As many as there are kinds of guards that can stop a pass."""

SHORT, LONG = 300, 2_000
"""Events in a life."""
ONE = os.environ.get("LAMPLIGHTER_SEED", "")
FEW = [int(ONE)] if ONE else [1]
TOGETHER = 10
"""Lives that share a CRM."""
MANY = range(1_000, 1_000 + int(os.environ.get("LAMPLIGHTER_SEEDS") or "200"), TOGETHER)
FIRSTS = [int(ONE) // TOGETHER * TOGETHER] if ONE else list(MANY)


class Town(ABC):
    """The parts of a place, at work.

    Attributes:
        sweeps: what runs look at besides, one of these at a time.
        states: state in the CRM -> what it is called in the warehouse, where that is another word.
    """

    sweeps: Sequence[Sequence[str]]
    states: Mapping[str, str] = {}

    def __init__(self, home: Path, sandbox: Any, seeds: Sequence[int]) -> None:
        self.home = home
        self.sandbox = sandbox
        self.history = self._history()
        self.random = Random(f"town {seeds[0]}")
        self.lives = [self._life(seed) for seed in seeds]
        self.marketer = self._marketer(seeds[0])
        create(home)
        append(home, self.settings())
        (home / "mappings" / "audiences.yaml").write_text(AUDIENCES)

    def _history(self) -> History:
        return History()

    @abstractmethod
    def _life(self, seed: int) -> Life: ...

    @abstractmethod
    def _marketer(self, seed: int) -> Marketer: ...

    @abstractmethod
    def settings(self) -> str:
        """The part of lamplighter.yaml that leads to the CRM."""

    @abstractmethod
    def furnish(self) -> None:
        """What a shop has before the first life."""

    @abstractmethod
    def model(self, as_of: datetime) -> Model:
        """What should be, by what the CRM shows now."""

    @abstractmethod
    def written(self) -> dict[str, dict[str, str]]:
        """Contact -> those of WRITTEN that the CRM shows."""

    @property
    def now(self) -> datetime:
        """The sandbox's time."""
        return datetime.fromtimestamp(self.sandbox.clock.milliseconds() / 1000, UTC)

    def begin(self) -> None:
        """A furnished CRM, lives that begin, and a first pass."""
        self.sandbox.clock.advance((BEGIN - datetime.now(UTC)).total_seconds())
        self.furnish()
        for life in self.lives:
            life.begin()
        self.first_run()

    def calm(self) -> None:
        """Lines are good: people answer questions at leisure."""
        self.sandbox.faults.clear()

    def first_run(self) -> None:
        """A first pass."""
        self.run()

    def run(
        self, *sweeps: str, only: str = "", watcher: Watcher | None = None, ends: Sequence[str] = ("done",)
    ) -> Report:
        """One pass at the sandbox's time; what a guard asks is approved, unless the test awaits its question."""
        report = self._pass(sweeps, only, watcher)
        for _ in range(QUESTIONS):
            if report.status != "guarded" or "guarded" in ends:
                break
            self.calm()
            report = self._pass(sweeps, only, None, report.held[-1])
        assert report.status in ends, (report.status, report.notes)
        if report.status == "done":
            self.looked(sweeps)
        return report

    def _pass(self, sweeps: Sequence[str], only: str, watcher: Watcher | None, approve: str = "") -> Report:
        """So many are merged and deleted here that somebody must approve it."""
        options = Options(as_of=self.now, only=only, sweeps=sweeps, approve_deletions=True, approve=approve)
        with open_home(self.home) as opened:
            return run(opened, options, watcher)

    def looked(self, sweeps: Sequence[str]) -> None:
        """A run has seen what there is to be seen."""
        self.marketer.looked(lists=not LISTS.isdisjoint(sweeps))
        for life in self.lives:
            life.looked(deletions="all" in sweeps)

    def live_on(self, events: int, runs: int) -> None:
        """So many events in each life, and runs between them, each with sweeps of one kind or another, or none."""
        for number in range(runs):
            for _ in range(events // runs):
                for life in self.lives:
                    life.step()
            contacts = sorted(one for life in self.lives for one in life.contacts)
            self.marketer.work(contacts, set().union(*(life.unseen for life in self.lives)))
            sweeps = ("all",) if number % 3 == 2 else self.random.choice(self.sweeps)
            hand = ["memberships"] if self.marketer.by_hand and LISTS.isdisjoint(sweeps) else []
            self.run_between(*sweeps, *hand)
            self.sandbox.clock.advance(self.random.randint(600, 6 * 3600))

    def run_between(self, *sweeps: str) -> None:
        """A run while life goes on."""
        self.run(*sweeps)

    def settle(self) -> tuple[datetime, list[str]]:
        """Long enough for every index and every figure; then everything is looked at.

        Returns the moment of the last run, and what the searches alone had not shown before.
        """
        self.sandbox.clock.advance(2 * 3_600)
        self.run()
        unseen = list(_unlike("without sweeps contact", *_both(self)))
        self.sandbox.clock.advance(26 * 3_600)
        moment = self.now
        self.run("all")
        return moment, unseen

    def warehouse(self, table: str) -> list[dict[str, Any]]:
        """The current rows of a table."""
        with open_home(self.home) as opened:
            rows: list[dict[str, Any]] = opened.warehouse.current(table).to_pyarrow().to_pylist()
        return rows

    def differences(self, moment: datetime) -> Iterator[str]:
        """Everything that is not as the model has it."""
        wanted, held = self.model(moment), in_the_warehouse(self)
        orders = {n: (who or "", self.states.get(state, state), at) for n, (who, state, at) in wanted.orders.items()}
        lines = {n: (order or "", sku, quantity) for n, (order, sku, quantity) in wanted.lines.items()}
        yield from _unlike("contact", wanted.contacts, held.contacts)
        yield from _unlike("order", orders, held.orders)
        yield from _unlike("line", lines, held.lines)
        there = {one.name: set(one.members) for one in self.marketer.all_lists()}
        yield from _unlike("list", _lists(self.history, wanted, there), there)
        yield from _unlike("properties of", wanted.properties, self.written())
        yield from _still_told(self)


def _both(town: Town) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is said of contacts that live in the CRM and in the warehouse: in the one, and in the other."""
    wanted, found = town.model(town.now).contacts, in_the_warehouse(town).contacts
    both = wanted.keys() & found.keys()
    return {one: wanted[one] for one in both}, {one: found[one] for one in both}


def in_the_warehouse(town: Town) -> Model:
    """What the warehouse holds of live records, in the model's words."""
    contacts = {row["crm_id"]: row for row in town.warehouse("contact")}
    survivor = {one: row["merged_into"] for one, row in contacts.items() if row["merged_into"]}

    def standing(key: str | None) -> str:
        one = _number(key)
        while one in survivor:
            one = _number(survivor[one])
        return one

    said = ("email", "email_opt_out", "ads_consent", "marketable")
    living = {n: tuple(row[name] for name in said) for n, row in contacts.items() if _lives(row)}
    heads = {row["key"]: row for row in town.warehouse("order_header") if _lives(row)}
    placed = {n: (standing(row["contact_key"]), row["status"], row["ordered_at"]) for n, row in heads.items()}
    sku = {row["key"]: row["product_id"] for row in town.warehouse("product")}
    goods = {row["key"]: row for row in town.warehouse("order_line") if _lives(row)}
    lines = {
        _number(n): (_number(row["order_key"]), sku.get(row["product_key"], row["product_id"]), row["quantity"])
        for n, row in goods.items()
    }
    return Model(contacts=living, orders={_number(n): order for n, order in placed.items()}, lines=lines)


def _lives(row: dict[str, Any]) -> bool:
    return row["deleted_at"] is None and row.get("merged_into") is None


def _number(key: str | None) -> str:
    return (key or "").rpartition(":")[2]


def _lists(past: History, wanted: Model, there: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Name that the marketer gave it -> members; those that lost their place among the favourites stand empty, unless
    they were deleted."""
    found = {}
    for first in {*(f"{OURS}{label}" for label in wanted.lists), *past.made}:
        label, name = first.removeprefix(OURS), past.names.get(first, first)
        stays_away = past.deleted[first] > 1 or (past.deleted[first] and label not in wanted.lists)
        if stays_away and name not in there:
            continue
        found[name] = {who for who in wanted.lists.get(label, set()) if (first, who) not in past.vetoes}
    return found


def _still_told(town: Town) -> Iterator[str]:
    for row in (row for row in town.warehouse("contact") if row["crm_id"] in town.history.erased):
        if told := [name for name in ("email", "first_name", "city", "other_emails") if row[name]]:
            yield f"erased contact {row['crm_id']} still has {told}"


def _unlike(what: str, wanted: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[str]:
    for one in sorted(wanted.keys() | found.keys()):
        if wanted.get(one) != found.get(one):
            yield f"{what} {one}: {found.get(one)!r}, and should be {wanted.get(one)!r}"


def lived(town: Town, again: str, events: int, runs: int) -> None:
    """One CRM's lives. Fails with what differs and how to live them again."""
    town.begin()
    town.live_on(events, runs)
    moment, unseen = town.settle()
    wrong = [*unseen, *town.differences(moment)]
    assert not wrong, "\n".join([f"{len(wrong)} differences; again: {again}", *wrong[:12]])
    since = town.sandbox.journal.counts()["last"]
    town.run()
    writes = [each["operation"] for each in town.sandbox.journal.since(since)["requests"] if each["kind"] == "write"]
    assert not writes, f"a pass without news writes; again: {again}"
