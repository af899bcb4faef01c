"""Whole audiences anew at Meta: sessions that break and are taken up, and that nobody who stays is ever out."""

from collections.abc import Iterator, Mapping, Sequence

import pytest
from meta_rig import LAMPS, Rig, change, keys, rigged

from connector.ads._meta import refresh
from connector.errors import ListGone, RetryLater
from connector.limits import Retry

FAULTS = [{"drop": True}, {"drop": True, "after_effect": True}, {"status": 500}, {"cut": True}, {"empty": True}]


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    """An account with an audience; a batch takes ten."""
    monkeypatch.setattr(refresh, "MOST", 10)
    with rigged() as rig:
        rig.meta().ensure([LAMPS])
        yield rig


def once(rig: Rig, members: Sequence[str]) -> bool:
    """A refresh by a process that gives up at the first trouble. Whether it came through."""
    try:
        parts = [members[start : start + 10] for start in range(0, len(members), 10)]
        receipt = rig.meta(retry=Retry(attempts=1)).refresh(LAMPS.name, parts)
    except RetryLater:
        return False
    assert sorted(receipt.added) == sorted(members) and not receipt.removed
    return True


def killed(told: Mapping[str, str]) -> None:
    """The process dies while it notes what it was told."""
    raise KeyboardInterrupt


@pytest.mark.parametrize("at", range(4))
@pytest.mark.parametrize("how", FAULTS, ids=str)
def test_a_refresh_that_broke_off_is_taken_up(rig: Rig, how: dict[str, object], at: int) -> None:
    """Wherever it broke, the second process ends with the wanted set; those who stay were in at every moment."""
    rig.meta().deliver(change(keys(20)))
    wanted, stay = keys(35, 10), set(keys(10, 10))
    rig.sandbox.watch(lambda: None if stay <= rig.inside() else pytest.fail("somebody was out"))
    rig.fault("/usersreplace", skip=at, **how)
    assert not once(rig, wanted)
    assert once(rig, wanted)
    assert rig.inside() == set(wanted)


@pytest.mark.parametrize("how", FAULTS, ids=str)
def test_within_one_process_a_lost_answer_costs_a_call(rig: Rig, how: dict[str, object]) -> None:
    """The first batch begins the session once, however often it is sent."""
    wanted = keys(25)
    rig.fault("/usersreplace", times=1, **how)
    rig.fault("/usersreplace", skip=2, times=1, **how)
    meta = rig.meta()
    if "empty" in how:
        with pytest.raises(RetryLater):
            meta.refresh(LAMPS.name, [wanted])
        rig.sandbox.faults.clear()
    meta.refresh(LAMPS.name, [wanted])
    assert rig.inside() == set(wanted)


def test_those_of_an_attempt_before_who_are_wanted_no_more_leave(rig: Rig) -> None:
    """What a broken session was sent is in it for good; it ends, and a second one follows without them."""
    rig.fault("/usersreplace", skip=1, drop=True)
    assert not once(rig, keys(30))
    assert once(rig, keys(15))
    assert rig.inside() == set(keys(15))


def test_parts_that_can_be_read_once_only_leave_the_rest_to_the_next_run(rig: Rig) -> None:
    """The audience then holds all that are wanted, and some more: nobody sees the lamp again."""
    rig.fault("/usersreplace", skip=1, drop=True, after_effect=True)
    assert not once(rig, keys(30))
    with pytest.raises(RetryLater, match="some of an attempt before"):
        rig.meta().refresh(LAMPS.name, iter([keys(15)]))
    assert set(keys(15)) < rig.inside()
    rig.meta().refresh(LAMPS.name, iter([keys(15)]))
    assert rig.inside() == set(keys(15))


def test_a_session_that_time_has_ended_is_begun_anew(rig: Rig) -> None:
    """After 90 minutes Meta took what had come; the next refresh makes it whole."""
    rig.fault("/usersreplace", skip=1, drop=True)
    assert not once(rig, keys(30))
    rig.pass_time(minutes=85)
    assert not once(rig, keys(30)), "Meta still waits for the old one"
    rig.pass_time(minutes=6)
    assert rig.inside() == set(keys(10))
    assert once(rig, keys(30))
    assert rig.inside() == set(keys(30))


def test_changes_wait_while_an_audience_is_being_replaced(rig: Rig) -> None:
    """Meta takes none; they are kept, and said when it is done."""
    rig.sandbox.meta.configure({"replace_seconds": 120})
    rig.meta().refresh(LAMPS.name, [keys(5)])
    with pytest.raises(RetryLater, match="being updated"):
        rig.meta().deliver(change(keys(1, 9)))
    rig.pass_time(minutes=3)
    rig.meta().deliver(change(keys(1, 9)))
    assert rig.inside() == {*keys(5), *keys(1, 9)}


def test_a_replacement_that_fails_later_is_told_once(rig: Rig) -> None:
    """While it is worked through nothing is told; then it is named, and asked about no more."""
    rig.sandbox.meta.configure({"replace_seconds": 120, "replace_fails": True})
    rig.meta().refresh(LAMPS.name, [keys(5)])
    assert rig.meta().confirm() == {}
    rig.pass_time(minutes=3)
    assert list(rig.meta().confirm()) == [f"refresh:{LAMPS.name}"]
    meta = rig.meta()
    assert meta.confirm() == {} and meta.calls.made == 0


def test_what_nobody_noted_is_told_again(rig: Rig) -> None:
    """A replacement that failed, or broke off, is named again where the process died before that was noted."""
    rig.sandbox.meta.configure({"replace_fails": True})
    rig.meta().refresh(LAMPS.name, [keys(5)])
    with pytest.raises(KeyboardInterrupt):
        rig.meta().confirm(killed)
    assert list(rig.meta().confirm()) == [f"refresh:{LAMPS.name}"]
    assert rig.meta().confirm() == {}
    rig.fault("/usersreplace", skip=1, drop=True)
    assert not once(rig, keys(30))
    with pytest.raises(KeyboardInterrupt):
        rig.meta().confirm(killed)
    assert "broken off" in rig.meta().confirm()[f"refresh:{LAMPS.name}"]


def test_a_refresh_that_broke_off_is_told_once(rig: Rig) -> None:
    """So that it is said again in time; it asks Meta nothing, and nothing more is told once it is whole."""
    rig.fault("/usersreplace", skip=1, drop=True)
    assert not once(rig, keys(30))
    meta = rig.meta()
    assert "broken off" in meta.confirm()[f"refresh:{LAMPS.name}"]
    assert meta.confirm() == {} and meta.calls.made == 0
    assert once(rig, keys(30))
    assert rig.meta().confirm() == {}


def test_nobody_wanted_leaves_nobody_in(rig: Rig) -> None:
    """Meta takes no empty batch: a key of nobody stands in for a moment."""
    rig.meta().deliver(change(keys(12)))
    assert not rig.meta().refresh(LAMPS.name, []).added
    assert rig.inside() == set()


def test_an_audience_that_is_gone_is_gone(rig: Rig) -> None:
    """`ensure` makes another, into which the refresh then goes."""
    rig.sandbox.levers["delete_audience"](rig.kept.get("audience", LAMPS.name))
    with pytest.raises(ListGone):
        rig.meta().refresh(LAMPS.name, [keys(5)])
    rig.meta().ensure([LAMPS])
    rig.meta().refresh(LAMPS.name, [keys(5)])
    assert rig.inside() == set(keys(5))


def test_what_is_remembered_goes_with_the_audience(rig: Rig) -> None:
    """After `drop` no session is left open, and the next audience is a new one."""
    rig.fault("/usersreplace", skip=1, drop=True)
    assert not once(rig, keys(30))
    rig.meta().drop(LAMPS.name)
    assert {kind: value for (kind, _), value in rig.kept.items() if value} == {}
    rig.meta().drop(LAMPS.name)
    rig.meta().ensure([LAMPS])
    assert once(rig, keys(30))
