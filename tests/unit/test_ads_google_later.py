"""What Google works through later, or does by itself: closed lists, refreshes that end when it is done, outcomes."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
from google_account import Account, account, no_waiting
from remembering import Kept

from connector import turn
from connector.errors import EndPass, RetryLater
from connector.model import Delivery, ListSpec, Purpose

__all__ = ["account", "no_waiting"]

LAMPS = ListSpec(name="lamps", label="Bought: lamps", purpose=Purpose.EXCLUDE)
HALF_AN_HOUR = timedelta(minutes=30)
REMOVE_ALL = "/v1/audienceMembers:removeAll"
RETRIEVE = "GET /v1/requestStatus:retrieve"


def people(account: Account, count: int) -> list[str]:
    """Match keys of made-up people."""
    return [str(account.adapter().match("email", f"buyer{number}@example.com")) for number in range(count)]


def deliver(account: Account, id: str = "d", count: int = 1, **settings: Any) -> Any:
    """Add made-up people by a new adapter."""
    adapter = account.adapter(**settings)
    adapter.ensure([LAMPS])
    told = people(account, count)
    return adapter.deliver(Delivery(id=id, destination="google", kind="membership", audience="lamps", add=told))


def asked(account: Account) -> int:
    """How often Google was asked what became of something."""
    return int(account.sandbox.journal.counts()["operations"].get(RETRIEVE, 0))


def test_closed_list(account: Account) -> None:
    """A list that Google closed is found within a day, named by `check`, and opened again with its people."""
    adapter = account.adapter()
    deliver(account)
    (lamps,) = account.labels()
    adapter.confirm()
    account.sandbox.levers["close_list"](lamps)
    assert [one.title for one in adapter.check() if not one.ok] == ["Google user list lamps"]
    adapter.confirm()
    assert account.act("GET", f"/{lamps}")["membershipStatus"] == "CLOSED"
    account.sleep(86_400)
    adapter.confirm()
    assert account.act("GET", f"/{lamps}")["membershipStatus"] == "OPEN"
    assert len(account.members(lamps)) == 1


def test_deleted_list_is_found(account: Account) -> None:
    """A list that was deleted while nobody came or went is made again."""
    adapter = account.adapter()
    before = adapter.ensure([LAMPS]).ids["lamps"]
    account.act("DELETE", f"/{before}")
    adapter.confirm()
    assert adapter.ensure([LAMPS]).ids["lamps"] != before


def test_outcome_is_awaited(account: Account) -> None:
    """Google is asked after half an hour, then after twice as long each time, and told once."""
    account.google.configure({"processing_seconds": 4 * 3_600})
    account.sandbox.levers["fail_work"]()
    deliver(account, id="d1", ask_after=HALF_AN_HOUR)
    adapter = account.adapter(ask_after=HALF_AN_HOUR)
    when, told = [], []
    for quarter in range(40):
        before = asked(account)
        told.append(dict(adapter.confirm()))
        when += [quarter] * (asked(account) - before)
        account.sleep(900)
    assert when == [2, 4, 8, 16]
    assert [one for one in told if one] == [{"d1": "FAILED: 1 of PROCESSING_ERROR_REASON_INTERNAL_ERROR"}]


def test_request_that_google_forgot(account: Account) -> None:
    """A batch of which Google knows nothing any more is told, not asked about for ever."""
    deliver(account, id="d1")
    account.sandbox.levers["forget_requests"]()
    adapter = account.adapter()
    assert "no longer knows" in adapter.confirm()["d1"]
    assert adapter.confirm() == {}


def test_partial_success(account: Account) -> None:
    """What Google processed in part is told with its counts; here the account's default denies consent."""
    deliver(account, id="d1")
    (request,) = account.google.account.accepted
    outcome = account.google.account.accepted[request].outcomes[0]
    outcome.failed["PROCESSING_ERROR_REASON_DENIED_CONSENT"] = 1
    object.__setattr__(outcome, "records", 2)
    assert account.adapter().confirm() == {"d1": "PARTIAL_SUCCESS: 1 of PROCESSING_ERROR_REASON_DENIED_CONSENT"}


def test_match_rate(account: Account) -> None:
    """What share of an upload Google knew is kept, and shown by `check`."""
    deliver(account)
    account.adapter().confirm()
    assert any("Google knew 41 to 50 %" in one.detail for one in account.adapter().check())


def test_refresh_ends_when_google_is_done(account: Account) -> None:
    """Who is not said again leaves only once Google has worked through all that was; other processes know of it."""
    account.google.configure({"processing_seconds": 3_600})
    deliver(account, count=3)
    (lamps,) = account.labels()
    told = people(account, 5)
    account.adapter(ask_after=HALF_AN_HOUR).refresh("lamps", [told[2:4], told[4:]])
    for _ in range(4):
        assert account.members(lamps) == set(told)
        assert account.adapter(ask_after=HALF_AN_HOUR).confirm() == {}
        account.sleep(1_500)
    assert account.members(lamps) == set(told[2:])


def test_refresh_of_a_list_that_only_our_books_fill(account: Account) -> None:
    """What takes others out is spared where there are none, but not in a list that stood before our books began."""
    deliver(account, count=3)
    told = people(account, 3)
    account.adapter().refresh("lamps", [told], sure=True)
    account.adapter().confirm()
    assert not account.bodies(REMOVE_ALL)
    account.kept = Kept()
    for times in (1, 1):
        adapter = account.adapter()
        (lamps,) = adapter.ensure([LAMPS]).ids.values()
        adapter.refresh("lamps", [told[:2]], sure=True)
        adapter.confirm()
        assert (account.members(lamps), len(account.bodies(REMOVE_ALL))) == (set(told[:2]), times)


def test_refresh_of_which_one_part_fails(account: Account) -> None:
    """Nobody is taken out by a refresh of which Google could not work through a part, also after a later answer."""
    deliver(account, count=3)
    (lamps,) = account.labels()
    told = people(account, 5)
    adapter = account.adapter()
    adapter.confirm()
    parts = iter([told[3:4], told[4:]])

    def said() -> Iterator[list[str]]:
        yield next(parts)
        account.sandbox.levers["fail_work"]()
        yield next(parts)
        account.sandbox.levers["fail_work"](failing=False)

    adapter.refresh("lamps", said())
    assert list(adapter.confirm()) == ["refresh:lamps"]
    assert adapter.confirm() == {}
    assert account.members(lamps) == set(told[:4])
    adapter.refresh("lamps", [told[3:]])
    assert adapter.confirm() == {}
    assert account.members(lamps) == set(told[3:])


def test_refresh_whose_end_fails(account: Account) -> None:
    """A refresh that could not be ended now is ended next time, and what failed meanwhile is told nevertheless."""
    deliver(account, count=2)
    (lamps,) = account.labels()
    told = people(account, 3)
    adapter = account.adapter()
    adapter.refresh("lamps", [told[1:]])
    account.fault("POST", ":removeAll", times=100, status=503)
    assert adapter.confirm() == {}
    assert account.members(lamps) == set(told)
    account.sandbox.faults.clear()
    adapter.confirm()
    assert account.members(lamps) == set(told[1:])


class Fenced(Kept):
    """Another process has taken over: nothing is written any more."""

    def put(self, kind: str, name: str, value: str) -> None:
        raise EndPass("another process has taken over")


def test_the_end_of_a_pass_ends_a_refresh_too(account: Account) -> None:
    """It is no trouble of Google's, to be told later: nothing more is said to Google."""
    deliver(account, count=2)
    account.adapter().refresh("lamps", [people(account, 3)[1:]])
    account.fault("POST", ":removeAll", times=100, status=503)
    assert account.adapter().confirm() == {}
    account.sandbox.faults.clear()
    account.kept = Fenced(account.kept)
    with pytest.raises(EndPass):
        account.adapter().confirm()


def killed(told: Mapping[str, str]) -> None:
    """The process dies while it notes what it was told."""
    raise KeyboardInterrupt


def test_what_nobody_noted_is_told_again(account: Account) -> None:
    """Google's words are forgotten only once they are noted: a kill in between loses none of them."""
    account.sandbox.levers["fail_work"]()
    deliver(account, id="d1")
    with pytest.raises(KeyboardInterrupt):
        account.adapter().confirm(killed)
    noted: list[Mapping[str, str]] = []
    assert list(account.adapter().confirm(noted.append)) == ["d1"]
    assert [list(each) for each in noted] == [["d1"]]
    assert account.adapter().confirm() == {}


def test_the_end_of_a_pass_ends_the_asking_too(account: Account) -> None:
    """Whatever Google has said until then is told in the next pass."""
    account.sandbox.levers["fail_work"]()
    for id in ("d1", "d2"):
        deliver(account, id=id)

    def taken_over() -> None:
        if asked(account):
            raise EndPass("another process has taken over")

    with turn.answered_by(taken_over), pytest.raises(EndPass):
        account.adapter().confirm()
    assert sorted(account.adapter().confirm()) == ["d1", "d2"]


def test_trouble_while_asking(account: Account) -> None:
    """What Google said before it fell silent is told, the rest next time; where it said nothing, that is no answer."""
    account.sandbox.levers["fail_work"]()
    for id in ("d1", "d2"):
        deliver(account, id=id)
    adapter = account.adapter()
    account.fault("GET", "requestStatus", skip=1, times=100, status=503)
    first = adapter.confirm()
    with pytest.raises(RetryLater):
        adapter.confirm()
    account.sandbox.faults.clear()
    second = adapter.confirm()
    assert sorted([*first, *second]) == ["d1", "d2"] and len(first) == 1
