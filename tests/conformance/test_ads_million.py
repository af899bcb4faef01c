"""One million members: the calls of a full refresh and of a small change; a crash loses and doubles nobody."""

import base64
import hashlib
import math
from collections.abc import Iterator, Sequence

import pytest
from ad_bench import LAMPS, AdBench, bench_of, change

from connector import limits
from connector.errors import RetryLater
from connector.ports import AdDestination

MILLION = 1_000_000
CHANGED = MILLION // 1_000

pytestmark = pytest.mark.slow


def people(count: int, first: int = 0) -> list[str]:
    """Match keys of people who do not exist: a hash is all that a platform sees of anybody."""
    digests = (hashlib.sha256(number.to_bytes(8)).digest() for number in range(first, first + count))
    return [f"email:{base64.urlsafe_b64encode(one).decode().rstrip('=')}" for one in digests]


def parts(members: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    """In parts of a size."""
    return (members[at : at + size] for at in range(0, len(members), size))


@pytest.fixture(params=["google", "meta"])
def platform(request: pytest.FixtureRequest) -> Iterator[AdBench]:
    """An account that keeps no bodies of requests: they would be hundreds of megabytes."""
    limits.never_wait()
    with bench_of(request.param) as bench:
        bench.sandbox.journal.record_bodies = False  # type: ignore[attr-defined]
        yield bench
    limits.never_wait(False)


def refreshed(platform: AdBench, destination: AdDestination, wanted: Sequence[str], *, sure: bool = False) -> int:
    """Make `wanted` the whole audience; returns the calls that it took, but for those that asked what became of it."""
    before, asked = destination.calls.made, destination.calls.reads
    receipt = destination.refresh(LAMPS.name, parts(wanted, destination.batch_size("membership")), sure=sure)
    assert len(receipt.added) == len(wanted) and not receipt.rejected
    platform.settle()
    assert destination.confirm() == {}
    return destination.calls.made - before - (destination.calls.reads - asked)


def test_a_million(platform: AdBench) -> None:
    """A hundred calls at most, a call for each ten thousand, where our books say that nobody else is in; else one more
    that takes out who was not said again. One call for a change of a thousandth. Broken off at any call and said again
    by a new process, the audience is exactly the wanted one."""
    destination = platform.destination()
    lamps = destination.ensure([LAMPS]).ids[LAMPS.name]
    everybody = people(MILLION + CHANGED)
    wanted, size = everybody[:MILLION], destination.batch_size("membership")
    uploads = math.ceil(MILLION / size)
    calls = refreshed(platform, destination, wanted, sure=True)
    assert calls == uploads <= 100
    assert len(platform.members(lamps)) == MILLION
    before = destination.calls.made
    for part in parts(everybody[MILLION:], size):
        destination.deliver(change(add=part))
    assert destination.calls.made - before == math.ceil(CHANGED / size)
    for at in (1, uploads // 2, uploads - 1):
        platform.fault("", skip=at, drop=True, after_effect=bool(at % 2), times=1_000)
        with pytest.raises(RetryLater):
            refreshed(platform, platform.destination(), wanted)
        platform.works_again()
        wanted = everybody[at : at + MILLION]
    assert refreshed(platform, platform.destination(), wanted) <= uploads + 1
    assert platform.members(lamps) == set(wanted)
