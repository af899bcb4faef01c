"""`lamplighter waste`: counted as by hand, and in agreement with `evaluate`."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pytest
from cli import Command
from small_seen import contact, event, line, link, on, order, product, seen
from test_evaluate import filled
from world_tables import world

from connector.cli.init import create
from connector.evaluate.history import history
from connector.evaluate.suppression import after_purchase, first_purchases, suppression
from connector.home import Home, open_home
from connector.schema import FIGURES
from connector.store import runs
from connector.waste import Waste, waste
from connector.waste.latency import Pass, budget, travelled, uploads
from connector.waste.spared import judged

HOUR = timedelta(hours=1)
SUMS = ("impressions", "clicks", "cost")


def shown(key: str, day: str, kind: str = "impression", who: str = "anonymous_id:phone", item: str = "LAMP") -> Any:
    return event(key, kind, who, item, day, cost=Decimal("0.5"), campaign="c")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """Ann bought a lamp before we were there and a pill after; Bob, whom no ad is tied to, a lamp. Two runs."""
    tables = seen(
        contact=[contact("hubspot:ann", user_id="ann"), contact("hubspot:bob", user_id="bob")],
        product=[
            product("LAMP", title="Lamp", item_group_id="LAMP"),
            product("LAMP-2", title="Zebra lamp, which nobody bought", item_group_id="LAMP"),
            product("PILL", title="Pill", sensitive=True),
        ],
        order_header=[order("O1", "hubspot:ann", "2026-01-10"), order("O2", "hubspot:bob", "2026-01-11")],
        order_line=[line("O1", "LAMP"), line("O2", "LAMP")],
        identity_link=[{**link("anonymous_id:phone", "user_id:ann"), "first_seen": on("2026-01-01")}],
        interaction=[
            shown("before the purchase", "2026-01-09"),
            shown("too soon", "2026-01-11"),
            shown("before us", "2026-01-20"),
            shown("clicked", "2026-01-21", "click"),
            shown("since us", "2026-03-05"),
            shown("within the platform's time", "2026-03-12", item="PILL"),
            shown("late", "2026-03-15", item="PILL"),
            shown("a stranger's", "2026-03-01", who="anonymous_id:other"),
            shown("another stranger's", "2026-03-01", who="anonymous_id:third"),
            {**shown("no item", "2026-03-01"), "product_id": None},
        ],
    )
    path = tmp_path_factory.mktemp("waste") / "home"
    create(path)
    with open_home(path) as opened:
        for name, rows in vars(tables).items():
            opened.warehouse.append(name, rows.to_pyarrow(), 1)
        later = seen(order_header=[order("O3", "hubspot:ann", "2026-03-11")], order_line=[line("O3", "PILL")])
        for name in ("order_header", "order_line"):
            opened.warehouse.append(name, getattr(later, name).to_pyarrow(), 2)
        for moment in (on("2026-03-01"), on("2026-03-11", 13)):
            number = runs.start(opened.store, moment)
            runs.mark_decided(opened.store, number, full=number == 1, rules="")
            runs.finish(opened.store, number, "done", {"run": {"seconds": {"pull": 60, "decide": 60, "push": 120}}})
        group = [
            {"destination": "google", "audience": "lamps", "label": "Bought: Lamp", "families": '["LAMP"]'},
            {"destination": "google", "audience": None, "families": None},
        ]
        columns = FIGURES["ad_group"].remove(FIGURES["ad_group"].get_field_index("run"))
        opened.warehouse.write("ad_group", ibis.memtable(pa.Table.from_pylist(group, columns)), 1)
        yield opened


@pytest.fixture(scope="module")
def found(home: Home) -> Waste:
    """The report on all of it."""
    return waste(home)


def test_what_could_have_been_spared_is_told_from_what_could_not(found: Waste) -> None:
    """Before and since the first pass, by the time that each exclusion took; the platform's 48 hours are nobody's."""
    assert found.began == on("2026-03-01")
    cost = {
        half: {word: tuple(row[name] for name in SUMS) for word, row in of.items()}
        for half, of in found.measured.items()
    }
    half = Decimal("0.5")
    assert cost == {
        "before": {"avoidable": (1, 1, 2 * half), "unavoidable": (1, 0, half)},
        "after": {"avoidable": (2, 0, 2 * half), "unavoidable": (1, 0, half)},
    }
    rows = [(row["family"], row["title"], row["impressions"], row["clicks"]) for row in found.families]
    assert rows == [("LAMP", "Lamp", 3, 1), ("PILL", None, 2, 0)]
    named = [(row["destination"], row["audience"], row["label"], row["impressions"]) for row in found.audiences]
    assert named == [("google", "lamps", "Bought: Lamp", 3), ("google", None, None, 2)]
    assert found.coverage == {"ads": 10, "with_identity": 8, "with_item": 9, "with_both": 7}


def test_the_estimate_is_of_buyers_whom_no_ad_is_tied_to(found: Waste) -> None:
    """Bob alone: as many impressions as Ann gets of an item on average, but no more than strangers got of it."""
    assert found.estimate == {"impressions": 2, "cost": 1.0}


def test_the_way_of_an_order_is_measured(found: Waste) -> None:
    """One order was placed since the first pass: an hour until it was pulled, two minutes to decide, two to push."""
    assert found.orders == 1
    assert {name: told["median"] for name, told in found.latency.items()} == {
        "order_to_pull": 3600,
        "pull_to_decision": 120,
        "decision_to_upload": 120,
        "order_to_upload": 3840,
        "upload_to_effect": 48 * 3600,
    }
    assert "64.0 min, the median of what was measured" in found.assumptions[0]


def test_what_was_deferred_went_out_with_a_later_run() -> None:
    """An order is acknowledged with the first run from its own on that left nothing open."""
    start = on("2026-01-01")
    passes = [Pass(1, start, start + HOUR, None), Pass(2, start + 2 * HOUR, start + 3 * HOUR, start + 4 * HOUR)]
    head = [
        {"key": f"crm:{number}", "run": run, "ordered_at": start + timedelta(minutes=minutes)}
        for number, run, minutes in ((1, 1, -5), (1, 2, -5), (2, 1, 30), (3, 2, 60))
    ]
    schema = {"key": "string", "run": "int64", "ordered_at": "timestamp('UTC')"}
    orders = travelled(ibis.memtable(head, schema=schema), uploads(passes), start, start + 9 * HOUR)
    told = budget(orders, HOUR)
    assert told["order_to_upload"]["median"] == (210 + 180) / 2 * 60
    assert told["upload_to_effect"] == {"median": 3600, "p90": 3600}


@pytest.mark.slow
def test_a_time_is_cut_out(home: Home) -> None:
    """Of what lies outside of --from and --to nothing counts."""
    found = waste(home, on("2026-01-20"), on("2026-02-01"))
    assert found.coverage["ads"] == 2
    assert found.measured["before"]["avoidable"]["impressions"] == 1


@pytest.mark.slow
def test_the_command_prints_both(told: Path, lamplighter: Command) -> None:
    """JSON with stable keys; a page that keeps measured and estimated apart and says what was assumed."""
    found = json.loads(lamplighter("waste", "--home", told, "--json").out)
    assert set(found) >= {"measured", "estimate", "coverage", "latency", "families", "audiences", "assumptions"}
    total = sum(part["impressions"] for half in found["measured"].values() for part in half.values())
    assert (
        total
        == lamplighter("evaluate", "--home", told, "--split", "2026-09-11", "--json").json["suppression"][
            "after_purchase"
        ]
    )
    out = lamplighter("waste", "--home", told, "--from", "2026-09-01").out
    assert "Measured" in out and "Estimated" in out and "assumed:" in out
    assert lamplighter("waste", "--home", told, "--from", "soon").code == 2
    assert lamplighter("waste", "--home", told, "--from", "2030-01-01").code == 2


@pytest.mark.slow
@pytest.mark.shared
def test_taobao_agrees_with_evaluate(worlds: Path, tmp_path: Path) -> None:
    """On a real shop: the same ads after a purchase, and with the same lag the same could have been spared."""
    engine = ibis.duckdb.connect()
    engine.raw_sql("SET TimeZone = 'UTC'")
    with open_home(filled(tmp_path / "home", world(worlds / "taobao", engine))) as opened:
        found = waste(opened)
        past = history(opened, datetime(2017, 12, 1, tzinfo=UTC), None, 6 * HOUR)
        stood = suppression(past)
        line = past.after.lines
        bought = line.filter(line.counts > 0, line.family.notnull())
        late = after_purchase(past.identified(past.ads), first_purchases(bought))
        nothing = ibis.memtable([], schema={"order_key": "string", "uploaded_at": "timestamp('UTC')"})
        spared = judged(late, nothing, 2 * HOUR, 4 * HOUR, None).filter(lambda each: each.kind == "impression")
        assert spared.filter(spared.avoidable).count().to_pyarrow().as_py() == stood.avoidable > 0
    total = sum(part["impressions"] for half in found.measured.values() for part in half.values())
    assert total == stood.after_purchase > 0
