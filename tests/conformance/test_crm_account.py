"""What every CRM adapter promises of tokens, scopes, quota and counting (`connector/ports.py`), on its sandbox."""

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from crm_promises import LOYAL, WORLD, change, ids, pulled, rows, writing

from connector.errors import LamplighterError, RetryLater, SetupError
from connector.ports import CRM


def test_wrong_token(crm: CRM, bench: Any) -> None:
    """A wrong token is the admin's business: exit 2, the next command, and not a trace of the token."""
    bench.token = lambda: "wrong-token-123"
    with pytest.raises(SetupError) as caught:
        pulled(crm, "contact")
    assert "lamplighter connect" in str(caught.value)
    assert "wrong-token" not in str(caught.value)
    finding = crm.check()[0]
    assert (finding.ok, bool(finding.fix)) == (False, True)


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "ünïcode"])
def test_impossible_token(crm: CRM, bench: Any, token: str) -> None:
    """Text that cannot be a token is refused before it goes anywhere, and is not repeated."""
    bench.token = lambda: token
    with pytest.raises(SetupError) as caught:
        pulled(crm, "contact")
    assert bench.counts()["total"] == 0
    assert not token or token not in str(caught.value)


def test_rotated_token(crm: CRM, bench: Any) -> None:
    """A new token counts from the next request on."""
    pulled(crm, "product")
    bench.limit(token="another")
    bench.token = lambda: "another"
    assert len(rows(pulled(crm, "contact"))) == WORLD.CONTACTS


def test_missing_scope(crm: CRM, bench: Any) -> None:
    """A missing scope is named, by the pull and by check, with what to do."""
    bench.without_scope(bench.scope_of_orders)
    with pytest.raises(SetupError, match=bench.scope_of_orders):
        pulled(crm, "order_header")
    named = [finding for finding in crm.check() if not finding.ok]
    assert any(bench.scope_of_orders in finding.detail and finding.fix for finding in named)


def test_check(crm: CRM, bench: Any) -> None:
    """Check reads only, and finds nothing to complain of in a sound account."""
    assert [finding for finding in crm.check() if not finding.ok] == []
    assert bench.counts()["writes"] == 0


def test_check_away(crm: CRM, bench: Any) -> None:
    """Check never raises, not even when nobody answers."""
    bench.fault(times=1_000, drop=True)
    assert [finding.ok for finding in crm.check()] == [False]


def test_calls(crm: CRM, bench: Any) -> None:
    """Calls are counted as the other side counts them, and stay within a tenth of the floor."""
    for stream in crm.streams():
        pulled(crm, stream)
    crm.provision()
    crm.ensure([LOYAL])
    crm.deliver(change(add=ids(bench, 50)))
    crm.deliver(writing({one: {"rfm_cell": "5"} for one in ids(bench, 100)}))
    counts, calls = bench.counts(), crm.calls
    assert (calls.made, calls.reads, calls.writes) == (counts["total"], counts["reads"], counts["writes"])
    assert calls.floor is not None
    assert calls.floor <= calls.made <= calls.floor * 1.1
    assert calls.budget_left is not None


def test_reserve(bench: Any) -> None:
    """Of the day's calls a share is left to others: the pull stops before it, and says when to go on."""
    bench.limit(daily_limit=100, daily_used=bench.used_up)
    crm = bench.crm(reserve_percent=20)
    with pytest.raises(RetryLater) as caught:
        for stream in crm.streams():
            pulled(crm, stream)
    assert caught.value.resume_at is not None
    assert caught.value.resume_at > datetime.now(UTC)
    assert 76 <= bench.daily_used <= 82


def test_forecast(crm: CRM, bench: Any) -> None:
    """A first pull is told within a tenth, for at most a call a stream and one; a later one without any call."""
    ahead = crm.forecast(dict.fromkeys(crm.streams()))
    asked = bench.counts()["total"]
    assert asked <= len(crm.streams()) + 1
    cursors = {stream: pulled(crm, stream)[-1].cursor for stream in crm.streams()}
    made = bench.counts()["total"] - asked
    assert ahead is not None
    assert abs(ahead - made) <= made / 10
    before = bench.counts()["total"]
    assert (crm.forecast(cursors), bench.counts()["total"]) == (bench.empty_pull, before)


def test_forecast_of_a_pull_that_was_broken_off(bench: Any) -> None:
    """Of a listing that stands in its middle only the rest is ahead."""
    crm = bench.crm(batch_records=100)
    whole = crm.forecast({"order_header": None})
    half = next(iter(crm.pull("order_header", None, lambda keys: {})))
    rest = crm.forecast({"order_header": half.cursor})
    assert whole is not None
    assert rest is not None
    assert 0 < rest < whole


def test_batch_size(crm: CRM) -> None:
    """The most changes of a delivery are told for both kinds."""
    assert crm.batch_size("membership") > 0
    assert crm.batch_size("properties") > 0


def test_nothing_private(crm: CRM, bench: Any) -> None:
    """No message, hint or repeated call tells a token, an e-mail address or a name, whatever goes wrong."""
    body = {"message": "p1@example.com is not valid", "category": "VALIDATION_ERROR"}
    told = []
    for how in (
        {"status": 400, "body": body},
        {"status": 409, "body": body},
        {"status": 503, "body": body, "times": 9},
    ):
        bench.fault("contact", **how)
        with pytest.raises(LamplighterError) as caught:
            pulled(crm, "contact")
        told += [str(caught.value), *(repr(repeat) for repeat in bench.repeats)]
        bench.works_again()
    assert not any("example.com" in text or bench.sandbox.token in text for text in told)


def test_tables_are_arrow(crm: CRM) -> None:
    """Rows travel as Arrow tables, ready for the warehouse."""
    assert all(isinstance(table, pa.Table) for batch in pulled(crm, "product") for table in batch.tables.values())


def test_connections_are_let_go_of(crm: CRM) -> None:
    """Closed twice, and used again: whoever goes on makes new ones."""
    first = rows(pulled(crm, "contact"))
    crm.close()
    crm.close()
    assert rows(pulled(crm, "contact")) == first
