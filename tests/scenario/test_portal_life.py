"""Random lives of a portal: whatever people and other apps did to it, after the last run everything is as it should be.

A life is 2,000 events from one seed. In `make slow` five share a portal: a run takes hardly longer for more contacts;
`LAMPLIGHTER_SEEDS` is their number in all, and `LAMPLIGHTER_SEED=1234 make slow-one` lives that one's portal again.
Known and accepted: HubSpot tells no difference between a contact that was deleted and restored between two looks at
deletions, and so left its lists, and one that a marketer took out; so here a contact comes back only after the next
look. And marketers take out only contacts that a run has seen: of others nobody could know that they were in.
"""

import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from portal_events import Life, furnish
from portal_lists import OURS, History, Marketer
from portal_model import AUDIENCES, Model, model

from connector.cli.init import create
from connector.cli.settings_file import append
from connector.home import open_home
from connector.pipeline import Options, Report, run
from connector.sandbox.serve import Sandbox

TOKEN = "SCENARIO_TOKEN"
BEGIN = datetime(2026, 10, 1, tzinfo=UTC)
WRITTEN = ("lamplighter_last_purchase", "lamplighter_suppressed_until", "lamplighter_suppressed_families")
LISTS = frozenset({"all", "memberships"})
"""Sweeps that read lists back."""
SWEEPS = ((), ("due",), ("archived",), ("memberships",), ("gone",), ("moved",))
LAG = "  lag_seconds: 60\n  overlap_seconds: 600"

SHORT, LONG = 300, 2_000
"""Events in a life."""
SELF = "tests/scenario/test_portal_life.py"
ONE = os.environ.get("LAMPLIGHTER_SEED", "")
FEW = [int(ONE)] if ONE else [1]
TOGETHER = 5
"""Lives that share a portal."""
MANY = range(1_000, 1_000 + int(os.environ.get("LAMPLIGHTER_SEEDS") or "200"), TOGETHER)
FIRSTS = [int(ONE) // TOGETHER * TOGETHER] if ONE else list(MANY)


class Town:
    """A portal, the lives in it, a marketer, and an install that syncs with it."""

    def __init__(self, home: Path, sandbox: Sandbox, seeds: Sequence[int]) -> None:
        self.home = home
        self.sandbox = sandbox
        self.history = History()
        self.random = Random(f"town {seeds[0]}")
        self.lives = [Life(seed, sandbox, self.history) for seed in seeds]
        self.marketer = Marketer(seeds[0], sandbox, self.history)
        create(home)
        append(home, f"hubspot:\n  base_url: {sandbox.url}\n  token: env:{TOKEN}\n{LAG}")
        (home / "mappings" / "audiences.yaml").write_text(AUDIENCES)

    @property
    def now(self) -> datetime:
        """The sandbox's time."""
        return datetime.fromtimestamp(self.sandbox.clock.milliseconds() / 1000, UTC)

    def begin(self) -> None:
        """A furnished portal and a first pass."""
        self.sandbox.clock.advance((BEGIN - datetime.now(UTC)).total_seconds())
        furnish(self.sandbox)
        for life in self.lives:
            life.begin()
        self.run()

    def run(self, *sweeps: str) -> Report:
        """One pass at the sandbox's time. So many are merged and deleted here that somebody must approve it."""
        with open_home(self.home) as opened:
            report = run(opened, Options(as_of=self.now, sweeps=sweeps, approve_deletions=True))
        assert report.status == "done", report.notes
        self.marketer.looked(lists=not LISTS.isdisjoint(sweeps))
        for life in self.lives:
            life.looked(deletions="all" in sweeps)
        return report

    def live_on(self, events: int, runs: int) -> None:
        """So many events in each life, and runs between them, each with sweeps of one kind or another, or none."""
        for number in range(runs):
            for _ in range(events // runs):
                for life in self.lives:
                    life.step()
            contacts = sorted(one for life in self.lives for one in life.contacts)
            self.marketer.work(contacts, set().union(*(life.unseen for life in self.lives)))
            sweeps = ("all",) if number % 3 == 2 else self.random.choice(SWEEPS)
            hand = ["memberships"] if self.marketer.by_hand and LISTS.isdisjoint(sweeps) else []
            self.run(*sweeps, *hand)
            self.sandbox.clock.advance(self.random.randint(600, 6 * 3600))

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


def _both(town: Town) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is said of contacts that live in the portal and in the warehouse: in the one, and in the other."""
    wanted, found = model(town.sandbox.portal, town.now).contacts, in_the_warehouse(town).contacts
    both = wanted.keys() & found.keys()
    return {one: wanted[one] for one in both}, {one: found[one] for one in both}


def in_the_warehouse(town: Town) -> Model:
    """What the warehouse holds of live records, in the model's words."""
    contacts = {row["crm_id"]: row for row in town.warehouse("contact")}
    survivor = {one: row["merged_into"] for one, row in contacts.items() if row["merged_into"]}

    def standing(key: str | None) -> str | None:
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


def differences(town: Town, moment: datetime) -> Iterator[str]:
    """Everything that is not as the model has it."""
    portal, wanted, held = town.sandbox.portal, model(town.sandbox.portal, moment), in_the_warehouse(town)
    states = {"refunded": "returned"}
    expected = {n: (who or "", states.get(state, state), at) for n, (who, state, at) in wanted.orders.items()}
    parts = {n: (order or "", sku, quantity) for n, (order, sku, quantity) in wanted.lines.items()}
    yield from _unlike("contact", wanted.contacts, held.contacts)
    yield from _unlike("order", expected, held.orders)
    yield from _unlike("line", parts, held.lines)
    state = portal.state()
    yield from _unlike(
        "list", _lists(town.history, wanted), {n: set(one["members"]) for n, one in state["lists"].items()}
    )
    written = {who: {name: said[name] for name in WRITTEN if said.get(name)} for who, said in state["contacts"].items()}
    yield from _unlike("properties of", wanted.properties, {who: said for who, said in written.items() if said})
    erased = {row["crm_id"]: row for row in town.warehouse("contact") if row["crm_id"] in town.history.erased}
    for one, row in erased.items():
        if told := [name for name in ("email", "first_name", "city", "other_emails") if row[name]]:
            yield f"erased contact {one} still has {told}"


def _lists(past: History, wanted: Model) -> dict[str, set[str]]:
    """Name that the marketer gave it -> members; those that lost their place among the favourites stand empty."""
    found = {}
    for first in {*(f"{OURS}{label}" for label in wanted.lists), *past.made}:
        members = wanted.lists.get(first.removeprefix(OURS), set())
        if past.deleted[first] < 2:
            found[past.names.get(first, first)] = {who for who in members if (first, who) not in past.vetoes}
    return found


def _unlike(what: str, wanted: dict[str, Any], found: dict[str, Any]) -> Iterator[str]:
    for one in sorted(wanted.keys() | found.keys()):
        if wanted.get(one) != found.get(one):
            yield f"{what} {one}: {found.get(one)!r}, and should be {wanted.get(one)!r}"


def lived(seeds: Sequence[int], events: int, runs: int, folder: Path) -> None:
    """One portal's lives. Fails with what differs and how to live them again."""
    with Sandbox(index_lag_seconds=20) as sandbox:
        town = Town(folder / "home", sandbox, seeds)
        town.begin()
        town.live_on(events, runs)
        moment, unseen = town.settle()
        wrong = [*unseen, *differences(town, moment)]
        again = f"LAMPLIGHTER_SEED={seeds[0]} {'make slow-one' if events == LONG else f'pytest {SELF}'}"
        assert not wrong, "\n".join([f"{len(wrong)} differences; again: {again}", *wrong[:12]])
        since = sandbox.journal.counts()["last"]
        town.run()
        writes = [each["operation"] for each in sandbox.journal.since(since)["requests"] if each["kind"] == "write"]
        assert not writes, f"a pass without news writes; again: {again}"


@pytest.mark.parametrize("seed", FEW)
def test_after_a_few_hundred_events_everything_is_as_it_should_be(seed: int, tmp_path: Path) -> None:
    """Warehouse, lists and properties equal the model; what marketers did to lists by hand stays done."""
    lived([seed], SHORT, 2, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("first", FIRSTS)
def test_after_long_lives_everything_is_as_it_should_be(first: int, tmp_path: Path) -> None:
    """The same for five lives of 2,000 events in one portal."""
    lived(range(first, first + TOGETHER), LONG, 4, tmp_path)
