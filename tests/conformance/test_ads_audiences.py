"""What every ad destination promises about audiences: found, made, never taken over, deleted."""

import pytest
from ad_bench import LAMPS, SHADES, AdBench, Kept, change, keys

from connector import ads
from connector.errors import ListGone
from connector.ports import AdDestination


def made(destination: AdDestination) -> str:
    """The id of an audience just ensured."""
    ensured = destination.ensure([LAMPS])
    assert ensured.refused == {}
    return ensured.ids[LAMPS.name]


def test_every_platform_has_a_bench(platform: AdBench) -> None:
    """Whoever writes an ad destination is held to these promises."""
    assert platform.name in ads.names()


def test_terms(destination: AdDestination) -> None:
    """What a platform allows is told, and makes sense."""
    terms = destination.terms
    assert terms.identifiers and set(terms.identifiers) <= {"email", "phone"}
    assert terms.minimum_size >= 0 and terms.maximum_audiences > 0 and terms.effect.total_seconds() >= 0
    assert destination.batch_size("membership") > 0 and destination.batch_size("sale") > 0


def test_match_keys(destination: AdDestination) -> None:
    """A match key is the kind and 43 characters of a hash; one person has one; nothing usable has none."""
    found = {destination.match("email", text) for text in ("Dana@Example.com", " dana@example.com ")}
    assert len(found) == 1
    (key,) = found
    assert key and key.startswith("email:") and len(key) == 49
    assert destination.match("email", "") is None
    assert destination.match("email", "quinn") is None
    assert destination.match("anonymous_id", "dana@example.com") is None


def test_ensure_twice(platform: AdBench, destination: AdDestination) -> None:
    """Ensured audiences stay the same ones, and cost no further call, nor does a new adapter ask."""
    first = destination.ensure([LAMPS, SHADES])
    assert set(first.ids) == {LAMPS.name, SHADES.name} and first.refused == {}
    platform.forget()
    assert destination.ensure([LAMPS, SHADES]) == first
    assert platform.destination().ensure([SHADES, LAMPS]).ids == first.ids
    assert platform.counts()["total"] == 0
    assert len(platform.audiences()) == 2


def test_connections_are_let_go_of(destination: AdDestination) -> None:
    """Closed twice, and used again: whoever goes on makes new ones."""
    first = destination.ensure([LAMPS])
    destination.close()
    destination.close()
    assert destination.ensure([LAMPS]) == first


def test_found_again(platform: AdBench, destination: AdDestination) -> None:
    """Who has forgotten the id finds the audience by our key, and makes no second one."""
    first = made(destination)
    for name in list(platform.kept):
        platform.kept.put(*name, "")
    assert made(platform.destination()) == first
    assert len(platform.audiences()) == 1


def test_lost_answer_while_making(platform: AdBench, destination: AdDestination) -> None:
    """An audience whose making was never answered is not made twice."""
    platform.fault("create", drop=True, after_effect=True)
    made(destination)
    assert len(platform.audiences()) == 1


def test_never_takes_over(platform: AdBench, destination: AdDestination) -> None:
    """An audience that somebody else made under our label keeps its people; ours is another one, or is refused."""
    theirs = keys(destination, 3)
    made(destination)
    label = next(iter(platform.audiences().values()))
    platform.delete(next(iter(platform.audiences())))
    for name in list(platform.kept):
        platform.kept.put(*name, "")
    foreign = platform.make_foreign(label, theirs)
    ensured = platform.destination().ensure([LAMPS])
    assert set(ensured.ids) | set(ensured.refused) == {LAMPS.name}
    assert foreign not in ensured.ids.values()
    assert platform.members(foreign) == set(theirs)


def test_deleted_by_hand(platform: AdBench, destination: AdDestination) -> None:
    """An audience that somebody deleted is told, and made again once; the second time it stays deleted."""
    first, people = made(destination), keys(destination, 2)
    destination.deliver(change(add=people))
    platform.delete(first)
    with pytest.raises(ListGone):
        destination.deliver(change(add=people))
    second = made(destination)
    assert second != first
    destination.deliver(change(add=people))
    assert platform.members(second) == set(people)
    platform.delete(second)
    with pytest.raises(ListGone):
        destination.deliver(change(add=people))
    ensured = destination.ensure([LAMPS, SHADES])
    assert list(ensured.refused) == [LAMPS.name] and list(ensured.ids) == [SHADES.name]
    assert "lamplighter retry" in ensured.refused[LAMPS.name]


def test_not_ensured(destination: AdDestination) -> None:
    """Nobody is put into an audience that is not there."""
    with pytest.raises(ListGone):
        destination.deliver(change(add=keys(destination, 1)))
    with pytest.raises(ListGone):
        destination.refresh(LAMPS.name, [keys(destination, 1)])


def test_no_room(platform: AdBench, destination: AdDestination) -> None:
    """An audience for which there is no room is refused with a reason; those that stand go on."""
    standing = made(destination)
    platform.fill_up()
    ensured = destination.ensure([LAMPS, SHADES])
    assert ensured.ids == {LAMPS.name: standing}
    assert ensured.refused[SHADES.name]


def test_drop(platform: AdBench, destination: AdDestination) -> None:
    """An audience that nobody wants is deleted, twice is no error; others stay, and it may be wanted again."""
    foreign = platform.make_foreign("Newsletter", keys(destination, 1))
    destination.ensure([LAMPS, SHADES])
    destination.drop(LAMPS.name)
    destination.drop(LAMPS.name)
    left = platform.audiences()
    assert foreign in left and len(left) == 2
    assert made(destination) in platform.audiences()


def test_drop_of_what_is_gone(platform: AdBench, destination: AdDestination) -> None:
    """Somebody was faster: no error."""
    platform.delete(made(destination))
    destination.drop(LAMPS.name)
    assert platform.audiences() == {}


def test_check(platform: AdBench, destination: AdDestination) -> None:
    """A sound set-up has nothing to mend, and looking changes nothing."""
    made(destination)
    before = dict(platform.audiences())
    findings = destination.check()
    assert findings and [one for one in findings if not one.ok] == []
    assert platform.audiences() == before


def test_check_of_what_is_broken(platform: AdBench, destination: AdDestination) -> None:
    """Access that was taken away is a finding with a fix, not an error."""
    if not platform.over_http:
        pytest.skip("there is no access to take away")
    platform.revoke()
    broken = [one for one in destination.check() if not one.ok]
    assert broken and all(one.fix for one in broken)


def test_calls_are_counted(platform: AdBench, destination: AdDestination) -> None:
    """What an adapter says it called is what the platform saw."""
    made(destination)
    destination.deliver(change(add=keys(destination, 2)))
    destination.confirm()
    assert destination.calls.made == platform.counts()["total"]
    assert destination.calls.made == destination.calls.reads + destination.calls.writes


def test_kept_is_text() -> None:
    """What a bench remembers behaves as the store does: the empty text forgets."""
    kept = Kept()
    kept.put("audience", "lamps", "1")
    kept.put("audience", "lamps", "")
    assert kept.all("audience") == {}
