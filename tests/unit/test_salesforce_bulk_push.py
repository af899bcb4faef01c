"""Large pushes by Bulk API 2.0: few calls, each row told apart, sessions that end and jobs that break."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from salesforce_pushing import LOYAL, Org, members, pushing, values

from connector.crms._salesforce.settings import ClientCredentials
from connector.errors import RetryLater
from connector.limits import Clock

OURS = "SELECT Id, Lamplighter_RFM_Cell__c, Lamplighter_Loyalty_Tier__c FROM Contact ORDER BY Id"


@pytest.fixture
def org() -> Iterator[Org]:
    """An org in which our campaign stands."""
    with pushing() as one:
        one.push().ensure([LOYAL])
        yield one


def jobs(org: Org) -> list[dict[str, Any]]:
    """Requests about bulk jobs."""
    return [one for one in org.requests() if "jobs/ingest" in one["operation"]]


def test_a_large_push_in_few_calls(org: Org) -> None:
    """Six thousand members: job, rows, close, and a look until it is done. So they go, but for learning their ids."""
    push, ids = org.push(), org.contacts(6_000)
    assert push.deliver(members(ids)).added == ids
    assert org.calls.made == 5
    assert org.inside() == set(ids)
    assert set(push.deliver(members(remove=ids)).removed) == set(ids)
    assert org.calls.made == 5 + 4 + 5
    assert org.calls.floor == 4 + 4 + 4
    assert org.inside() == set()
    assert not org.kept.get("bulk_job", "current")


def test_each_row_of_a_job(org: Org) -> None:
    """What fails is told by its own words; `#N/A` clears, an empty cell leaves as it is."""
    push, ids = org.push(bulk_above=5), org.contacts(10)
    push.deliver(values({one: {"rfm_cell": "555", "loyalty_tier": "gold"} for one in ids}))
    # an admin shortens a field after we have looked at it
    contact = org.sandbox.org.schema["Contact"]
    contact.add(replace(contact.fields["Lamplighter_RFM_Cell__c"], length=5))
    wish: dict[str, Any] = {one: {"rfm_cell": None} for one in ids}
    wish[ids[3]] = {"rfm_cell": "at_risk", "loyalty_tier": "silver"}
    wish[ids[4]] = {"rfm_cell": "at_risk"}
    receipt = push.deliver(values(wish))
    assert (set(receipt.written), list(receipt.rejected)) == (set(ids) - {ids[4]}, [ids[4]])
    assert "STRING_TOO_LONG" in receipt.withheld[ids[3]]["rfm_cell"]
    stand = {row.pop("Id"): tuple(row.values()) for row in org.rows(OURS)}
    expected: dict[str, Any] = dict.fromkeys(ids, (None, "gold"))
    assert stand == expected | {ids[3]: ("555", "silver"), ids[4]: ("555", "gold")}


def test_duplicates_and_locks_in_a_job(org: Org) -> None:
    """Who is in already is in; locked rows go again, by collections."""
    push, ids = org.push(bulk_above=50), org.contacts(100)
    push.deliver(members(ids[:10]))
    org.sandbox.levers["lock_storm"](every=10, times=9)
    assert set(push.deliver(members(ids)).added) == set(ids)
    assert org.inside() == set(ids)


def test_a_session_that_ends_in_mid_job(org: Org) -> None:
    """Another session is asked for, and the same job is waited for."""
    app = ClientCredentials(client_id="sandbox-consumer-key", client_secret=lambda: "sandbox-consumer-secret")
    org.sandbox.service.configure({"job_polls": 4})
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        org.sandbox.levers["end_sessions"]()

    push, ids = org.push(Clock(sleep=sleep), bulk_above=50, oauth=app), org.contacts(100)
    assert push.deliver(members(ids)).added == ids
    assert len(waits) >= 3
    assert [one["operation"].split(" ")[0] for one in jobs(org)].count("POST") == 1


def test_a_job_that_breaks(org: Org) -> None:
    """Rows that it did not try go by collections; each is accounted for."""
    push, ids = org.push(bulk_above=50), org.contacts(100)
    org.sandbox.levers["break_job"](rows=30)
    assert set(push.deliver(members(ids)).added) == set(ids)
    assert org.inside() == set(ids)


def test_killed_before_the_rows_were_sent(org: Org) -> None:
    """A job that an earlier run left open is aborted before anything else: it can never write what is stale."""
    ids = org.contacts(3_000)
    org.fault("/batches", status=503, times=99)
    with pytest.raises(RetryLater):
        org.push(bulk_above=50).deliver(members(ids))
    org.sandbox.faults.clear()
    receipt = org.push().read_back(members(ids))
    assert set(receipt.rejected) == set(ids)
    assert [job["status"] for job in jobs(org)[-2:]] == [200, 200]
    assert not org.kept.get("bulk_job", "current")
    assert org.push().deliver(members(ids)).added == ids


def test_killed_while_the_job_runs(org: Org) -> None:
    """What became of its rows is read only once the job is over."""
    ids = org.contacts(3_000)
    org.sandbox.service.configure({"job_polls": 3})
    org.fault("jobs/ingest/", method="PATCH", drop=True, after_effect=True)
    with pytest.raises(RetryLater):
        org.push(bulk_above=50).deliver(members(ids))
    receipt = org.push().read_back(members(ids))
    assert (set(receipt.added), dict(receipt.rejected)) == (set(ids), {})


def test_no_calls_are_left_for_a_job(org: Org) -> None:
    """The org's day is spent in mid-job: it is waited for by the next run."""
    ids = org.contacts(3_000)

    def spent(seconds: float) -> None:
        org.sandbox.service.configure({"daily_limit": 50, "daily_used": 50})

    org.sandbox.service.configure({"job_polls": 2})
    with pytest.raises(RetryLater, match="used up"):
        org.push(Clock(sleep=spent), bulk_above=50).deliver(members(ids))
    org.sandbox.service.configure({"daily_limit": 100_000, "daily_used": 0})
    assert set(org.push().read_back(members(ids)).added) == set(ids)
