"""How the sandbox marks what it spoilt on purpose, so that whoever checks its answers can leave those out."""

from collections.abc import Iterator

import pytest
import urllib3
from test_sandbox_caller import CONTACTS, Caller, calling

from connector.sandbox.faults import SPOILT


@pytest.fixture
def call() -> Iterator[Caller]:
    """A sandbox of one's own."""
    with calling() as caller:
        yield caller


def spoil(call: Caller, **how: object) -> urllib3.BaseHTTPResponse:
    """The answer to a creation of a contact after a fault was asked for."""
    assert call("POST", "/_sandbox/faults", how).status == 200
    headers = {"Authorization": f"Bearer {call.sandbox.token}"}
    return call.pool.request("POST", call.sandbox.url + CONTACTS, json={"properties": {"city": "Ulm"}}, headers=headers)


@pytest.mark.parametrize("how", [{"status": 500}, {"empty": True}, {"status": 200, "body": {"odd": 1}}, {"cut": True}])
def test_spoilt_answers_are_marked(call: Caller, how: dict[str, object]) -> None:
    """Whatever was done to them."""
    assert spoil(call, **how).headers[SPOILT] == "1"


def test_good_and_slow_answers_are_not_marked(call: Caller) -> None:
    """A delay spoils nothing, and neither does a refusal that is deserved."""
    assert SPOILT not in spoil(call, delay_seconds=0.01).headers
    assert SPOILT not in call("GET", f"{CONTACTS}/999999").headers


def test_a_cut_answer_was_carried_out(call: Caller) -> None:
    """Status and headers are as they should be, the body ends in the middle and is no JSON."""
    answer = spoil(call, cut=True)
    assert (answer.status, int(answer.headers["Content-Length"])) == (201, len(answer.data))
    with pytest.raises(ValueError, match=r".+"):
        answer.json()
    assert call("POST", f"{CONTACTS}/search", {}).body["total"] == 1
