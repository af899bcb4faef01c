"""The transport under HubSpot's SDK: one connection, gzip, limits learned from headers, the day's end, check."""

import gzip
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hubspot_rig import Rig, begun, pulled, rigged

from connector.crms import build
from connector.crms._hubspot.doctor_account import supported_until, version
from connector.crms._hubspot.paths import GENERAL
from connector.crms.hubspot import HubSpot
from connector.errors import RetryLater, SetupError
from connector.limits import Clock, Retry
from connector.model import Finding


@pytest.fixture
def rig() -> Iterator[Rig]:
    """An empty portal."""
    with rigged() as rig:
        yield rig


class Stub(BaseHTTPRequestHandler):
    """Answers every request with what the test put into `answer`, and counts connections."""

    answer: tuple[int, dict[str, str], bytes] = (200, {}, b"{}")
    connections: set[Any]
    asked: list[dict[str, str]]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """One answer."""
        self.connections.add(self.client_address)
        self.asked.append(dict(self.headers))
        status, headers, body = self.answer
        self.send_response_only(status)  # without a Date
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def stub(rig: Rig, **settings: Any) -> Iterator[tuple[type[Stub], HubSpot]]:
    """A server that is no sandbox, and an adapter on it."""
    handler = type("OneStub", (Stub,), {"connections": set(), "asked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        crm = rig.crm(base_url=f"http://127.0.0.1:{server.server_port}/", **settings)
        try:
            yield handler, crm
        finally:
            crm._transport._wire.close()
            server.shutdown()
            thread.join()


EMPTY = json.dumps({"results": []}).encode()


def test_gzip_and_one_connection(rig: Rig) -> None:
    """Answers travel compressed, over one connection for all kinds of calls."""
    with stub(rig) as (handler, crm):
        handler.answer = (
            200,
            {"Content-Encoding": "gzip", "Content-Length": str(len(gzip.compress(EMPTY)))},
            gzip.compress(EMPTY),
        )
        for stream in crm.streams():
            assert pulled(crm, stream, begun(crm, stream))[0].read == 0
        assert len(handler.connections) == 1
        assert {one["Accept-Encoding"] for one in handler.asked} == {"gzip"}
        assert {one["Authorization"] for one in handler.asked} == {"Bearer sandbox-token"}


@pytest.mark.parametrize("body", [b'{"results": [', b"<html>maintenance</html>", b"\xff\xfe", b"[]", b"null"])
def test_torn_answer(rig: Rig, body: bytes) -> None:
    """A good status with half an answer is tried again, then it is "later"."""
    with stub(rig) as (handler, crm):
        handler.answer = (200, {}, body)
        with pytest.raises(RetryLater, match="not a JSON object"):
            pulled(crm, "contact")
        assert crm.calls.made == 4


def test_error_page(rig: Rig) -> None:
    """A refusal that is no JSON is still a refusal."""
    with stub(rig) as (handler, crm):
        handler.answer = (404, {}, b"<html>nothing here</html>")
        with pytest.raises(SetupError, match=r"\(404\): no reason given"):
            pulled(crm, "contact")


def test_server_without_a_clock(rig: Rig) -> None:
    """Where answers carry no Date our own clock has to do."""
    with stub(rig) as (handler, crm):
        handler.answer = (200, {}, EMPTY)
        watermark = datetime.fromisoformat(pulled(crm, "contact", begun(crm, "contact"))[-1].cursor["watermark"])
    assert abs(datetime.now(UTC) - watermark) < timedelta(seconds=5)


def test_redirect_is_not_followed(rig: Rig) -> None:
    """A redirect is refused: the token goes to nobody else."""
    with stub(rig) as (handler, crm):
        handler.answer = (302, {"Location": rig.sandbox.url}, b"")
        with pytest.raises(SetupError, match="302"):
            pulled(crm, "contact")
        assert rig.requests() == []


def test_timeout(rig: Rig) -> None:
    """An answer that does not come in time is given up, and asked for again."""
    rig.fault("/objects/2026-09/contacts", delay_seconds=1)
    crm = rig.crm(timeout_seconds=0.2)
    start = time.monotonic()
    assert pulled(crm, "contact")
    assert (time.monotonic() - start < 0.9, crm.calls.retried) == (True, 1)


def test_nobody_there(rig: Rig) -> None:
    """A machine that cannot be reached is "later", and does not name the token."""
    crm = rig.crm(base_url="http://127.0.0.1:9")
    with pytest.raises(RetryLater, match="no answer from HubSpot"):
        pulled(crm, "contact")


@pytest.mark.parametrize("url", ["nonsense", "ftp://example.com", "", "https://"])
def test_bad_base_url(rig: Rig, url: str) -> None:
    """A base_url that is none is the admin's to change."""
    with pytest.raises(SetupError, match="base_url"):
        pulled(rig.crm(base_url=url), "contact")


def test_rate_is_learned(rig: Rig) -> None:
    """Four fifths of what HubSpot's headers allow in ten seconds are used."""
    rig.sandbox.portal.configure({"limits": True, "ten_seconds": 100})
    crm = rig.crm()
    pulled(crm, "contact")
    assert crm._transport.quota.rates[GENERAL].calls == 80


def test_within_the_limits() -> None:
    """Against a portal that enforces its limits a pull and searches run without a single 429."""
    with rigged(limits=True) as rig:
        rig.sandbox.portal.configure({"ten_seconds": 10})
        slept: list[float] = []

        def sleep(seconds: float) -> None:
            slept.append(seconds)
            passed[0] += seconds
            rig.sandbox.clock.advance(seconds)

        passed = [0.0]
        clock = Clock(monotonic=lambda: time.monotonic() + passed[0], sleep=sleep)
        crm = rig.crm(clock=clock, searches_per_second=4)
        cursors = {stream: pulled(crm, stream)[-1].cursor for stream in crm.streams()}
        for _ in range(8):
            for stream, cursor in cursors.items():
                pulled(crm, stream, cursor)
        rig.contacts(900)
        pulled(crm, "contact")
        assert "429" not in rig.sandbox.journal.counts()["statuses"]
        assert max(slept) > 1


def test_quota_of_the_day(rig: Rig) -> None:
    """When HubSpot says the day's calls are used up, nothing more is tried, and it says when the next day begins."""
    body = {"message": "You have reached your daily limit.", "policyName": "DAILY"}
    rig.fault("/objects/2026-09/contacts", status=429, body=body)
    with pytest.raises(RetryLater, match="DAILY") as caught:
        pulled(rig.crm(), "contact")
    now = datetime.now(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    assert caught.value.resume_at == midnight
    assert len(rig.requests("GET /crm/objects")) == 1


def test_midnight_of_the_account(rig: Rig) -> None:
    """The day ends at midnight in the account's own time zone."""
    rig.fault("/objects/2026-09/contacts", status=429, body={"policyName": "DAILY"})
    rig.fault("/account-info/", status=200, body={"utcOffsetMilliseconds": -5 * 3_600_000})
    with pytest.raises(RetryLater) as caught:
        pulled(rig.crm(), "contact")
    assert caught.value.resume_at is not None
    assert (caught.value.resume_at.hour, caught.value.resume_at.minute) == (5, 0)
    assert caught.value.resume_at > datetime.now(UTC)


def test_account_that_does_not_tell_its_zone(rig: Rig) -> None:
    """Without the account's time zone, the day is taken to end at midnight UTC."""
    rig.fault("/objects/2026-09/contacts", status=429, body={"policyName": "DAILY"})
    rig.fault("/account-info/", status=500)
    with pytest.raises(RetryLater) as caught:
        pulled(rig.crm(), "contact")
    assert caught.value.resume_at is not None
    assert (caught.value.resume_at.hour, caught.value.resume_at.minute) == (0, 0)


def test_moving_account(rig: Rig) -> None:
    """An account that is being moved is left alone for as long as HubSpot says."""
    rig.fault("/objects/2026-09/contacts", status=477, retry_after=7_200)
    with pytest.raises(RetryLater) as caught:
        pulled(rig.crm(retry=Retry()), "contact")
    assert caught.value.resume_at is not None
    assert caught.value.resume_at - datetime.now(UTC) > timedelta(seconds=7_100)
    assert len(rig.requests("GET /crm/objects")) == 1


def test_moving_account_pauses_everything(rig: Rig) -> None:
    """Not a single further call is made to it before its time, by anybody who shares the transport."""
    rig.fault("/objects/2026-09/contacts", status=477, retry_after=1)
    crm = rig.crm(retry=Retry())
    for stream in ("contact", "product"):
        with pytest.raises(RetryLater, match=r"477|is moving this account"):
            pulled(crm, stream)
    assert len(rig.requests("GET /crm/objects")) == 1


@pytest.mark.parametrize("status", [423, 429])
def test_locked_and_busy(rig: Rig, status: int) -> None:
    """A locked record is given its two seconds; a window that somebody else filled is counted and waited for."""
    rig.fault("/objects/2026-09/contacts", status=status)
    waits: list[float] = []
    crm = rig.crm(on_repeat=lambda repeat: waits.append(repeat.seconds))
    assert pulled(crm, "contact")
    assert (len(waits), waits[0] >= 2) == (1, status == 423)
    assert crm.calls.limited == (status == 429)


def test_quota_without_headers(rig: Rig) -> None:
    """Where answers carry no daily quota it is asked for, and guarded all the same."""
    with stub(rig) as (handler, crm):
        usage = {"results": [{"usageLimit": 1_000, "currentUsage": 795, "resetsAt": "2026-11-22T00:00:00Z"}]}
        handler.answer = (200, {}, json.dumps(usage).encode())
        with pytest.raises(RetryLater, match=r"of 1,000 daily calls are left"):
            for _ in range(9):
                crm._transport.request("GET", "/crm/objects/2026-09/contacts")
        assert len(handler.asked) < 9


def test_long_run_without_headers(rig: Rig) -> None:
    """Nobody is asked in vain again and again: where even usage is not told, one question is enough."""
    with stub(rig) as (handler, crm):
        handler.answer = (200, {}, EMPTY)
        for _ in range(5):
            crm._transport.request("GET", "/crm/objects/2026-09/contacts")
        assert crm.calls.made == 6


def findings(rig: Rig, home: Path | None = None) -> list[Finding]:
    """What check complains of."""
    return [one for one in rig.crm(home).check() if not one.ok]


def test_check_unknown_property(rig: Rig, tmp_path: Path) -> None:
    """A property that the portal does not have is named, with the nearest one that it has."""
    (tmp_path / "mappings").mkdir()
    packaged = (Path(__file__).parents[2] / "mappings" / "hubspot.yaml").read_text("utf-8")
    own = packaged.replace("user_id: customer_id", "user_id: costumer_id")
    (tmp_path / "mappings" / "hubspot.yaml").write_text(own, "utf-8")
    (one,) = findings(rig, tmp_path)
    assert one.detail == "unknown property in the mapping: costumer_id (streams.contact)"
    assert one.fix.endswith("did you mean customer_id?")


def test_check_missing_scopes(rig: Rig) -> None:
    """Every missing scope is named, those for writing too, though check writes nothing."""
    rig.sandbox.portal.configure({"scopes": ["crm.objects.contacts.read"]})
    named = {one.detail.split()[0] for one in findings(rig) if one.title == "HubSpot scopes"}
    assert named == {
        "crm.objects.products.read",
        "crm.objects.orders.read",
        "crm.objects.line_items.read",
        "crm.objects.contacts.write",
        "crm.lists.read",
        "crm.lists.write",
        "crm.schemas.contacts.write",
    }


def test_check_without_list_of_scopes(rig: Rig) -> None:
    """Where HubSpot does not list a token's scopes, check says so and shows what it may not read."""
    rig.sandbox.portal.configure({"scopes": rig.sandbox.portal.settings.scopes - {"crm.objects.orders.read"}})
    rig.sandbox.portal.configure({"scopes": rig.sandbox.portal.settings.scopes - {"crm.schemas.orders.read"}})
    rig.fault("introspect", status=404)
    (one,) = findings(rig)
    assert (one.title, "crm.objects.orders.read" in one.detail) == ("HubSpot orders", True)


def test_check_quota(rig: Rig) -> None:
    """A day's quota that is spent down to the reserve is a finding."""
    rig.sandbox.portal.configure({"daily_limit": 1_000, "daily_used": 790})
    assert findings(rig) == []
    rig.sandbox.portal.configure({"daily_used": 799})
    assert [one.title for one in findings(rig)][-1] == "HubSpot quota"


def test_check_version(rig: Rig) -> None:
    """A version that HubSpot no longer supports is a finding."""
    rig.sandbox.portal.settings.versions = ("2026-09", "2024-03")
    found = [one for one in rig.crm(version="2024-03").check() if not one.ok]
    assert [(one.title, "2025-09" in one.detail) for one in found] == [("HubSpot API", True)]
    assert supported_until("v3") is None


def test_check_version_that_ends_soon() -> None:
    """The end of a version is warned of from 90 days before; the current one needs a newer Lamplighter then."""
    assert version("2026-09", date(2027, 12, 1)).ok
    assert version("2026-09", date(2027, 12, 3)).fix.startswith("install a newer Lamplighter")
    assert version("2026-03", date(2027, 7, 1)).fix.startswith('set hubspot.version to "2026-09"')


def test_check_untold_quota(rig: Rig) -> None:
    """Where no answer tells of a daily quota, check says that and complains of nothing."""
    with stub(rig) as (handler, crm):
        handler.answer = (200, {}, b"{}")
        quota = next(one for one in crm.check() if one.title == "HubSpot quota")
    assert (quota.ok, "does not tell" in quota.detail) == (True, True)


def test_unknown_crm(rig: Rig) -> None:
    """A CRM that there is no adapter for is named, with those there are."""
    with pytest.raises(SetupError, match="there is no CRM called 'hubpot'") as caught:
        build("hubpot", {}, None, rig.kept)
    assert "hubspot" in caught.value.hint
