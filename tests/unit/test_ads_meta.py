"""The adapter of Meta: audiences found and made, people hashed its way, what refusals mean to the admin."""

import hashlib
from collections.abc import Iterator
from datetime import timedelta

import pytest
from meta_rig import LAMPS, Rig, change, keys, rigged

from connector.ads._identifiers import raw
from connector.ads._meta.spelling import match
from connector.ads._meta.usage import HEADER, usage
from connector.errors import ListGone, RetryLater, SetupError
from connector.model import ListSpec, Purpose

SHADES = ListSpec(name="bought_shades", label="Bought: shades", purpose=Purpose.EXCLUDE)


@pytest.fixture
def rig() -> Iterator[Rig]:
    """An empty account."""
    with rigged() as rig:
        yield rig


@pytest.mark.parametrize(
    ("kind", "value", "digest"),
    [
        ("email", "mary@example.com", "f1904cf1a9d73a55fa5de0ac823c4403ded71afd4c3248d00bdcd0866552bb79"),
        ("email", "  Mary@Example.COM ", "f1904cf1a9d73a55fa5de0ac823c4403ded71afd4c3248d00bdcd0866552bb79"),
        ("email", "f1904cf1" * 8, "f1904cf1" * 8),
        ("phone", "+1 (555) 987-6543", "1ef970831d7963307784fa8688e8fce101a15685d62aa765fed23f3a2c576a4e"),
        ("phone", "+15559876543", "1ef970831d7963307784fa8688e8fce101a15685d62aa765fed23f3a2c576a4e"),
    ],
)
def test_identifiers_are_hashed_as_meta_says(kind: str, value: str, digest: str) -> None:
    """The vectors of its guide; dots and tags stay, as its rule names neither."""
    found = match(kind, value)
    assert found is not None and raw(found).hex() == digest


def test_dots_and_tags_are_kept() -> None:
    """What Google drops, Meta keeps."""
    found = match("email", "j.doe+lamps@gmail.com")
    assert found is not None and raw(found) == hashlib.sha256(b"j.doe+lamps@gmail.com").digest()


@pytest.mark.parametrize(
    ("kind", "value"),
    [("email", ""), ("email", "  "), ("email", "quinn"), ("phone", ""), ("phone", "0555 987"), ("madid", "x")],
)
def test_what_names_nobody_is_never_hashed(kind: str, value: str) -> None:
    """No hash of the empty text, no number without its country."""
    assert match(kind, value) is None


def test_an_audience_is_for_exclusion_and_tells_of_no_product_but_in_its_name(rig: Rig) -> None:
    """Our key is a digest; where the account does not know the restriction, the audience is made without."""
    rig.meta().ensure([LAMPS])
    (told,) = rig.bodies("/customaudiences")
    assert (told["usage_restriction"], told["subtype"], told["name"]) == (
        "EXCLUSION_ONLY",
        "CUSTOM",
        "Lamplighter: Bought: lamps",
    )
    assert "lamps" not in told["description"]
    rig.fault("/customaudiences", method="POST", status=400, body=_refusal(100, "param usage_restriction is unknown"))
    assert SHADES.name in rig.meta().ensure([SHADES]).ids
    assert "usage_restriction" not in rig.bodies("/customaudiences")[-1]


def _refusal(code: int, message: str, **more: object) -> dict[str, object]:
    return {"error": {"message": message, "type": "OAuthException", "code": code, **more}}


@pytest.mark.parametrize("how", [{"drop": True}, {"status": 500}, {"status": 503, "times": 4}, {"empty": True}])
def test_an_audience_whose_making_was_never_answered_is_found(rig: Rig, how: dict[str, object]) -> None:
    """By our key in its description, page by page: there is one, not two."""
    rig.sandbox.meta.configure({"page": 2})
    for number in range(5):
        rig.sandbox.levers["make_audience"](f"Campaign {number}")
    rig.fault("/customaudiences", method="POST", after_effect="empty" not in how, **how)
    try:
        rig.meta().ensure([LAMPS])
    except RetryLater:
        rig.meta().ensure([LAMPS])
    assert [one["name"] for one in rig.sandbox.meta.account.audiences()].count("Lamplighter: Bought: lamps") == 1


def test_a_list_that_is_not_told_is_not_taken_for_empty(rig: Rig) -> None:
    """Else there would be two of ours."""
    rig.fault("/customaudiences", method="GET", empty=True)
    with pytest.raises(RetryLater):
        rig.meta().ensure([LAMPS])
    assert not rig.sandbox.meta.account.audiences()


def test_many_audiences_are_looked_for_in_one_look(rig: Rig) -> None:
    """One list and one call each; the second time nothing."""
    meta = rig.meta()
    meta.ensure([LAMPS, SHADES])
    assert meta.calls.made == 3
    meta.ensure([LAMPS, SHADES])
    assert meta.calls.made == 3


def test_why_an_audience_is_not_made(rig: Rig) -> None:
    """Ours, the account's room, and the terms: each says what to do, and the others go on."""
    assert "ads.meta.max_lists" in rig.meta(max_lists=0).ensure([LAMPS]).refused[LAMPS.name]
    rig.sandbox.meta.configure({"terms_accepted": False})
    assert "accept the Custom Audience Terms" in rig.meta().ensure([LAMPS]).refused[LAMPS.name]
    rig.sandbox.meta.configure({"terms_accepted": True, "audience_limit": 1})
    done = rig.meta().ensure([LAMPS, SHADES])
    assert list(done.ids) == [LAMPS.name] and "no room" in done.refused[SHADES.name]


def test_a_flagged_audience_is_refused_until_meta_lets_go_of_it(rig: Rig) -> None:
    """Nobody is sent to it, nothing is made beside it, and it is used again after the appeal."""
    meta = rig.meta()
    id = meta.ensure([LAMPS]).ids[LAMPS.name]
    rig.sandbox.levers["flag_audience"](id)
    with pytest.raises(ListGone):
        meta.deliver(change(keys(1)))
    for again in (meta, rig.meta()):
        assert "appeal" in again.ensure([LAMPS]).refused[LAMPS.name]
    assert any("flagged" in one.detail for one in meta.check())
    rig.sandbox.levers["flag_audience"](id, False)
    assert rig.meta().ensure([LAMPS]).ids == {LAMPS.name: id}
    assert list(rig.meta().confirm()) == [f"refresh:{LAMPS.name}"], "nobody could be taken out in between"
    assert rig.meta().confirm() == {}


def test_limited_data_use_travels_with_those_who_join(rig: Rig) -> None:
    """In a column of its own, with which Meta finds out who lives where; those who leave need none."""
    meta = rig.meta(limited_data_use=True)
    meta.ensure([LAMPS])
    meta.deliver(change(keys(2), keys(1, 5)))
    joined, left = (body["payload"] for body in rig.bodies("/users"))
    assert joined["schema"] == ["EMAIL", "PHONE", "DATA_PROCESSING_OPTIONS"] and joined["data"][0][2] == ["LDU"]
    assert left["schema"] == ["EMAIL", "PHONE"]


def test_an_answer_that_counts_too_few_is_no_answer(rig: Rig) -> None:
    """Nobody is believed to be in."""
    meta = rig.meta()
    meta.ensure([LAMPS])
    rig.fault("/users", status=200, body={"num_received": 2})
    with pytest.raises(RetryLater, match="less than was sent"):
        meta.deliver(change(keys(3)))


def test_too_many_calls_say_when_there_are_more(rig: Rig) -> None:
    """80003 ends the attempts at once, and tells the minutes that Meta told."""
    meta = rig.meta(reserve_percent=0)
    meta.ensure([LAMPS])
    rig.sandbox.levers["exhaust"](25)
    made = meta.calls.made
    with pytest.raises(RetryLater) as caught:
        meta.deliver(change(keys(1)))
    assert meta.calls.made == made + 1 and caught.value.resume_at is not None
    assert timedelta(minutes=24) < caught.value.resume_at - rig.now() <= timedelta(minutes=25)


def test_a_share_of_the_hours_calls_is_left_to_others(rig: Rig) -> None:
    """At 80 percent we stop, without a call, and look again after a while."""
    rig.sandbox.meta.configure({"hourly": 5})
    meta = rig.meta()
    for _ in range(4):
        list(meta._audiences.all())
    made = meta.calls.made
    with pytest.raises(RetryLater, match=r"(?s)80 % .*reserve_percent"):
        list(meta._audiences.all())
    assert meta.calls.made == made
    rig.pass_time(hours=2)
    list(meta._audiences.all())


def test_the_secret_of_the_app_is_proved_and_never_sent(rig: Rig) -> None:
    """Each call carries the proof; token and secret stand in no address and no message."""
    rig.sandbox.meta.configure({"app_secret": "app-secret"})
    with pytest.raises(SetupError, match="appsecret_proof"):
        rig.meta().ensure([LAMPS])
    meta = rig.meta(app_secret=lambda: "app-secret")
    meta.ensure([LAMPS])
    asked = str(rig.sandbox.journal.since(0))
    assert "app-secret" not in asked.replace("appsecret_proof", "") and rig.sandbox.token not in asked


def test_a_check_tells_each_thing_with_its_fix(rig: Rig) -> None:
    """Everything well; then token, permission, terms, room and dataset, one by one."""
    assert all(one.ok for one in rig.meta().check())
    assert [one.title for one in rig.meta(dataset="990066").check() if not one.ok] == ["Meta sales"]
    for number in range(60):
        rig.sandbox.levers["make_audience"](f"Campaign {number}")
    (full,) = [one for one in rig.meta().check() if not one.ok]
    assert "ads.meta.max_lists to 440" in full.fix
    for setting, fix in [
        ({"terms_accepted": False}, "accept the Custom Audience Terms"),
        ({"permissions": ["ads_read"]}, "ads_management"),
        ({"token": "another"}, "new token"),
    ]:
        rig.sandbox.meta.configure(setting)
        assert fix in [one for one in rig.meta().check() if not one.ok][-1].fix


def test_a_token_that_is_none_is_not_sent(rig: Rig) -> None:
    """A line break in a header would be somebody else's."""
    with pytest.raises(SetupError, match="no token of Meta"):
        rig.meta(token=lambda: "two words").ensure([LAMPS])
    assert rig.sandbox.journal.counts()["total"] == 0


def test_words_of_meta_carry_nobodys_address(rig: Rig) -> None:
    """What it says is told without e-mail addresses, tokens and hashes."""
    meta = rig.meta()
    meta.ensure([LAMPS])
    words = f"user a@example.com with {'ab' * 32} and EAAB1234567890xyz"
    rig.fault("/users", status=400, body=_refusal(100, words))
    with pytest.raises(SetupError) as caught:
        meta.deliver(change(keys(1)))
    assert "user <e-mail> with <hidden> and <hidden>" in caught.value.message


@pytest.mark.parametrize(("told", "minutes"), [("45", 45), ("1e300", 43_200), ("1e999", 0), ("NaN", 0)])
def test_how_long_meta_asks_to_wait(told: str, minutes: int) -> None:
    """A month at most; what is no length of time is none."""
    case = f'{{"type": "custom_audience", "estimated_time_to_regain_access": {told}}}'
    assert usage({HEADER: f'{{"1": [{case}]}}'}).minutes == minutes
