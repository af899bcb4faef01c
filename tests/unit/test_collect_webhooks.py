"""HubSpot's webhooks: a call that HubSpot signed asks for a pass soon, and nothing else does anything."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from collect_rig import SECRETS, Rig, collecting

from connector.collect import signatures

BODY = b'[{"eventId":1,"subscriptionType":"contact.creation","attemptNumber":0,"objectId":123}]'
ADDRESS = "https://collect.shop.example/webhooks/hubspot"


@pytest.fixture(scope="module")
def shared_rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with collecting(tmp_path_factory.mktemp("webhooks")) as rig:
        yield rig


@pytest.fixture
def rig(shared_rig: Rig) -> Rig:
    """A collector that nobody has woken yet."""
    shared_rig.woken.clear()
    return shared_rig


def call(rig: Rig, path: str = "/webhooks/hubspot", **other: Any) -> int:
    """A call as HubSpot makes it, but for what `other` says; its status."""
    said = {"secret": SECRETS["COLLECT_HUBSPOT"], "method": "POST", "uri": ADDRESS, "body": BODY, "age": 0.0, **other}
    timestamp = str(said.get("timestamp", int((time.time() - said["age"]) * 1000)))
    signature = said.get(
        "signature",
        signatures.of_hubspot(said["secret"], said["method"], said["uri"], said["body"], timestamp),
    )
    headers = {"X_HubSpot_Signature_v3": signature, "X_HubSpot_Request_Timestamp": timestamp}
    return rig.call("POST", path, said.get("sent", BODY), **headers).status


def test_a_signed_call_asks_for_a_pass(rig: Rig) -> None:
    """Once a call; the same call again brings nothing new."""
    timestamp = int(time.time() * 1000)
    assert [call(rig, timestamp=timestamp) for _ in range(3)] == [204, 204, 204]
    assert len(rig.woken) == 1
    assert call(rig, timestamp=timestamp + 1) == 204
    assert len(rig.woken) == 2


@pytest.mark.parametrize(
    "other",
    [
        {"secret": "another"},
        {"method": "PUT"},
        {"uri": "https://elsewhere.example/webhooks/hubspot"},
        {"uri": "http://collect.shop.example/webhooks/hubspot"},
        {"sent": BODY + b" "},
        {"signature": ""},
        {"signature": "\u00fc"},
        {"age": 301},
        {"age": -301},
        {"timestamp": ""},
        {"timestamp": "-1"},
        {"timestamp": "9" * 400},
        {"timestamp": "1e3"},
    ],
    ids=str,
)
def test_any_other_call_is_refused(rig: Rig, other: dict[str, Any]) -> None:
    """Wrong secret, method, address or body; more than five minutes old, or of the future; no time at all."""
    assert call(rig, **other) == 401
    assert rig.woken == []


@pytest.mark.parametrize("age", [290, -290])
def test_clocks_may_differ_a_little(rig: Rig, age: float) -> None:
    """Five minutes to either side."""
    assert call(rig, age=age) == 204


def test_the_address_is_signed_as_hubspot_spells_it(rig: Rig) -> None:
    """HubSpot decodes twelve escapes before it signs, and leaves the others."""
    query, signed = "app=a%3Ab%2Fc%3F&x=%28a%29%20%2B", "app=a:b/c?&x=(a)%20%2B"
    assert call(rig, path=f"/webhooks/hubspot?{query}", uri=f"{ADDRESS}?{signed}") == 204
    assert call(rig, path=f"/webhooks/hubspot?{query}", uri=f"{ADDRESS}?{query}") == 204  # decoded on both sides
    assert call(rig, path=f"/webhooks/hubspot?{query}", uri=f"{ADDRESS}?app=other") == 401


def test_the_signature_is_that_of_the_documentation() -> None:
    """By hand from the steps under "Validate the v3 request signature": openssl gives the same."""
    secret, timestamp = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy", "1700000000000"
    body = b'{"example_field":"example_value"}'
    found = signatures.of_hubspot(secret, "POST", "https://www.example.com/webhook_uri", body, timestamp)
    assert found == "rQEKkaNUiu+1qGF//O/pw4BCzstSqO1PyUnGICmf+7o="


def test_the_window_is_two_sided() -> None:
    """To the millisecond."""
    now = datetime(2026, 11, 22, tzinfo=UTC)
    at = int(now.timestamp() * 1000)
    found = [signatures.is_recent(str(at + shift), now) for shift in (-300_001, -300_000, 0, 300_000, 300_001)]
    assert found == [False, True, True, True, False]


def test_without_an_address_there_is_no_webhook() -> None:
    """The settings ask for it: what HubSpot calls is part of what it signs."""
    from connector.settings import CollectPart

    with pytest.raises(ValueError, match="public_url"):
        CollectPart(hubspot_secret="env:X")
    with pytest.raises(ValueError, match="origins"):
        CollectPart(pixel=True)


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    """The admin hears which setting to change; a secret that is not there is named too."""
    from connector.collect.serve import Collector
    from connector.errors import SetupError
    from connector.settings import CollectPart

    with collecting(tmp_path) as rig, pytest.raises(SetupError, match=r"cannot listen on 127.0.0.1:\d+") as taken:
        Collector(tmp_path, CollectPart(port=int(rig.url.rpartition(":")[2])), lambda: None)
    assert "collect.port" in taken.value.hint
    with pytest.raises(SetupError, match="environment variable NOT_SET is empty"):
        Collector(tmp_path, CollectPart(port=0, write_key="env:NOT_SET"), lambda: None)
