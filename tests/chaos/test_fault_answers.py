"""Every answer to every kind of work, spoilt in every way: an adapter ends with an error of ours, or well."""

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fault_proxy import GOOD, Deliver, Fault, Line, Reply, Sent, with_body
from fault_town import CRMS, PRIVATE, FaultTown
from fault_words import PAGE, WORDS
from form import SHORT

from connector.errors import LamplighterError
from connector.home import ad_platforms, build_ad, build_crm
from connector.model import Delivery, ListSpec, Purpose, Receipt
from connector.settings import load
from connector.store import Store, open_store

EVERY = 7 if SHORT else 1
"""In the short form one of so many answers is spoilt."""
NUMBERS = itertools.count()
"""Of lists that are made."""
VIP = ListSpec(name="vip", label="VIP", purpose=Purpose.EXCLUDE)
BODIES: Mapping[str, bytes] = {
    "a page": PAGE,
    "nothing": b"",
    "null": b"null",
    "an empty list": b"[]",
    "an empty object": b"{}",
    "a word": b'"ok"',
    "no text": b"\xff\xfe",
    "rows of nothing": b'{"results": [null], "records": [null], "data": [null], "userLists": [null]}',
    "wrong types": b'{"results": {"a": 1}, "records": 7, "data": "x", "paging": 3, "id": [], "access_token": 5}',
}
"""Bodies of friendly answers."""
Work = Callable[[Any, list[str]], Receipt | None]


def _body(body: bytes, sent: Sent, deliver: Deliver) -> tuple[Reply, Line]:
    return with_body(Reply(status=200), body), GOOD


def _refusal(status: int, sent: Sent, deliver: Deliver) -> tuple[Reply, Line]:
    return with_body(Reply(status=status), PAGE, "text/html"), GOOD


def _half(sent: Sent, deliver: Deliver) -> tuple[Reply, Line]:
    reply = deliver()
    return Reply(status=reply.status, headers=reply.headers, body=reply.body[: len(reply.body) // 2]), GOOD


def spoilings(system: str) -> dict[str, Fault]:
    """Every way to spoil an answer."""
    words = WORDS[system]
    told = {"expired": words.expired, "spent": words.spent, "limited": words.limited}
    return {
        **{name: partial(_body, body) for name, body in BODIES.items()},
        **{f"{status}, a page": partial(_refusal, status) for status in (302, 400, 404, 500)},
        **{name: (lambda sent, deliver, reply=reply: (reply, GOOD)) for name, reply in told.items()},
        "half its bytes": _half,
        "lost": lambda sent, deliver: (deliver(), Line(dead=True)),
    }


def _pull(crm: Any, people: list[str]) -> None:
    for stream in crm.streams():
        for batch in crm.pull(stream, None, lambda keys: {}):
            assert batch.read == batch.kept + batch.skipped + len(batch.rejected)


def _change(destination: Any, people: list[str], **how: Any) -> Receipt:
    destination.ensure([VIP])
    wish = Delivery(id="d1", destination=destination.name, kind="membership", audience=VIP.name, **how)
    return destination.deliver(wish)


def _make(destination: Any, people: list[str]) -> None:
    number = next(NUMBERS)
    destination.ensure([VIP, ListSpec(name=f"made-{number}", label=f"Made {number}", purpose=Purpose.EXCLUDE)])


def _add(destination: Any, people: list[str]) -> Receipt:
    return _change(destination, people, add=people[:3])


def _remove(destination: Any, people: list[str]) -> Receipt:
    return _change(destination, people, remove=people[1:3])


def _look(crm: Any, people: list[str]) -> None:
    crm.ensure([VIP])
    inside = {one for page in crm.members(VIP.name) for one in page}
    assert inside <= {*people}
    crm.alive(people[:3])
    crm.forecast(dict.fromkeys(crm.streams()))
    crm.check()


def _write(crm: Any, people: list[str]) -> Receipt:
    crm.provision()
    values = {one: {"last_purchase": "2026-09-01"} for one in people[:3]}
    return crm.deliver(Delivery(id="d2", destination=crm.name, kind="properties", values=values))


def _upkeep(platform: Any, people: list[str]) -> None:
    platform.ensure([VIP])
    platform.refresh(VIP.name, [people[:3]])
    platform.confirm()
    platform.erase(people[3:5])
    platform.check()


OF_ANY: Mapping[str, Work] = {"make": _make, "add": _add, "remove": _remove}
OF_A_CRM: Mapping[str, Work] = {**OF_ANY, "pull": _pull, "look": _look, "write": _write}
OF_A_PLATFORM: Mapping[str, Work] = {**OF_ANY, "upkeep": _upkeep}
WORKS = [(system, name) for system in WORDS for name in (OF_A_CRM if system in CRMS else OF_A_PLATFORM)]


pytestmark = pytest.mark.usefixtures("hurried")


def adapter(town: FaultTown, store: Store, system: str) -> Any:
    """A new adapter that remembers what earlier ones did."""
    chosen = load(town.home)
    if system in CRMS:
        return build_crm(town.home, chosen, store, system)
    return next(build_ad(*one, store) for one in ad_platforms(town.home, chosen) if one[0] == system)


def people_of(town: FaultTown, made: Any, system: str) -> list[str]:
    """Five contacts, or match keys of five addresses."""
    if system in CRMS:
        return sorted(town.lives[system].contacts)[:5]
    return [made.match("email", f"p{number}@example.com") for number in range(5)]


@pytest.mark.parametrize(("system", "name"), WORKS)
def test_every_answer_spoilt(system: str, name: str, tmp_path: Path) -> None:
    """Once or for ever: no error but ours, none that tells anything private; who is called in or out is; and done once
    more, undisturbed, all is well."""
    work = (OF_A_CRM if system in CRMS else OF_A_PLATFORM)[name]
    with FaultTown(tmp_path, 1, [system]) as town:
        store = open_store(load(town.home).store_url(town.home))
        proxy, people = town.proxies[system], people_of(town, adapter(town, store, system), system)
        _add(adapter(town, store, system), people)
        asked: list[str] = []
        proxy.choose = lambda sent: asked.append(sent.method)  # type: ignore[func-returns-value]
        work(adapter(town, store, system), people)
        found = []
        for at in range(0, len(asked), EVERY):
            for how, fault in spoilings(system).items():
                for times in (1, 1_000):
                    proxy.choose = _after(at, times, fault)
                    found += [
                        f"answer {at} {how} x {times}: {wrong}" for wrong in _tried(town, store, system, work, people)
                    ]
                    proxy.choose = None
            work(adapter(town, store, system), people)
        store.close()
    counted = Counter(one.split(": ", 1)[1] for one in found)
    assert not found, "\n".join([*(f"{often} x {what}" for what, often in counted.items()), *found[:40]])


def _after(at: int, times: int, fault: Fault) -> Callable[[Sent], Fault | None]:
    seen = iter(range(10_000))
    return lambda sent: fault if at <= next(seen) < at + times else None


def _tried(town: FaultTown, store: Store, system: str, work: Work, people: list[str]) -> Iterator[str]:
    """What is wrong with how a work ended."""
    try:
        receipt = work(adapter(town, store, system), people)
    except LamplighterError as error:
        yield from (f"it told {one!r}" for one in PRIVATE if one in str(error))
        return
    except Exception as error:
        yield f"{type(error).__name__} {error} at {_where(error)}"
        return
    if receipt is None:
        return
    told = [*receipt.added, *receipt.removed, *receipt.written, *receipt.rejected]
    if len(told) != len({*told}):
        yield f"somebody twice in {receipt}"


def _where(error: BaseException) -> str:
    step = error.__traceback__
    while step and step.tb_next:
        step = step.tb_next
    return f"{step.tb_frame.f_code.co_filename.rpartition('/connector/')[2]}:{step.tb_lineno}" if step else ""
