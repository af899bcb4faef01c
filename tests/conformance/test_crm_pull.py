"""What every CRM adapter promises of its pulls (`connector/ports.py`), tested on its sandbox."""

from datetime import UTC, datetime
from typing import Any

import pytest
from crm_promises import BENCHES, STREAMS, WORLD, after_first_pull, ids, nothing, pulled, rows

from connector import crms
from connector.errors import RetryLater
from connector.model import Batch
from connector.ports import CRM


def test_port(crm: CRM, bench: Any) -> None:
    """An adapter is a CRM, named as its file and keys are, and has the four streams; every adapter is tested here."""
    assert isinstance(crm, CRM)
    assert crm.name == bench.name
    assert set(crm.streams()) == STREAMS
    assert set(crms.names()) <= set(BENCHES)


@pytest.mark.parametrize(
    ("stream", "count"),
    [
        ("product", WORLD.PRODUCTS),
        ("contact", WORLD.CONTACTS),
        ("order_header", WORLD.ORDERS),
        ("order_line", WORLD.LINES),
    ],
)
def test_first_pull(crm: CRM, stream: str, count: int) -> None:
    """A first pull hands out every record once, each with key and version, in more than one batch where it is long."""
    batches = pulled(crm, stream)
    found = rows(batches)
    assert len(found) == sum(batch.read for batch in batches) == count
    assert all(key.startswith(f"{crm.name}:") and row["version"] for key, row in found.items())
    assert len(batches) > 1 or count <= 200


def test_ties(crm: CRM) -> None:
    """Orders know their contact (guests none), lines their order and product; amounts keep sign and digits."""
    contacts, orders = rows(pulled(crm, "contact")), rows(pulled(crm, "order_header"))
    lines, products = rows(pulled(crm, "order_line")), rows(pulled(crm, "product"))
    assert sum(order["contact_key"] is None for order in orders.values()) == WORLD.GUESTS
    buyers = {order["contact_key"] for order in orders.values()} - {None}
    assert buyers <= contacts.keys()
    assert contacts[next(o["contact_key"] for o in orders.values() if o["order_id"] == "o1")]["user_id"] == "c1"
    assert {line["order_key"] for line in lines.values()} == orders.keys()
    assert all(products[line["product_key"]]["product_id"] == line["product_id"] for line in lines.values())
    returned = {key for key, order in orders.items() if order["status"] == "returned"}
    assert all((line["quantity"] < 0) == (line["order_key"] in returned) for line in lines.values())


def test_consent(crm: CRM) -> None:
    """Consent arrives as true, false or unknown, never as text."""
    row = next(iter(rows(pulled(crm, "contact")).values()))
    assert (row["email_opt_out"], row["ads_consent"], row["profiling_opt_out"]) == (False, True, None)


@pytest.mark.parametrize("stream", sorted(STREAMS))
def test_resume(crm: CRM, bench: Any, stream: str) -> None:
    """Stopped after any batch and taken up from its cursor by another process, nothing is missing."""
    batches = pulled(crm, stream)
    whole = rows(batches)
    for at, batch in enumerate(batches):
        rest = pulled(bench.crm(), stream, batch.cursor)
        assert rows(batches[: at + 1]) | rows(rest) == whole


def test_replay(crm: CRM) -> None:
    """The same cursor twice gives the same rows twice."""
    cursor = pulled(crm, "order_line")[1].cursor
    assert rows(pulled(crm, "order_line", cursor)) == rows(pulled(crm, "order_line", cursor))


def test_no_news(crm: CRM, bench: Any) -> None:
    """Without news a pull costs the fewest reads there are, writes nothing and hands out no row."""
    cursors = {stream: after_first_pull(crm, stream) for stream in crm.streams()}
    bench.forget()
    batches = [batch for stream in crm.streams() for batch in pulled(crm, stream, cursors[stream])]
    assert not rows(batches)
    assert (bench.counts()["reads"], bench.counts()["writes"]) == (bench.empty_pull, 0)


def test_changes(crm: CRM, bench: Any) -> None:
    """What changed after a pull is handed out by the next one, and by no later one than that."""
    cursor = after_first_pull(crm, "contact")
    bench.touch(ids(bench, 3), "Lampedusa")
    added = bench.add_contact("new@example.com")
    news = pulled(crm, "contact", cursor)
    assert rows(news).keys() >= {f"{crm.name}:{one}" for one in [*ids(bench, 3), added]}
    assert len(rows(news)) == 4
    assert rows(news)[f"{crm.name}:{added}"]["email"] == "new@example.com"


def test_changes_while_the_first_pull_runs(crm: CRM, bench: Any) -> None:
    """A record that changes behind the first pull's back is not lost."""
    batches = []
    for number, batch in enumerate(crm.pull("contact", None, nothing)):
        batches.append(batch)
        if number == 0:
            bench.touch(ids(bench, 1), "Lampedusa")
    batches += pulled(crm, "contact", batches[-1].cursor)
    assert rows(batches)[f"{crm.name}:{ids(bench, 1)[0]}"]["city"] == "Lampedusa"


def test_many_changes(crm: CRM, bench: Any) -> None:
    """More changes than fit a page or a batch arrive, and any of their cursors is good to go on from."""
    cursor = after_first_pull(crm, "contact")
    bench.touch(ids(bench, WORLD.CONTACTS), "Lampedusa")
    for number in range(250 - WORLD.CONTACTS):
        bench.add_contact(f"n{number}@example.com")
    news = pulled(crm, "contact", cursor)
    assert len(rows(news)) == 250
    assert len(news) > 1
    for at, batch in enumerate(news):
        assert len(rows(news[: at + 1]) | rows(pulled(bench.crm(), "contact", batch.cursor))) == 250


def test_new_orders(crm: CRM, bench: Any) -> None:
    """New orders come with their contact, guests without one, and their lines with the order."""
    heads, lines = after_first_pull(crm, "order_header"), after_first_pull(crm, "order_line")
    buyer = ids(bench, 1)[0]
    order, guest = bench.order(buyer, [("sku1", "2", "9.95"), ("sku2", "-1", "3")]), bench.order(None, [])
    found = rows(pulled(crm, "order_header", heads))
    assert found[f"{crm.name}:{order}"]["contact_key"] == f"{crm.name}:{buyer}"
    assert found[f"{crm.name}:{guest}"]["contact_key"] is None
    new = rows(pulled(crm, "order_line", lines)).values()
    assert [line["order_key"] for line in new] == [f"{crm.name}:{order}"] * 2
    assert sorted(float(line["quantity"]) for line in new) == [-1, 2]


def test_known(crm: CRM, bench: Any) -> None:
    """A record whose version we hold, or wrote ourselves, is skipped and counted; a newer one is not."""
    cursor = after_first_pull(crm, "contact")
    bench.touch(ids(bench, 3), "Lampedusa")
    versions = {key: row["version"] for key, row in rows(pulled(crm, "contact", cursor)).items()}
    versions[f"{crm.name}:{ids(bench, 1)[0]}"] = datetime(2020, 1, 1, tzinfo=UTC)
    bench.forget()
    news = pulled(crm, "contact", cursor, lambda keys: {key: versions[key] for key in keys if key in versions})
    assert list(rows(news)) == [f"{crm.name}:{ids(bench, 1)[0]}"]
    assert sum(batch.skipped for batch in news) == 2


def test_merge(crm: CRM, bench: Any) -> None:
    """A merge hands out the survivor, and for each contact it swallowed a newer row that points to it."""
    everybody = pulled(crm, "contact")
    held, cursor = rows(everybody), everybody[-1].cursor
    first, second, third = ids(bench, 3)
    survivor = bench.merge(bench.merge(first, second), third)
    found = rows(pulled(crm, "contact", cursor))
    stands = found[f"{crm.name}:{survivor}"]
    for old in {first, second, third} - {survivor}:
        row = found[f"{crm.name}:{old}"]
        assert (row["merged_into"], row["email"]) == (stands["key"], None)
        assert held[row["key"]]["version"] < row["version"] <= stands["version"]
        assert row["version"] == stands["version"] or not bench.tombstones_are_as_old_as_survivors
    assert (stands["merged_into"], bool(stands["email"])) == (None, True)
    assert bool(stands["other_emails"]) == bench.survivors_keep_emails


@pytest.mark.parametrize(
    "how", [{"status": 500}, {"status": 429}, {"status": 423}, {"drop": True}, {"times": 2, "status": 503}]
)
def test_trouble_that_passes(crm: CRM, bench: Any, how: dict[str, Any]) -> None:
    """An answer that fails for a moment changes nothing but the count of repeated calls."""
    bench.fault("order_line", skip=2, **how)
    assert len(rows(pulled(crm, "order_line"))) == WORLD.LINES
    assert crm.calls.retried == how.get("times", 1) == len(bench.repeats)


def test_outage(crm: CRM, bench: Any) -> None:
    """When a system stays away the pull ends with "later", and goes on from its last cursor."""
    bench.fault("order_line", skip=3, times=1_000, status=503)
    seen: list[Batch] = []
    with pytest.raises(RetryLater) as caught:
        for batch in crm.pull("order_line", None, nothing):
            seen.append(batch)
    bench.works_again()
    assert caught.value.resume_at is not None
    assert len(rows([*seen, *pulled(bench.crm(), "order_line", seen[-1].cursor)])) == WORLD.LINES
