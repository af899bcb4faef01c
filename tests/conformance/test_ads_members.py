"""What every ad destination promises about people: in, out, all said again, erased; told once of sales."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from ad_bench import LAMPS, SHADES, AdBench, accounted, change, keys

from connector.errors import RetryLater
from connector.model import Receipt, Sale, SoldItem
from connector.ports import AdDestination


def refreshed(platform: AdBench, destination: AdDestination, parts: Sequence[Sequence[str]]) -> Receipt:
    """A refresh that the platform has worked through, and that is ended."""
    receipt = destination.refresh(LAMPS.name, parts)
    platform.settle()
    assert destination.confirm() == {}
    return receipt


BAD_KEYS = ("email:short", "fax:" + "A" * 43, "no key at all")


@pytest.fixture
def lamps(destination: AdDestination) -> str:
    """The id of an empty audience."""
    return destination.ensure([LAMPS]).ids[LAMPS.name]


def test_deliver(platform: AdBench, destination: AdDestination, lamps: str) -> None:
    """People are added and taken out; saying it again changes nothing, nor does adding who is in."""
    people = keys(destination, 5)
    first = change(add=people[:4])
    assert accounted(destination.deliver(first), first)
    second = change(add=people[3:], remove=people[:2], id="d2")
    for again in (destination.deliver, destination.deliver, platform.destination().deliver):
        receipt = again(second)
        assert accounted(receipt, second) and not receipt.rejected
        assert platform.members(lamps) == set(people[2:])


def test_e_mail_and_phone(platform: AdBench, destination: AdDestination, lamps: str) -> None:
    """Both kinds of identifier arrive as what they are."""
    told = (destination.match("email", "dana@example.com"), destination.match("phone", "+1 800-555-0101"))
    people = [one for one in told if one]
    assert len(people) == len(destination.terms.identifiers)
    destination.deliver(change(add=people))
    assert platform.members(lamps) == set(people)


def test_nothing_to_deliver(platform: AdBench, destination: AdDestination, lamps: str) -> None:
    """An empty delivery is done at once."""
    platform.forget()
    assert accounted(destination.deliver(change()), change())
    assert platform.counts()["total"] == 0


def test_bad_keys(platform: AdBench, destination: AdDestination, lamps: str) -> None:
    """What is no match key is rejected with a reason, and its neighbours are added."""
    people = keys(destination, 3)
    delivery = change(add=[*people, *BAD_KEYS])
    receipt = destination.deliver(delivery)
    assert accounted(receipt, delivery)
    assert set(receipt.rejected) == set(BAD_KEYS) and all(receipt.rejected.values())
    assert platform.members(lamps) == set(people)


def test_refused_rows(platform: AdBench, destination: AdDestination, lamps: str) -> None:
    """Those whom the platform refuses come back in its words, and the others are in."""
    if not platform.refuses_rows:
        pytest.skip("it takes every row")
    people = keys(destination, 50)
    platform.refuse([people[7], people[31]])
    delivery = change(add=people)
    receipt = destination.deliver(delivery)
    assert accounted(receipt, delivery)
    assert set(receipt.rejected) == {people[7], people[31]} and all(receipt.rejected.values())
    assert platform.members(lamps) == set(people) - set(receipt.rejected)


@pytest.mark.parametrize("at", ["add", "remove"])
def test_lost_answer(platform: AdBench, destination: AdDestination, lamps: str, at: str) -> None:
    """A batch that was applied and never answered is said again, and leaves the same."""
    if not platform.over_http:
        pytest.skip("there is no answer to lose")
    people = keys(destination, 4)
    destination.deliver(change(add=people[:2]))
    delivery = change(add=people[2:], remove=people[:2], id="d2")
    platform.fault(at, drop=True, after_effect=True, times=1_000)
    with pytest.raises(RetryLater):
        destination.deliver(delivery)
    platform.works_again()
    receipt = platform.destination().deliver(delivery)
    assert accounted(receipt, delivery) and not receipt.rejected
    assert platform.members(lamps) == set(people[2:])


def test_trouble(platform: AdBench, destination: AdDestination, lamps: str) -> None:
    """Cut connections, limits and failures are waited for and said again."""
    if not platform.over_http:
        pytest.skip("there is no connection to cut")
    people = keys(destination, 3)
    platform.fault("add", drop=True, after_effect=True)
    platform.fault("add", status=429, retry_after=3)
    platform.fault("add", status=500, after_effect=True)
    receipt = destination.deliver(change(add=people))
    assert not receipt.rejected and platform.members(lamps) == set(people)
    assert destination.calls.retried == 3 and destination.calls.limited == 1


@pytest.mark.parametrize("how", [{"empty": True}, {"cut": True}])
def test_half_an_answer(platform: AdBench, destination: AdDestination, lamps: str, how: dict[str, bool]) -> None:
    """A friendly answer that accounts for nobody counts as nothing done."""
    if not platform.over_http:
        pytest.skip("there is no answer")
    people = keys(destination, 3)
    platform.fault("add", times=1_000, **how)
    with pytest.raises(RetryLater):
        destination.deliver(change(add=people))
    platform.works_again()
    assert not destination.deliver(change(add=people)).rejected
    assert platform.members(lamps) == set(people)


def test_session_ends(platform: AdBench, destination: AdDestination, lamps: str) -> None:
    """A session that has ended is renewed, once for each call that finds it ended."""
    if not platform.over_http:
        pytest.skip("there is no session")
    people = keys(destination, 2)
    destination.deliver(change(add=people[:1]))
    platform.end_session()
    destination.deliver(change(add=people, id="d2"))
    assert platform.members(lamps) == set(people)
    assert destination.calls.retried == 0


def test_refresh(platform: AdBench, destination: AdDestination, lamps: str) -> None:
    """A refresh leaves exactly those whom it names, and who stays is never out, not for one call."""
    people = keys(destination, 40)
    destination.deliver(change(add=people[:30]))
    stay, gaps = set(people[10:30]), []
    platform.watch(lambda: gaps.append(stay - platform.members(lamps)))
    parts = [people[at : at + 10] for at in (10, 20, 30)]
    receipt = refreshed(platform, destination, parts)
    assert sorted(receipt.added) == sorted(people[10:]) and not receipt.rejected and not receipt.removed
    assert platform.members(lamps) == set(people[10:])
    assert gaps and not any(gaps)


def test_refresh_that_fails_later(platform: AdBench, destination: AdDestination, lamps: str) -> None:
    """A refresh that the platform accepts and then fails at is told by its audience; who stays is in all the while."""
    if not platform.answers_later:
        pytest.skip("it answers at once")
    people = keys(destination, 30)
    destination.deliver(change(add=people[:20]))
    platform.fail_work()
    destination.refresh(LAMPS.name, [people[10:]])
    platform.settle()
    assert list(destination.confirm()) == [f"refresh:{LAMPS.name}"]
    assert platform.members(lamps) >= set(people[10:20])


def test_refresh_to_nobody(platform: AdBench, destination: AdDestination, lamps: str) -> None:
    """An audience of nobody is empty."""
    destination.deliver(change(add=keys(destination, 3)))
    refreshed(platform, destination, [])
    assert platform.members(lamps) == set()


def test_refresh_with_bad_rows(platform: AdBench, destination: AdDestination, lamps: str) -> None:
    """Bad rows of a refresh come back, and it is finished."""
    people = keys(destination, 4)
    destination.deliver(change(add=people[:2]))
    receipt = refreshed(platform, destination, [[people[1], BAD_KEYS[0]], people[2:]])
    assert set(receipt.rejected) == {BAD_KEYS[0]} and sorted(receipt.added) == sorted(people[1:])
    assert platform.members(lamps) == set(people[1:])


@pytest.mark.parametrize("after_effect", [False, True])
@pytest.mark.parametrize("at", [0, 1, 2, 3])
def test_refresh_breaks_off(
    platform: AdBench, destination: AdDestination, lamps: str, at: int, after_effect: bool
) -> None:
    """A refresh that was broken off at any call, and is said again with other people by a new process, ends with
    exactly those."""
    if not platform.over_http:
        pytest.skip("there is no call to break off")
    people = keys(destination, 60)
    destination.deliver(change(add=people[:20]))
    platform.fault("", skip=at, drop=True, after_effect=after_effect, times=1_000)
    first = [people[start : start + 10] for start in (10, 20, 30, 40)]
    with pytest.raises(RetryLater):
        refreshed(platform, destination, first)
    platform.works_again()
    wanted = people[15:35] + people[50:]
    refreshed(platform, platform.destination(), [wanted[:10], wanted[10:20], wanted[20:]])
    assert platform.members(lamps) == set(wanted)


def test_refresh_of_whom_we_know(platform: AdBench, destination: AdDestination, lamps: str) -> None:
    """Where our books say that nobody else is in, a refresh takes a call a part, also after one that broke off."""
    people = keys(destination, 30)
    parts = [people[start : start + 10] for start in (0, 10, 20)]
    destination.deliver(change(add=people))
    if platform.over_http:
        platform.fault("", skip=1, drop=True, after_effect=True, times=1_000)
        with pytest.raises(RetryLater):
            destination.refresh(LAMPS.name, parts, sure=True)
        platform.works_again()
    again = platform.destination()
    assert sorted(again.refresh(LAMPS.name, parts, sure=True).added) == sorted(people)
    assert again.calls.writes <= len(parts)
    platform.settle()
    again.confirm()
    assert again.calls.writes <= len(parts) and platform.members(lamps) == set(people)


def test_never_more_than_it_takes(platform: AdBench, destination: AdDestination, lamps: str) -> None:
    """No request holds more rows than the platform takes."""
    size = destination.batch_size("membership")
    if size > 20_000:
        pytest.skip("there is no such limit")
    people = keys(destination, size + 1)
    refreshed(platform, destination, [people[:size], people[size:]])
    assert platform.largest() <= size
    assert platform.members(lamps) == set(people)


def test_confirm(platform: AdBench, destination: AdDestination, lamps: str) -> None:
    """What the platform accepted and could not do is told in its words, once, also to a new process."""
    if not platform.answers_later:
        pytest.skip("it answers at once")
    destination.deliver(change(add=keys(destination, 1), id="good"))
    platform.fail_work()
    destination.deliver(change(add=keys(destination, 2), id="bad"))
    platform.settle()
    told = platform.destination().confirm()
    assert list(told) == ["bad"] and told["bad"]
    assert destination.confirm() == {}


def test_erase(platform: AdBench, destination: AdDestination, lamps: str) -> None:
    """Who is erased is in no audience any more; the others stay."""
    shades = destination.ensure([SHADES]).ids[SHADES.name]
    people = keys(destination, 4)
    foreign = platform.make_foreign("Newsletter", people[:3])
    destination.deliver(change(add=people))
    destination.deliver(change(add=people[:1], audience=SHADES.name, id="d2"))
    assert destination.erase(people[:2]) == dict.fromkeys(people[:2], "")
    assert platform.members(lamps) == set(people[2:]) and platform.members(shades) == set()
    if platform.erases_foreign:
        assert platform.members(foreign) == {people[2]}
    assert destination.erase(people[:2]) == dict.fromkeys(people[:2], "")


def sale(order: str, kind: str = "purchase", value: str = "89.00", left: str | None = None, buyer: str = "") -> Sale:
    """One pendant lamp, sold or given back."""
    lamp = SoldItem(product_id="PEN-01", quantity=Decimal(1), unit_price=Decimal(value))
    return Sale(
        key=f"{order}:{kind}",
        order_id=order,
        kind="purchase" if kind == "purchase" else "refund",
        at=datetime.now(UTC).replace(microsecond=0),
        identifiers=[("email", buyer or "dana@example.com")],
        items=[lamp],
        value=Decimal(value),
        currency="EUR",
        left=Decimal(left) if left else None,
    )


def test_report(platform: AdBench, destination: AdDestination) -> None:
    """A sale is told with the catalogue's ids; telling it twice counts once; one without a buyer is rejected."""
    if not destination.terms.takes_sales:
        pytest.skip("it is told of no sales")
    sales = [sale("1001"), sale("1002", buyer="nobody")]
    for adapter in (destination, platform.destination()):
        receipt = adapter.report(sales)
        assert set(receipt.written) == {"1001:purchase"} and set(receipt.rejected) == {"1002:purchase"}
    assert list(platform.sold()) == [("1001", "purchase", ("PEN-01",))]


def test_report_of_a_refund(platform: AdBench, destination: AdDestination) -> None:
    """A refund is told, or rejected with the reason; never counted as a further purchase."""
    if not destination.terms.takes_sales:
        pytest.skip("it is told of no sales")
    destination.report([sale("1001")])
    refund = sale("1001", "refund", "20.00", left="69.00")
    receipt = destination.report([refund])
    assert set(receipt.written) | set(receipt.rejected) == {refund.key}
    assert [kind for order, kind, _ in platform.sold() if order == "1001"].count("purchase") == 1
