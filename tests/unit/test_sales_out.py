"""Purchase repair: what the CRM sold and took back reaches ad platforms once, and only of persons who let them know."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pytest
from ad_recorder import Recorder
from small_seen import contact, line, on, order, product, seen

from connector.cli.init import create
from connector.errors import EndPass, LamplighterError, SetupError
from connector.home import Home, open_home
from connector.pipeline.ads.sales import tell
from connector.pipeline.report import Report
from connector.schema import DERIVED
from connector.store import told_sales

NOW = datetime(2026, 3, 10, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """Ann may be told of, Bob not; four orders within the last days, one long before."""
    create(tmp_path / "home")
    with open_home(tmp_path / "home") as opened:
        add(
            opened,
            1,
            contact=[contact("hubspot:ann", email="ann@example.com"), contact("hubspot:bob", email="bob@example.com")],
            product=[product("LAMP", item_group_id="L"), product("BULB"), product("PILL", sensitive=True)],
            order_header=[
                order("O1", "hubspot:ann", "2026-03-05"),
                order("O2", "hubspot:bob", "2026-03-06"),
                order("O3", None, "2026-03-06"),
                order("O4", "hubspot:ann", "2026-01-01"),
                order("O5", "hubspot:ann", "2026-03-07"),
            ],
            order_line=[
                line("O1", "LAMP", 2),
                line("O1", "PILL"),
                line("O1", "BULB"),
                line("O2", "LAMP"),
                line("O3", "LAMP"),
                line("O4", "LAMP"),
                line("O5", "PILL"),
            ],
        )
        decide(opened, {"hubspot:ann": None, "hubspot:bob": "no_ads_consent"})
        yield opened


def add(opened: Home, run: int, **tables: list[dict[str, Any]]) -> None:
    for name, rows in vars(seen(**tables)).items():
        opened.warehouse.append(name, rows.to_pyarrow(), run)


def decide(opened: Home, barriers: dict[str, str | None]) -> None:
    """What a pass would have decided of who is who and who may be told of."""
    for name, rows in {
        "person": [
            row
            for key in barriers
            for row in (
                {"person_id": key, "identifier_type": "contact", "identifier": key},
                {"person_id": key, "identifier_type": "email", "identifier": f"{key.partition(':')[2]}@example.com"},
                {"person_id": key, "identifier_type": "anonymous_id", "identifier": f"cookie-{key}"},
            )
        ],
        "trait": [{"person_id": key, "ads_barrier": barrier} for key, barrier in barriers.items()],
        "decided": [{"person_id": key} for key in barriers],
    }.items():
        columns = DERIVED[name].remove(DERIVED[name].get_field_index("run"))
        opened.warehouse.write(name, ibis.memtable(pa.Table.from_pylist(rows, columns)), 1)


def told(home: Home, ads: Recorder, run: int = 1, now: datetime = NOW) -> Report:
    """One run's telling."""
    report = Report(number=run, as_of=now)
    tell(home, ads, run, report)
    home.warehouse.release()
    return report


def test_a_purchase_is_told_once_with_what_may_be_told(home: Home) -> None:
    """Ann's new order alone, by her e-mail: no old one, none of Bob or of a guest, no sensitive item, no cookie."""
    ads = Recorder()
    report = told(home, ads)
    (sale,) = ads.sales.values()
    assert (sale.kind, sale.order_id, sale.currency, sale.at) == ("purchase", "O1", "GBP", on("2026-03-05"))
    assert sorted((one.product_id, one.quantity) for one in sale.items) == [("BULB", 1), ("LAMP", 2)]
    assert (sale.value, list(sale.identifiers)) == (Decimal(30), [("email", "ann@example.com")])
    assert report.books["ad_platform:sales"].as_json() == {
        "planned": 1,
        "acknowledged": 1,
        "deferred": 0,
        "rejected": 0,
    }
    add(home, 2, order_header=[order("O1", "hubspot:ann", "2026-03-05", version=NOW)])
    assert told(home, ads, 2).books == {}
    assert ads.told == [["hubspot:O1:GBP"]]


@pytest.mark.slow
def test_what_comes_back_is_a_refund_of_the_order_it_was_bought_by(home: Home) -> None:
    """A negative line of a credit note names the purchase's order; an order given back whole, itself."""
    ads = Recorder()
    told(home, ads)
    back = order("O6", "hubspot:ann", "2026-03-09")
    whole = order("O1", "hubspot:ann", "2026-03-05", status="returned", version=NOW, updated_at=NOW)
    add(home, 2, order_header=[back], order_line=[line("O6", "LAMP", -1)])
    told(home, ads, 2)
    (refund,) = [sale for sale in ads.sales.values() if sale.kind == "refund"]
    assert (refund.key, refund.order_id) == ("hubspot:O6-LAMP:refund", "O1")
    assert (refund.value, refund.left) == (Decimal(10), Decimal(20))
    add(home, 3, order_header=[whole])
    told(home, ads, 3)
    last = ads.sales["hubspot:O1:GBP:refund"]
    assert (last.kind, last.order_id, last.at, last.left) == ("refund", "O1", NOW, Decimal(0))
    assert len(ads.sales) == 3


@pytest.mark.slow
def test_what_a_platform_cannot_take_now_waits_and_what_it_refuses_does_not(home: Home) -> None:
    """Down: deferred, and told by the next run. Refused: in the books, with its words, and not told again."""
    ads = Recorder()
    ads.down = True
    report = told(home, ads)
    assert (report.status, report.books["ad_platform:sales"].as_json()["deferred"]) == ("deferred", 1)
    ads.down, ads.refusing = False, "no such pixel"
    assert told(home, ads, 2).books["ad_platform:sales"].as_json()["rejected"] == 1
    assert told_sales.known(home.store, "ad_platform", ["hubspot:O1:GBP", "other"]) == {"hubspot:O1:GBP"}
    ads.refusing = ""
    assert told(home, ads, 3).books == {}


class Refuses(Recorder):
    """Raises an error at every sale."""

    def __init__(self, error: LamplighterError) -> None:
        super().__init__()
        self.error = error

    def report(self, sales: Any) -> Any:
        raise self.error


@pytest.mark.slow
@pytest.mark.parametrize("error", [SetupError("no right to tell sales"), EndPass("stopped")], ids=["setup", "end"])
def test_books_balance_whatever_ends_the_telling(home: Home, error: LamplighterError) -> None:
    """What was not told is deferred, not lost."""
    report = Report(number=1, as_of=NOW)
    with pytest.raises(type(error)):
        tell(home, Refuses(error), 1, report)
    home.warehouse.release()
    assert report.balanced and report.books["ad_platform:sales"].as_json()["deferred"] == 1


class Dies(Recorder):
    """Takes the first batches, and dies before its answer to the last is seen."""

    def report(self, sales: Any) -> Any:
        answer = super().report(sales)
        if len(self.told) == 2:
            raise KeyboardInterrupt
        return answer


@pytest.mark.slow
def test_a_kill_between_batches_loses_and_doubles_nothing(home: Home) -> None:
    """The batch whose answer nobody saw is told again under its key; those before it are not."""
    more = [order(f"N{number}", "hubspot:ann", "2026-03-08") for number in range(3)]
    add(home, 1, order_header=more, order_line=[line(f"N{number}", "BULB") for number in range(3)])
    ads = Dies(batch=1)
    with pytest.raises(KeyboardInterrupt):
        told(home, ads)
    told(home, ads, 2)
    assert [len(part) for part in ads.told] == [1] * 5
    assert ads.told[1] == ads.told[2]
    assert len(ads.sales) == 4


@pytest.mark.slow
def test_who_agrees_later_is_told_of_from_then_on(home: Home) -> None:
    """Bob's order before his word is not told, his next one is; a platform that takes no sales hears nothing."""
    ads = Recorder()
    told(home, ads)
    decide(home, {"hubspot:ann": None, "hubspot:bob": None})
    add(home, 2, order_header=[order("O7", "hubspot:bob", "2026-03-09")], order_line=[line("O7", "BULB")])
    told(home, ads, 2, NOW + timedelta(days=1))
    assert "hubspot:O7:GBP" in ads.sales and "hubspot:O2:GBP" not in ads.sales
    silent = Recorder()
    silent.terms = type(silent.terms)(takes_sales=False)
    told(home, silent)
    assert silent.told == []
