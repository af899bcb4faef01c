"""The collector's tracking API, over real HTTP: what is taken, what is refused and why, and what a pass reads of it."""

import gzip
import hmac
import json
import logging
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from collect_rig import SECRETS, Rig, basic, collecting
from event_files import event, pull
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from connector.collect.events import TYPES, Arrival, Refused, line_of
from connector.events.segment import KINDS, SegmentFile
from connector.events.values import moment

MAIL = "dana.planted@example.com"
NOW, NEVER = datetime(2026, 11, 22, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """One collector for tests that look only at answers, or at events of their own."""
    with collecting(tmp_path_factory.mktemp("collect")) as rig:
        yield rig


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """A collector whose inbox is empty."""
    with collecting(tmp_path) as rig:
        yield rig


def plain(number: int = 1, **other: Any) -> dict[str, Any]:
    """A view as clients send it to /v1/track: without its type."""
    return event(number, type=None, **other)


# What is taken


def test_every_kind_of_call_is_taken(rig: Rig) -> None:
    """The path says what an event is; what a pass has no use for is skipped there, not refused here."""
    identify = {"messageId": "i1", "anonymousId": "a1", "userId": "7", "traits": {"email": MAIL}}
    assert rig.track("track", plain()).json == {"success": True}
    assert rig.track("identify", {**identify, "timestamp": "2026-09-01T10:00:00Z"}).status == 200
    assert rig.track("alias", {"messageId": "x1", "previousId": "a0", "userId": "7"}).status == 200
    for kind in ("page", "screen", "group"):
        assert rig.track(kind, {"messageId": kind, "anonymousId": "a1"}).status == 200
    pulled = rig.pull()
    assert pulled.books == (6, 3, 3, 0)
    assert pulled.keys() == ["m1"]
    assert "anonymous_id:a1|user_id:7" in pulled.keys("identity_link")
    assert "anonymous_id:a0|user_id:7" in pulled.keys("identity_link")


def test_a_batch_is_taken_event_by_event(rig: Rig) -> None:
    """What cannot be used is named with its place and reason; the rest is kept, with the context of the batch."""
    batch = [event(1), "nonsense", event(2, type="sing"), event(3, properties={}), event(4, anonymousId=None), event(5)]
    answer = rig.track("batch", {"batch": batch, "context": {"campaign": {"name": "autumn"}}})
    assert (answer.status, answer.json["rejected"]) == (
        200,
        [
            {"index": 1, "reason": "not a JSON object"},
            {"index": 2, "reason": "type: none of track, identify, page, screen, alias, group"},
            {"index": 3, "reason": "product_id missing (and sku)"},
            {"index": 4, "reason": "no anonymousId, userId or e-mail"},
        ],
    )
    pulled = rig.pull()
    assert [(row["key"], row["campaign"]) for row in pulled.rows("interaction")] == [("m1", "autumn"), ("m5", "autumn")]
    assert pulled.books == (2, 2, 0, 0)


def test_a_batch_of_nothing_but_bad_events_is_refused(running: Rig) -> None:
    """400 with the reasons; nothing is kept."""
    answer = running.track("batch", {"batch": [{"type": "track"}, {"type": 3}][1:]})
    assert (answer.status, answer.json["rejected"][0]["index"]) == (400, 0)


def test_gzip_bodies(rig: Rig) -> None:
    """As RudderStack's SDKs send them."""
    data = gzip.compress(json.dumps({"batch": [event(1), event(2)]}).encode())
    assert rig.track("batch", data, Content_Encoding="gzip").status == 200
    assert rig.pull().keys() == ["m1", "m2"]


def test_sent_again_counts_once(rig: Rig) -> None:
    """The same messageId is the same interaction; without one the same event is, if it tells its time."""
    for _ in range(2):
        assert rig.track("batch", {"batch": [event(1), event(2, messageId=None)]}).status == 200
    keys = rig.pull().keys()
    assert (len(keys), len(set(keys))) == (4, 2)


def test_a_wrong_clock_is_set_right(rig: Rig) -> None:
    """A device that is a day ahead says so by when it sends; one that tells no time is taken at its arrival."""
    rig.track("track", plain(1, timestamp="2031-05-01T10:00:00Z", sentAt="2031-05-01T10:00:30Z"))
    rig.track("track", plain(2, timestamp=None))
    rig.track("track", plain(3, receivedAt="2031-05-01T10:00:00Z"))
    first, second, third = sorted(rig.pull().rows("interaction"), key=lambda row: row["key"])
    behind = first["received_at"] - first["occurred_at"]
    assert round(behind.total_seconds()) == 30
    assert second["occurred_at"] == second["received_at"]
    assert third["occurred_at"] == datetime(2026, 9, 1, 10, 0, 3, tzinfo=UTC)
    assert third["received_at"] < datetime(2031, 5, 1, tzinfo=UTC)


def test_addresses_of_machines_are_not_kept(rig: Rig) -> None:
    """Neither IP address nor browser: nothing is decided by them."""
    context = {"ip": "203.0.113.9", "userAgent": "Mozilla", "device": {"advertisingId": "x-9"}, "page": {"path": "/l"}}
    rig.track("track", plain(context=context))
    (line,) = rig.lines
    assert json.loads(line)["context"] == {"page": {"path": "/l"}}


def test_letters_stay_as_they_are(rig: Rig) -> None:
    """An address is found in the files by its own spelling; a line separator within a text ends no line."""
    rig.track("identify", plain(userId="7", traits={"email": "m\u00fcller@example.com"}, note="a\u2028b"))
    assert "m\u00fcller@example.com" in (next((rig.home / "inbox").iterdir())).read_text("utf-8")
    assert rig.pull().books == (1, 1, 0, 0)


def test_global_privacy_control_leaves_the_objection_alone(rig: Rig) -> None:
    """The browser's event is dropped; that it objects, and for whom, is kept, once a day. Only the value 1 counts."""
    traits = {"traits": {"email": MAIL, "name": "Dana"}, "location": {"country": "US"}}
    for number in (1, 2):
        assert (
            rig.track("track", plain(number, anonymousId="a1", userId="7", context=traits), Sec_GPC="1").status == 200
        )
    rig.track("track", plain(3, anonymousId="a9"), Sec_GPC="0")
    pulled = rig.pull()
    assert pulled.keys() == ["m3"]
    rows = {row["key"]: row for row in pulled.rows("consent")}
    assert len(rows) == 1
    (row,) = rows.values()
    assert (row["identifier"], row["granted"], row["signal"], row["country"]) == ("7", False, "gpc", "US")
    assert "anonymous_id:a1|user_id:7" in pulled.keys("identity_link")
    assert "Dana" not in "".join(rig.lines)


# What is refused


@pytest.mark.parametrize("key", ["", "wk-wrong", "wk-very-secre", "wk-very-secret2", "\u00fc"])
def test_a_wrong_write_key(running: Rig, key: str) -> None:
    """401, whatever is sent."""
    answer = running.track("track", b"not read", key=key)
    assert (answer.status, answer.headers["www-authenticate"]) == (401, 'Basic realm="collector"')


@pytest.mark.parametrize("header", ["", "Bearer wk-very-secret", "Basic %%%", "Basic", "wk-very-secret"])
def test_no_write_key(running: Rig, header: str) -> None:
    """Anything but Basic authorization is none."""
    assert running.call("POST", "/v1/track", plain(), Authorization=header).status == 401


BAD = [
    (b"", 400, "not JSON"),
    (b"{", 400, "not JSON: Expecting property name"),
    (b"\xff\xfe{}", 400, "not JSON"),
    (b"[]", 400, "not a JSON object"),
    (b'{"a": NaN}', 400, "not JSON: ValueError"),
    (b"[" * 100_000, 400, "not JSON: RecursionError"),
    (b'{"a": ' + b"9" * 5_000 + b"}", 400, "not JSON: ValueError"),
    (b"{}", 400, "a batch holds 1 to 2,500 events"),
    (b'{"batch": {}}', 400, "a batch holds 1 to 2,500 events"),
    (b'{"batch": [' + b"1," * 2_500 + b"1]}", 400, "a batch holds 1 to 2,500 events"),
    (b"x" * 512_001, 413, "the body is longer than 512,000 bytes"),
]


@pytest.mark.parametrize(("body", "status", "reason"), BAD, ids=range(len(BAD)))
def test_bad_bodies(running: Rig, body: bytes, status: int, reason: str) -> None:
    """Each a sentence, none a traceback."""
    answer = running.track("batch", body)
    assert answer.status == status
    assert answer.json["error"].startswith(reason)


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"timestamp": "yesterday"}, "timestamp is not ISO 8601 with a time zone"),
        ({"timestamp": "2100-01-01T00:00:00Z"}, "timestamp is more than a day ahead"),
        ({"timestamp": "2100-01-01T00:00:00Z", "sentAt": "2050-01-01T00:00:00Z"}, "timestamp is more than a day ahead"),
        ({"properties": {}}, "product_id missing (and sku)"),
        ({"event": "Checkout Started"}, "a checkout without products[]"),
        ({"anonymousId": None}, "no anonymousId, userId or e-mail"),
        ({"anonymousId": "a\0b"}, "holds NUL characters"),
        ({"userId": "\ud800"}, "not JSON that can be kept: UnicodeEncodeError"),
        ({"extra": "x" * 33_000}, "longer than 32,768 bytes"),
    ],
)
def test_bad_events(running: Rig, other: dict[str, Any], reason: str) -> None:
    """What a pass would have to reject is refused while somebody can still mend it."""
    answer = running.track("track", plain(**other))
    assert (answer.status, answer.json["error"]) == (400, reason)


def test_a_small_body_that_unpacks_to_much_is_not_unpacked(running: Rig) -> None:
    """40 MB of zeroes in 40 kB; half a gzip, no gzip, and another packing are refused too."""
    bomb = gzip.compress(b"\0" * 40_000_000)
    assert len(bomb) < 512_000
    assert running.track("batch", bomb, Content_Encoding="gzip").status == 413
    half = gzip.compress(json.dumps(plain()).encode())[:-4]
    for data in (half, b"plain", zlib.compress(b"{}")):
        assert running.track("track", data, Content_Encoding="gzip").status == 400
    assert running.track("track", b"{}", Content_Encoding="br").status == 415


def test_other_methods_and_paths(running: Rig) -> None:
    """Only what is documented is there."""
    assert running.call("GET", "/v1/track").status == 405
    assert running.call("POST", "/v1/delete", {}).status == 404


def test_what_has_no_secret_is_not_there(tmp_path: Path) -> None:
    """Without a write key nobody can track, without its secret no webhook calls, and no pixel unless it is wanted."""
    off = {"write_key": None, "segment_secret": None, "hubspot_secret": None, "pixel": False}
    with collecting(tmp_path, **off) as rig:
        for path in ("/v1/track", "/webhooks/segment", "/webhooks/hubspot", "/pixel"):
            assert rig.call("POST", path, {}, Authorization=basic("")).status == 404
        assert rig.call("GET", "/pixel.js").status == 404


def test_one_too_many_is_told_when_to_come_back(tmp_path: Path) -> None:
    """429 with Retry-After; the pixel of strangers has a bucket of its own. Refused calls count too."""
    with collecting(tmp_path, requests_per_second=0.01) as rig:
        assert rig.track("track", plain(), key="wrong").status == 401
        answer = rig.track("track", plain())
        assert (answer.status, answer.headers["retry-after"]) == (429, "100")
        assert rig.call("GET", "/pixel?kind=view").status == 200
        assert rig.lines == []


ODD: list[Any] = [
    *(None, True, 0, -1, 1.5, "", "x", "null", "\ud800", "\0", [], [[]], {}, {"a": {}}, {"email": 5}, {"email": MAIL}),
    *("2026-09-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", {"product_id": 1}),
    *({"products": [{}, {"sku": "a"}]}, {"consent": {"tcfString": []}}, {"consent": [], "location": {"country": []}}),
]
FIELDS = ("type", "event", "messageId", "anonymousId", "userId", "timestamp", "receivedAt", "sentAt", "properties")
EVENTS = st.dictionaries(
    st.sampled_from([*FIELDS, "context", "traits", "previousId"]), st.sampled_from([*ODD, *KINDS, *TYPES]), max_size=8
)


@given(other=EVENTS, objects=st.booleans(), relayed=st.booleans(), sent=st.sampled_from([None, NEVER, NOW]))
def test_no_event_can_break_the_collector(
    tmp_path_factory: pytest.TempPathFactory, other: dict[str, Any], objects: bool, relayed: bool, sent: Any
) -> None:
    """It is taken or refused; what was taken no pass rejects, but for single products of a checkout."""
    arrival = Arrival(at=NOW, sent=sent, context={}, objects=objects, relayed=relayed)
    try:
        line = line_of({**event(), **other}, arrival)
    except Refused:
        return
    path = tmp_path_factory.mktemp("any") / "web.ndjson"
    path.write_bytes(line)
    assert [reason for _, reason in pull(SegmentFile("web", path)).complaints if "product_id" not in reason] == []


# Segment's webhook


def signed(body: bytes, secret: str = SECRETS["COLLECT_SEGMENT"]) -> str:
    """As Segment signs."""
    return hmac.new(secret.encode(), body, "sha1").hexdigest()


def test_segments_webhook(rig: Rig) -> None:
    """Signed events are taken with Segment's own times, one or several in a call."""
    one = json.dumps(event(1, receivedAt="2026-09-01T10:00:09Z", sentAt="2026-09-01T09:00:00Z")).encode()
    several = json.dumps([event(2), event(3)]).encode()
    for body in (one, several):
        assert rig.call("POST", "/webhooks/segment", body, X_Signature=signed(body)).status == 200
    rows = {row["key"]: row for row in rig.pull().rows("interaction")}
    assert sorted(rows) == ["m1", "m2", "m3"]
    assert rows["m1"]["occurred_at"] == moment("2026-09-01T10:00:01Z")
    assert rows["m1"]["received_at"] == moment("2026-09-01T10:00:09Z")


def test_segments_signature_must_cover_all_of_the_body(running: Rig) -> None:
    """No signature, another's, one of another body, or of a batch's first event alone, as Segment signs."""
    first, body = json.dumps(event(1)).encode(), json.dumps([event(1), event(2)]).encode()
    for signature in ("", signed(body, "other"), signed(first), signed(body)[:-1], "\u00fc"):
        answer = running.call("POST", "/webhooks/segment", body, X_Signature=signature)
        assert (answer.status, answer.json["error"]) == (401, "X-Signature is not that of this body")


# Nothing private


def test_nothing_private_in_answers_or_logs(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever is sent and however it fails: neither e-mail nor key is written but to the inbox."""
    caplog.set_level(logging.DEBUG)
    answers = []
    with capture_logs() as logs, collecting(tmp_path) as rig:
        identify = {"userId": MAIL, "traits": {"email": MAIL}, "messageId": MAIL}
        answers += [rig.track("identify", identify), rig.track("batch", {"batch": [identify, {"type": MAIL}]})]
        answers += [rig.track("track", plain(timestamp=MAIL)), rig.track("track", f'{{"{MAIL}": '.encode())]
        answers += [rig.track("track", identify, key="wk-planted"), rig.call("POST", "/webhooks/segment", identify)]
        answers.append(rig.call("GET", f"/pixel?kind={MAIL}&consent=1"))
    told = repr(logs) + caplog.text + "".join(str(answer) for answer in answers)
    for planted in (MAIL, "planted", *SECRETS.values()):
        assert planted not in told
