"""What every CRM adapter promises of lists, memberships and properties (`connector/ports.py`), on its sandbox."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest
from crm_promises import LOYAL, accounted, after_first_pull, change, ids, pulled, rows, writing

from connector.errors import ListGone, RetryLater
from connector.model import ListSpec, Purpose, Receipt
from connector.ports import CRM


@pytest.fixture(params=["lists", "properties"], autouse=True)
def mode(bench: Any, request: pytest.FixtureRequest) -> None:
    """Every test once with lists, and once with audiences as properties."""
    if request.param not in bench.modes:
        pytest.skip(f"{type(bench).__module__} keeps audiences in {bench.modes} only")
    bench.use(request.param)


def test_provision(crm: CRM, bench: Any) -> None:
    """Properties are made once, unless an admin deploys them; a second time costs no write."""
    crm.provision()
    assert (bench.counts()["writes"] > 0) == bench.makes_properties
    bench.forget()
    bench.crm().provision()
    assert bench.counts()["writes"] == 0


def test_ensure(crm: CRM, bench: Any) -> None:
    """A list is made once, under a name a marketer recognises; from then on it costs no call."""
    made = crm.ensure([LOYAL])
    assert (list(made.ids), dict(made.refused)) == (["loyal"], {})
    assert bench.lists() == {bench.called("Loyal buyers"): set()}
    bench.forget()
    assert bench.crm().ensure([LOYAL]) == made
    assert bench.counts()["total"] == 0


@pytest.mark.parametrize("mode", ["lists"], indirect=True)
def test_ensure_beside_a_list_of_that_name(crm: CRM, bench: Any) -> None:
    """A list that is not ours is left alone, whatever its name; ours gets another."""
    theirs = bench.make_list("Lamplighter: Loyal buyers")
    assert crm.ensure([LOYAL]).ids["loyal"] != theirs
    crm.deliver(change(add=ids(bench, 2)))
    assert bench.lists() == {
        "Lamplighter: Loyal buyers": set(),
        "Lamplighter: Loyal buyers (Lamplighter)": set(ids(bench, 2)),
    }


@pytest.mark.parametrize("times", [1, 1_000])
def test_ensure_after_a_lost_answer(crm: CRM, bench: Any, times: int) -> None:
    """A list whose creation was carried out but never answered is found again, by this run or the next."""
    bench.fault("create_list", method="POST", drop=True, after_effect=True, times=times)
    try:
        crm.ensure([LOYAL])
    except RetryLater:
        bench.works_again()
        bench.crm().ensure([LOYAL])
    assert list(bench.lists()) == [bench.called("Loyal buyers")]


def test_renamed_list(crm: CRM, bench: Any) -> None:
    """A list that the marketer renamed is followed."""
    made = crm.ensure([LOYAL])
    bench.rename_list(made.ids["loyal"], "Our best people")
    assert bench.crm().ensure([LOYAL]) == made
    crm.deliver(change(add=ids(bench, 2)))
    assert bench.lists() == {"Our best people": set(ids(bench, 2))}


def test_deleted_list(crm: CRM, bench: Any) -> None:
    """A list that the marketer deleted is noticed at its next change and brought back with whoever was in it."""
    made = crm.ensure([LOYAL])
    crm.deliver(change(add=ids(bench, 2)))
    bench.delete_list(made.ids["loyal"])
    wish = change(add=ids(bench, 3)[2:])
    with pytest.raises(ListGone, match="loyal was deleted"):
        crm.deliver(wish)
    assert bench.crm().ensure([LOYAL]) == made
    assert accounted(crm.deliver(wish), wish)
    assert bench.lists() == {bench.called("Loyal buyers"): set(ids(bench, 3))}


def test_list_deleted_again(crm: CRM, bench: Any) -> None:
    """The second time it stays deleted, is refused with the reason, and nothing else suffers."""
    other = ListSpec(name="other", label="Other", purpose=Purpose.INSIGHT)
    for contact in ids(bench, 2):
        made = crm.ensure([LOYAL])
        bench.delete_list(made.ids["loyal"])
        with pytest.raises(ListGone):
            crm.deliver(change(add=[contact]))
    ensured = bench.crm().ensure([LOYAL, other])
    assert list(ensured.ids) == ["other"]
    assert "lamplighter retry --list loyal" in ensured.refused["loyal"]


def test_members(crm: CRM, bench: Any) -> None:
    """Everybody in a list is told, whoever put them there; one that is gone says so, one never made costs nothing."""
    made = crm.ensure([LOYAL])
    crm.deliver(change(add=ids(bench, 60)))
    bench.put_in(made.ids["loyal"], ids(bench, 61)[60])
    bench.take_out(made.ids["loyal"], ids(bench, 1)[0])
    assert {one for page in crm.members("loyal") for one in page} == set(ids(bench, 61)[1:])
    bench.delete_list(made.ids["loyal"])
    with pytest.raises(ListGone):
        list(crm.members("loyal"))
    bench.forget()
    with pytest.raises(ListGone):
        list(crm.members("never_made"))
    assert bench.counts()["total"] == 0


def test_alive(crm: CRM, bench: Any) -> None:
    """Who is deleted or merged away is not; the survivor of a merge is, under whatever id it has now."""
    stays, deleted, first, second = ids(bench, 4)
    bench.delete_contact(deleted)
    survivor = bench.merge(first, second)
    assert crm.alive([stays, deleted, first, second, survivor]) == {stays, survivor}


def test_delivery_before_ensure(crm: CRM, bench: Any) -> None:
    """A change of a list that is not there yet waits; nothing is called."""
    with pytest.raises(RetryLater, match="loyal"):
        crm.deliver(change(add=ids(bench, 2)))
    assert bench.counts()["total"] == 0


def test_memberships(crm: CRM, bench: Any) -> None:
    """People are put in and taken out in one delivery; delivered twice, the end state is the same."""
    crm.ensure([LOYAL])
    crm.deliver(change(add=ids(bench, 4)))
    swap = change(add=ids(bench, 6)[4:], remove=ids(bench, 2))
    for _ in range(2):
        receipt = crm.deliver(swap)
        assert (set(receipt.added), set(receipt.removed)) == (set(swap.add), set(swap.remove))
        assert accounted(receipt, swap)
        assert bench.lists()[bench.called("Loyal buyers")] == set(ids(bench, 6)[2:])


def test_memberships_of_the_missing(crm: CRM, bench: Any) -> None:
    """Who is gone cannot be added and says so; who is gone counts as removed."""
    crm.ensure([LOYAL])
    gone, merged, other, stays, leaves = ids(bench, 5)
    bench.delete_contact(gone)
    bench.merge(other, merged)
    wish = change(add=[gone, merged, stays], remove=["999999999", leaves])
    receipt = crm.deliver(wish)
    assert receipt.added == [stays]
    assert set(receipt.removed) == {"999999999", leaves}
    assert receipt.rejected == dict.fromkeys((gone, merged), "no such contact any more (merged or deleted)")
    assert accounted(receipt, wish)


def test_one_bad_member(crm: CRM, bench: Any) -> None:
    """An id that the CRM cannot even read is rejected in its words; its neighbours are added."""
    crm.ensure([LOYAL])
    wish = change(add=[*ids(bench, 20), "no-id", *ids(bench, 40)[20:]])
    receipt = crm.deliver(wish)
    assert list(receipt.rejected) == ["no-id"]
    assert accounted(receipt, wish)
    assert bench.lists()[bench.called("Loyal buyers")] == set(ids(bench, 40))


def test_properties(crm: CRM, bench: Any) -> None:
    """Values are written and cleared; delivered twice, the end state is the same; each contact tells its version."""
    crm.provision()
    one, two = ids(bench, 2)
    crm.deliver(writing({one: {"loyalty_tier": "gold"}}))
    wish = writing({one: {"loyalty_tier": None, "rfm_cell": "555"}, two: {"last_purchase": "2026-01-31"}})
    for _ in range(2):
        receipt = crm.deliver(wish)
        assert accounted(receipt, wish)
        assert all(isinstance(at, datetime) and at.tzinfo for at in receipt.written.values())
        assert bench.ours() == {one: {"rfm_cell": "555"}, two: {"last_purchase": "2026-01-31"}}


def test_own_writes_are_known(crm: CRM, bench: Any) -> None:
    """The version told for a write is the one that the next pull sees, so that our echo is skipped."""
    crm.provision()
    cursor = after_first_pull(crm, "contact")
    written = crm.deliver(writing({one: {"rfm_cell": "555"} for one in ids(bench, 5)})).written
    held = {f"{crm.name}:{one}": at for one, at in written.items() if at}
    news = pulled(crm, "contact", cursor, lambda keys: {key: held[key] for key in keys if key in held})
    assert (rows(news), sum(batch.skipped for batch in news)) == ({}, 5)


def test_one_bad_row(crm: CRM, bench: Any) -> None:
    """One value that the CRM does not take never fails its neighbours, and is rejected in the CRM's words."""
    crm.provision()
    people = ids(bench, 100)
    values: dict[str, Mapping[str, str | None]] = {one: {"rfm_cell": "555"} for one in people}
    values[people[37]] = bench.bad_values
    receipt = crm.deliver(writing(values))
    assert list(receipt.rejected) == [people[37]]
    assert receipt.rejected[people[37]]
    assert accounted(receipt, writing(values))
    assert len(bench.ours()) == 99
    assert crm.calls.writes < 25


def test_properties_of_the_missing(crm: CRM, bench: Any) -> None:
    """Contacts that are gone are rejected, the others written."""
    crm.provision()
    gone, stays = ids(bench, 2)
    bench.delete_contact(gone)
    receipt = crm.deliver(writing({gone: {"rfm_cell": "555"}, stays: {"rfm_cell": "555"}}))
    assert list(receipt.written) == [stays]
    assert receipt.rejected == {gone: "no such contact any more (merged or deleted)"}


@pytest.mark.parametrize("kind", ["membership", "properties"])
def test_an_answer_that_says_nothing(crm: CRM, bench: Any, kind: str) -> None:
    """A friendly answer that accounts for nobody counts as nothing done."""
    crm.provision()
    crm.ensure([LOYAL])
    wish = (
        change(add=ids(bench, 3))
        if kind == "membership"
        else writing({one: {"rfm_cell": "5"} for one in ids(bench, 3)})
    )
    bench.fault(kind, empty=True)
    with pytest.raises(RetryLater):
        crm.deliver(wish)
    receipt = crm.deliver(wish)
    assert accounted(receipt, wish) and not receipt.rejected


@pytest.mark.parametrize("kind", ["membership", "properties"])
def test_lost_answer(crm: CRM, bench: Any, kind: str) -> None:
    """A delivery that was carried out but never answered is settled by reading back, without another write."""
    crm.provision()
    crm.ensure([LOYAL])
    wish = (
        change(add=ids(bench, 3))
        if kind == "membership"
        else writing({one: {"rfm_cell": "5"} for one in ids(bench, 3)})
    )
    bench.fault(kind, drop=True, after_effect=True, times=1_000)
    with pytest.raises(RetryLater):
        crm.deliver(wish)
    bench.works_again()
    bench.forget()
    receipt = bench.crm().read_back(wish)
    assert accounted(receipt, wish) and not receipt.rejected
    assert bench.counts()["writes"] == 0


@pytest.mark.parametrize("kind", ["membership", "properties"])
def test_read_back_of_what_was_not_done(crm: CRM, bench: Any, kind: str) -> None:
    """Reading back names those for whom the wish does not hold."""
    crm.provision()
    crm.ensure([LOYAL])
    crm.deliver(change(add=ids(bench, 1)))
    crm.deliver(writing({ids(bench, 1)[0]: {"rfm_cell": "5"}}))
    wish = (
        change(add=ids(bench, 3))
        if kind == "membership"
        else writing({one: {"rfm_cell": "5"} for one in ids(bench, 3)})
    )
    receipt = crm.read_back(wish)
    assert [*receipt.added, *receipt.written] == ids(bench, 1)
    assert list(receipt.rejected) == ids(bench, 3)[1:]


@pytest.mark.parametrize("kind", ["membership", "properties"])
def test_trouble_while_pushing(crm: CRM, bench: Any, kind: str) -> None:
    """Writes are repeated like reads: what they do twice is the same as once."""
    crm.provision()
    crm.ensure([LOYAL])
    wish = (
        change(add=ids(bench, 3))
        if kind == "membership"
        else writing({one: {"rfm_cell": "5"} for one in ids(bench, 3)})
    )
    bench.fault(kind, drop=True, after_effect=True)
    bench.fault(kind, status=429)
    bench.fault(kind, status=502)
    receipt = crm.deliver(wish)
    assert accounted(receipt, wish) and not receipt.rejected
    assert crm.calls.retried == 3


def test_nothing_to_deliver(crm: CRM, bench: Any) -> None:
    """An empty delivery is done at once."""
    crm.ensure([LOYAL])
    bench.forget()
    assert crm.deliver(writing({})) == Receipt(written={}, rejected={})
    assert not crm.deliver(change()).rejected
    assert bench.counts()["total"] == 0
