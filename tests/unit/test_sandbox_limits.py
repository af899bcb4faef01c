"""The sandbox HubSpot's further limits: tiers, associations, other apps, the account's midnight, counters."""

from collections.abc import Iterator
from typing import Any

import pytest
from test_sandbox_caller import CONTACTS, Caller, V, calling

from connector.sandbox.hubspot_portal import Settings

USAGE = f"/account-info/{V}/api-usage/daily/private-apps"
TIES = f"/crm/associations/{V}/orders/contacts/batch/read"


@pytest.fixture
def call() -> Iterator[Caller]:
    """A sandbox of one's own, with limits on, at ten in the morning (UTC)."""
    with calling(limits=True) as caller:
        day = 86_400
        caller.sandbox.clock.advance(day + 36_000 - caller.sandbox.clock.milliseconds() / 1_000 % day)
        caller("GET", CONTACTS)
        caller.sandbox.clock.advance(20)
        caller.sandbox.portal.configure({"daily_used": 0})
        yield caller


def used(call: Caller) -> Any:
    """The day's calls and when they start anew, without making one."""
    answer = call.sandbox.portal.act("GET", USAGE).content["results"][0]
    return answer["currentUsage"], answer["resetsAt"]


@pytest.mark.parametrize(
    ("tier", "ten_seconds", "daily", "ties"),
    [
        ("free", 100, 250_000, 100),
        ("starter", 100, 250_000, 100),
        ("professional", 190, 625_000, 150),
        ("enterprise", 190, 1_000_000, 150),
    ],
)
def test_a_tier_sets_the_limits(call: Caller, tier: str, ten_seconds: int, daily: int, ties: int) -> None:
    """As the usage guidelines have them; headers tell them."""
    call("POST", "/_sandbox/settings", {"tier": tier})
    headers = call("GET", CONTACTS).headers
    assert (headers["X-HubSpot-RateLimit-Max"], headers["X-HubSpot-RateLimit-Daily"]) == (str(ten_seconds), str(daily))
    assert call.sandbox.portal.settings.associations_ten_seconds == ties


def test_a_named_limit_wins_over_the_tiers() -> None:
    """Also where both are given at the start; a tier that is none is told."""
    with calling(settings={"tier": "free", "daily_limit": 77}) as call:
        assert (call.sandbox.portal.settings.ten_seconds, call.sandbox.portal.settings.daily_limit) == (100, 77)
        answer = call("POST", "/_sandbox/settings", {"tier": "gold"})
        assert (answer.status, "gold" in answer.body["error"]) == (400, True)
    assert Settings().tier == "professional"


def test_associations_have_buckets_of_their_own(call: Caller) -> None:
    """They leave the other bucket and the account's day alone, tell nothing in headers, and have a day too."""
    call.sandbox.portal.configure({"ten_seconds": 3, "associations_ten_seconds": 2})
    answers = [call("POST", TIES, {"inputs": [{"id": "1"}]}) for _ in range(3)]
    assert [answer.status for answer in answers] == [207, 207, 429]
    assert answers[2].body["policyName"] == "TEN_SECONDLY_ROLLING"
    assert not [name for name in answers[0].headers if "ratelimit" in name.lower()]
    assert [call("GET", CONTACTS).status for _ in range(3)] == [200] * 3
    assert used(call)[0] == 3
    call.sandbox.clock.advance(10)
    call.sandbox.portal.configure({"associations_daily": 2})
    assert call("POST", TIES, {"inputs": [{"id": "1"}]}).body["policyName"] == "DAILY"
    call.sandbox.clock.advance(86_400)
    assert call("POST", TIES, {"inputs": [{"id": "1"}]}).status == 207


def test_other_apps_use_up_the_day(call: Caller) -> None:
    """So many calls for each of ours, fractions in turn; then all of us are refused."""
    call.sandbox.portal.configure({"others_per_call": 1.5, "daily_limit": 10})
    statuses = [call("GET", CONTACTS).status for _ in range(5)]
    assert (statuses, used(call)[0]) == ([200, 200, 200, 200, 429], 10)
    assert call("POST", f"{CONTACTS}/search", {}).body["policyName"] == "DAILY"


@pytest.mark.parametrize(("rate", "left"), [(0, 5), (3, 2), (5, 0)])
def test_other_apps_search_first(call: Caller, rate: float, left: int) -> None:
    """What they leave of the five searches a second is ours."""
    call.sandbox.portal.configure({"others_searches_per_second": rate})
    statuses = [call("POST", f"{CONTACTS}/search", {}).status for _ in range(left + 1)]
    assert statuses == [200] * left + [429]


@pytest.mark.parametrize(
    ("minutes", "zone", "offset", "midnight"),
    [
        (0, "Etc/UTC", "+00:00", "T00:00:00.000Z"),
        (-300, "Etc/GMT+5", "-05:00", "T05:00:00.000Z"),
        (60, "Etc/GMT-1", "+01:00", "T23:00:00.000Z"),
        (330, "UTC+05:30", "+05:30", "T18:30:00.000Z"),
    ],
)
def test_the_day_ends_at_the_accounts_midnight(
    call: Caller, minutes: int, zone: str, offset: str, midnight: str
) -> None:
    """The account tells its zone, the usage its midnight, and at that minute the count starts anew."""
    call.sandbox.portal.configure({"utc_offset_minutes": minutes, "daily_limit": 2, "daily_used": 1})
    details = call("GET", f"/account-info/{V}/details").body
    assert (details["timeZone"], details["utcOffset"]) == (zone, offset)
    assert details["utcOffsetMilliseconds"] == minutes * 60_000
    ends = used(call)[1]
    assert ends.endswith(midnight)
    hours = (int(midnight[1:3]) + int(midnight[4:6]) / 60 - 10) % 24
    call.sandbox.clock.advance(hours * 3_600 - 60)
    assert call("GET", CONTACTS).status == 429
    call.sandbox.clock.advance(60)
    assert call("GET", CONTACTS).status == 200
    assert used(call)[0] == 1


def test_counters_prove_that_room_was_left(call: Caller) -> None:
    """How many were refused, the most of a day that was ours, and how full the day was when we still called."""
    before = call("POST", "/_sandbox/usage").body["result"]
    call.sandbox.portal.configure({"daily_limit": 100, "daily_used": 70, "others_per_call": 2})
    for _ in range(5):
        call("GET", CONTACTS)
    now = call.sandbox.portal.limits.usage()
    assert now == {"refused": before["refused"], "ours_most": before["ours_most"] + 5, "reached": 83}
    call.sandbox.portal.configure({"daily_used": 100})
    call("GET", CONTACTS)
    assert call("POST", "/_sandbox/usage").body["result"]["refused"] == before["refused"] + 1


def test_an_account_of_another_kind(call: Caller) -> None:
    """A developer's account tells that it is one."""
    call.sandbox.portal.configure({"account_type": "APP_DEVELOPER"})
    assert call("GET", f"/account-info/{V}/details").body["accountType"] == "APP_DEVELOPER"
