"""The way out to ad platforms within a run: who, in which order, what after a crash, a failure, a withdrawal."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from ad_shop import LAMP, LATELY, NOW, RUG, AdShop
from recording_ads import broken
from small_seen import contact, line, order

from connector.cli.settings_file import append
from connector.errors import RetryLater, SetupError
from connector.home import open_home
from connector.pipeline import Options, run
from connector.pipeline.ads.overview import overview
from connector.store import acknowledged, ad_members

ANN, BOB, CY = "ann@x.test", "bob@x.test", "cy@x.test"


@pytest.fixture
def shop(tmp_path: Path) -> AdShop:
    """Ann has a lamp and Bob a rug, both granted ads; Cy has a lamp and said nothing."""
    made = AdShop(tmp_path / "home")
    made.buyer(1, ANN)
    made.buyer(2, BOB, "rug")
    made.buyer(3, CY, ads_consent=None)
    return made


@pytest.mark.slow
def test_a_withdrawal_leaves_first_and_a_run_without_news_is_silent(shop: AdShop) -> None:
    """Who granted ads is excluded where they bought, in the books and in the ledger; GPC ends it at once."""
    first = shop.run()
    assert first.status == "done"
    assert shop.google.holds(ANN) == shop.meta.holds(ANN) == {LAMP}
    assert shop.google.holds(BOB) == {RUG}
    assert shop.google.holds(CY) == set()
    assert first.as_json()["books"]["google:push"] == {"planned": 2, "acknowledged": 2, "deferred": 0, "rejected": 0}
    assert first.ads["google"]["audiences"] == 3
    made, hashed = shop.google.calls.made, len(shop.google.matches)
    assert shop.run(hours=1).status == "done"
    assert (shop.google.calls.made, len(shop.google.matches)) == (made, hashed)
    shop.told()
    shop.says(ANN, granted=False)
    shop.buyer(4, "dee@x.test")
    assert shop.run(hours=2).status == "done"
    assert shop.told() == [("remove", LAMP), ("add", LAMP)]
    assert shop.google.holds(ANN) == set()
    with open_home(shop.home) as opened:
        held = {member for _, member, _ in acknowledged.members(opened.store, "google")}
    assert held == {shop.google.member(BOB), shop.google.member("dee@x.test")}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["later", "setup"])
def test_a_platform_in_trouble_slows_nobody_else(shop: AdShop, kind: str) -> None:
    """The other platform has everything; the next run makes it up, without doing anything twice."""
    shop.google.trouble = broken(kind)
    if kind == "later":
        report = shop.run()
        assert (report.status, report.balanced) == ("deferred", True)
    else:
        with pytest.raises(SetupError):
            shop.run()
    assert shop.meta.holds(ANN) == {LAMP}
    shop.google.trouble, calls = None, shop.meta.calls.made
    assert shop.run(hours=1).status == "done"
    assert shop.google.holds(ANN) == {LAMP}
    assert shop.meta.calls.made == calls


@pytest.mark.slow
@pytest.mark.parametrize("after", range(2))
def test_killed_at_any_call_and_withdrawn_since(shop: AdShop, after: int) -> None:
    """The next run ends as an undisturbed one; a batch of unknown end is not sent again as it was."""
    shop.google.dies_after = after
    with pytest.raises(KeyboardInterrupt):
        shop.run()
    shop.told()
    shop.says(ANN, granted=False)
    assert shop.run(hours=1).status == "done"
    ann = shop.google.member(ANN)
    assert all(ann not in members for verb, _, members in shop.google.log if verb != "remove")
    assert shop.google.holds(ANN) == set()
    assert shop.google.holds(BOB) == {RUG}
    with open_home(shop.home) as opened:
        assert all(certain for _, _, certain in acknowledged.members(opened.store, "google"))


@pytest.mark.slow
def test_what_failed_later_is_said_again(shop: AdShop) -> None:
    """A batch that was accepted and then failed is stated anew in the run that hears of it."""
    shop.run()
    shop.google.failed = {shop.google.delivered[0]: "PROCESSING_ERROR"}
    shop.told()
    report = shop.run(hours=1)
    assert len(shop.told()) == 1
    assert any("failed later" in note for note in report.notes)
    assert shop.run(hours=2).status == "done"
    assert shop.told() == []


@pytest.mark.slow
def test_an_audience_that_is_gone_is_made_anew(shop: AdShop) -> None:
    """Somebody deleted it: with its next change all of its people are in again."""
    shop.run()
    gone = next(name for name, label in shop.google.labels.items() if label == LAMP)
    del shop.google.audiences[gone]
    shop.buyer(4, "dee@x.test")
    assert shop.run(hours=1).status == "done"
    assert shop.google.holds(ANN) == shop.google.holds("dee@x.test") == {LAMP}


@pytest.mark.slow
def test_an_audience_that_is_refused_is_told_and_not_counted(shop: AdShop) -> None:
    """The others go on, and the books balance."""
    name = next(iter(_names(shop, LAMP)))
    shop.google.no_audience = {name}
    shop.says(BOB, granted=True, signal="tcf")
    report = shop.run(hours=30)
    assert (report.balanced, report.status) == (True, "done")
    assert any(f"google: there is no audience {name}; no room" == note for note in report.notes)
    assert shop.google.holds(BOB) == {RUG}


def _names(shop: AdShop, label: str) -> list[str]:
    """Names of audiences by their label, as a dry run would have chosen them."""
    with open_home(shop.home) as opened:
        home = replace(opened, ads=(shop.google, shop.meta))
        run(home, Options(dry_run=True))
        rows = opened.warehouse.versions("ad_group").to_pyarrow().to_pylist()
    assert shop.google.log == []
    return [row["audience"] for row in rows if row["label"] == label]


@pytest.mark.slow
def test_time_alone_takes_people_out_of_the_account_s_audience(tmp_path: Path) -> None:
    """Fourteen days after the purchase, without a look at anybody else; the lamp stays excluded."""
    shop = AdShop(tmp_path / "home")
    shop.buyer(1, ANN, day="2026-09-17")
    shop.run(hours=12)
    assert shop.google.holds(ANN) == {LAMP, LATELY}
    shop.run(hours=18)
    assert shop.google.holds(ANN) == {LAMP, LATELY}
    matched = len(shop.google.matches)
    report = shop.run(hours=25)
    assert report.full is False
    assert shop.google.holds(ANN) == {LAMP}
    assert len(shop.google.matches) > matched


@pytest.mark.slow
def test_audiences_are_said_again_whole_and_deleted_when_nobody_wants_them(shop: AdShop) -> None:
    """Once a week; one that no group wants keeps its people until its grace is over, but not who withdraws."""
    shop.run()
    shop.told()
    assert shop.run(hours=24 * 8).status == "done"
    assert sorted(shop.told()) == [("refresh", LAMP), ("refresh", RUG)]
    shop.policy(", most: 1")
    assert shop.run(hours=24 * 9).status == "done"
    assert shop.told() == []
    with open_home(shop.home) as opened:
        leaving = overview(replace(opened, ads=(shop.google,)))["platforms"]["google"]["leaving"]
    assert {(one["label"], one["members"], one["deleted_after"][:10]) for one in leaving} == {
        (LAMP, 1, "2026-10-23"),
        (RUG, 1, "2026-10-23"),
    }
    shop.says(ANN, granted=False)
    assert shop.run(hours=24 * 10).status == "done"
    assert shop.told() == [("remove", LAMP)]
    last = shop.run(hours=24 * 24)
    assert last.status == "done" and any(f"the audience {LAMP} is deleted" in note for note in last.notes)
    assert sorted(shop.told()) == [("drop", LAMP), ("drop", RUG)]
    with open_home(shop.home) as opened:
        assert acknowledged.members(opened.store, "google") == []
        assert ad_members.of_persons(opened.store, "google", ["hubspot:1", "hubspot:2"]) == {}


@pytest.mark.slow
def test_a_guard_holds_a_large_change_but_no_withdrawal(tmp_path: Path) -> None:
    """More than half of an audience waits for a person; who withdrew does not wait."""
    shop = AdShop(tmp_path / "home")
    people = [contact(f"hubspot:{n}", email=f"p{n}@x.test", ads_consent=True) for n in range(130)]
    shop.add("contact", people)
    shop.add(
        "order_header", [order(f"o{n}", f"hubspot:{n}", "2026-09-28" if n < 10 else "2026-09-10") for n in range(130)]
    )
    shop.add("order_line", [line(f"o{n}", "lamp") for n in range(130)])
    shop.run()
    assert len(_in(shop, LAMP)) == 130
    shop.policy("", window="10d")
    shop.says("p7@x.test", granted=False)
    report = shop.run(hours=1)
    assert (report.status, report.balanced) == ("guarded", True)
    assert len(_in(shop, LAMP)) == 129
    assert len(report.held) == 2  # an approval is good for one platform
    ends = [shop.run(hours=2, approve=plan).status for plan in report.held]
    assert ends == ["guarded", "done"]
    assert len(_in(shop, LAMP)) == 9


@pytest.mark.slow
def test_a_first_fill_goes_on_where_it_was_killed(tmp_path: Path) -> None:
    """What guards had let through is let through again, though by now it is more than half of the audience."""
    shop = AdShop(tmp_path / "home")
    shop.run()
    shop.add("contact", [contact(f"hubspot:{n}", email=f"p{n}@x.test", ads_consent=True) for n in range(130)])
    shop.add("order_header", [order(f"o{n}", f"hubspot:{n}", "2026-09-10") for n in range(130)])
    shop.add("order_line", [line(f"o{n}", "lamp") for n in range(130)])
    shop.google.dies_after = 1
    with pytest.raises(KeyboardInterrupt):
        shop.run(hours=25)
    assert 0 < len(_in(shop, LAMP)) < 10
    assert shop.run(hours=26).status == "done"
    assert len(_in(shop, LAMP)) == 130


def _in(shop: AdShop, label: str) -> set[str]:
    return next(shop.google.audiences[name] for name, one in shop.google.labels.items() if one == label)


@pytest.mark.slow
def test_members_are_said_again_before_they_run_out(tmp_path: Path) -> None:
    """After five sixths of the time for which a platform keeps whom it hears nothing of."""
    shop = AdShop(tmp_path / "home", ", refresh: 3000d", longest=timedelta(days=60))
    shop.buyer(1, ANN)
    shop.run()
    shop.told()
    shop.run(hours=24 * 49)
    assert shop.told() == []
    shop.run(hours=24 * 51)
    assert shop.told() == [("add", LAMP)]


@pytest.mark.slow
def test_a_push_alone_waits_for_what_was_pulled_to_be_decided(shop: AdShop) -> None:
    """A withdrawal may be in it."""
    shop.run()
    shop.told()
    shop.says(ANN, granted=False)
    report = shop.run(hours=1, only="push", everybody=True)
    assert any("nothing is sent before" in note for note in report.notes)
    assert shop.told() == []
    assert shop.run(hours=2).status == "done"
    assert shop.told() == [("remove", LAMP)]


class Unread:
    """A source that cannot be read."""

    name = "till"

    def streams(self) -> list[str]:
        raise RetryLater("the till does not answer")


@pytest.mark.slow
def test_while_not_all_news_is_known_only_withdrawals_leave(shop: AdShop) -> None:
    """Who bought something is not named to a platform: they may have withdrawn in what could not be read."""
    shop.run()
    shop.told()
    shop.says(ANN, granted=False)
    shop.buyer(4, "dee@x.test")
    with open_home(shop.home) as opened:
        home = replace(opened, ads=(shop.google, shop.meta), sources=(Unread(),))
        report = run(home, Options(as_of=NOW + timedelta(hours=1)))
    assert (report.status, report.balanced) == ("deferred", True)
    assert shop.told() == [("remove", LAMP)]
    assert report.books["google:push"].as_json() == {"planned": 2, "acknowledged": 1, "deferred": 1, "rejected": 0}
    assert shop.run(hours=2).status == "done"
    assert shop.told() == [("add", LAMP)]


@pytest.mark.slow
def test_the_guard_over_all_lists_says_what_leaves(shop: AdShop) -> None:
    """Withdrawals alone: whom the platform is told of waits, though it would only keep ads from them."""
    shop.run()
    append(shop.home, "guard: {whole_percent: 0, whole_changes: 0}")
    shop.buyer(4, "dee@x.test")
    shop.says(ANN, granted=False)
    report = shop.run(hours=1)
    assert report.status == "guarded"
    assert any("only withdrawals leave, and additions to a CRM's exclusion lists" in note for note in report.notes)
    assert (shop.google.holds(ANN), shop.google.holds("dee@x.test")) == (set(), set())
