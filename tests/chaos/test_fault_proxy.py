"""The proxy itself: what it does to an answer is what an adapter then sees."""

from collections.abc import Iterator
from random import Random

import pytest
import urllib3
from fault_mixes import KINDS, Rule
from fault_proxy import FaultProxy, Line, Sent
from fault_words import PAGE, WORDS

from connector.sandbox.serve import Sandbox

POOL = urllib3.PoolManager(retries=False, timeout=0.3)
PRODUCTS = "/crm/objects/2026-09/products"
MADE = {"properties": {"name": "Lamp", "hs_sku": "L", "price": "1"}}


@pytest.fixture
def proxy() -> Iterator[tuple[Sandbox, FaultProxy]]:
    """A sandbox and a proxy before it."""
    with Sandbox() as sandbox, FaultProxy(sandbox.url) as before:
        yield sandbox, before


def ask(before: FaultProxy, method: str = "POST") -> urllib3.BaseHTTPResponse:
    """Make a product, or list them."""
    headers = {"Authorization": "Bearer sandbox-token", "Content-Type": "application/json"}
    body = {"json": MADE} if method == "POST" else {}
    return POOL.request(method, before.url + PRODUCTS, headers=headers, **body)


def made(sandbox: Sandbox) -> int:
    """How many products there are."""
    return len(sandbox.portal.act("GET", PRODUCTS).content["results"])


def test_it_hands_on_what_it_does_not_spoil(proxy: tuple[Sandbox, FaultProxy]) -> None:
    """Status, headers and body arrive as they were sent, over one connection or several."""
    sandbox, before = proxy
    assert [ask(before).status for _ in range(3)] == [201] * 3
    shown = ask(before, "GET")
    assert (made(sandbox), len(shown.json()["results"]), "json" in shown.headers["Content-Type"]) == (3, 3, True)


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        (Line(dead=True), urllib3.exceptions.ProtocolError),
        (Line(cut=True), urllib3.exceptions.ProtocolError),
        (Line(silent=True), urllib3.exceptions.ReadTimeoutError),
    ],
)
def test_an_answer_that_does_not_arrive(
    proxy: tuple[Sandbox, FaultProxy], line: Line, seen: type[BaseException]
) -> None:
    """Cut off, never sent, or waited for in vain, while the system did what was asked; afterwards all is well."""
    sandbox, before = proxy
    before.choose = lambda sent: lambda sent, deliver: (deliver(), line)
    with pytest.raises(seen):
        ask(before)
    before.choose = None
    assert (made(sandbox), ask(before).status) == (1, 201)


def test_a_slow_answer_and_one_that_came_twice(proxy: tuple[Sandbox, FaultProxy]) -> None:
    """In pieces it is whole all the same; what was delivered twice was done twice."""
    sandbox, before = proxy
    before.choose = lambda sent: lambda sent, deliver: (deliver() and deliver(), Line(slow=True))
    assert ask(before).json()["id"]
    assert made(sandbox) == 2


def test_every_kind_of_fault_has_words_of_every_system() -> None:
    """Each can be made for each system, waits for its requests, and is used up."""
    sent = Sent(method="POST", target="/x?email=a", headers={}, body=b"")
    for kind, (make, _) in KINDS.items():
        for system, words in WORDS.items():
            rule = Rule(system=system, kind=kind, fault=make(Random(1), words), skip=1, times=1, at="/x")
            assert [rule.meets(sent) for _ in range(3)] == [False, True, False]
            assert PAGE not in (words.limited.body, words.nothing.body)
    assert sent.path == "/x"
