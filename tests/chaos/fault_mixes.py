"""Random mixes of faults: which requests of which system, how often, and what becomes of them."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random

from fault_proxy import GOOD, Deliver, Fault, Line, Reply, Sent, with_body
from fault_words import PAGE, WORDS, Words

Kind = Callable[[Random, Words], Fault]
LISTS = ("results", "records", "data", "userLists")
"""Where a page keeps its rows."""
RETRY_AFTER = (None, "0", "1", "20", "soon")


def _answered(reply: Reply, *, after: bool = False, line: Line = GOOD) -> Fault:
    """This instead of the system's answer; `after`: once the system has done what was asked."""

    def fault(sent: Sent, deliver: Deliver) -> tuple[Reply | None, Line]:
        if after:
            deliver()
        return reply, line

    return fault


def _storm(random: Random, words: Words) -> Fault:
    asked = random.choice(RETRY_AFTER)
    return _answered(
        replace(words.limited, headers={**words.limited.headers, **({"Retry-After": asked} if asked else {})})
    )


def _broken(random: Random, words: Words) -> Fault:
    return _answered(replace(words.broken, status=random.choice((500, 502, 503, 504))), after=random.random() < 0.4)


def _unanswered(random: Random, words: Words) -> Fault:
    line = Line(silent=True) if random.random() < 0.2 else Line(dead=True)
    return _answered(words.nothing, after=random.random() < 0.6, line=line)


def _changed(change: Callable[[Reply], tuple[Reply, Line]]) -> Fault:
    """The system's own answer, spoilt on its way."""

    def fault(sent: Sent, deliver: Deliver) -> tuple[Reply | None, Line]:
        return change(deliver())

    return fault


def _cut(random: Random, words: Words) -> Fault:
    return _changed(lambda reply: (reply, Line(cut=True)))


def _slow(random: Random, words: Words) -> Fault:
    return _changed(lambda reply: (reply, Line(slow=True)))


def _garbled(random: Random, words: Words) -> Fault:
    wrong = random.choice((b'{"results": [', b"null", b"[]", b'"ok"', b"\xff\xfe{", b""))
    return _changed(lambda reply: (with_body(replace(reply, status=200), wrong), GOOD))


def _page(random: Random, words: Words) -> Fault:
    shown = Reply(status=200, headers={"Content-Type": "text/html"}, body=PAGE)
    return _answered(shown, after=random.random() < 0.5)


def _empty(random: Random, words: Words) -> Fault:
    return _answered(words.nothing)


def _short(random: Random, words: Words) -> Fault:
    """A page that ends too early: its bytes, or its rows."""
    whole = random.random() < 0.5

    def change(reply: Reply) -> tuple[Reply, Line]:
        body = _half_the_rows(reply.body) if whole else reply.body[: len(reply.body) // 2]
        return replace(reply, body=body), GOOD

    return _changed(change)


def _half_the_rows(body: bytes) -> bytes:
    try:
        told = json.loads(body)
    except ValueError:
        return body
    if isinstance(told, dict):
        told = {name: rows[: len(rows) // 2] if name in LISTS else rows for name, rows in told.items()}
    return json.dumps(told).encode()


def _expired(random: Random, words: Words) -> Fault:
    return _answered(words.expired)


def _spent(random: Random, words: Words) -> Fault:
    return _answered(words.spent)


def _twice(random: Random, words: Words) -> Fault:
    first = random.random() < 0.5

    def fault(sent: Sent, deliver: Deliver) -> tuple[Reply | None, Line]:
        answers = deliver(), deliver()
        return answers[0 if first else 1], GOOD

    return fault


KINDS: Mapping[str, tuple[Kind, Sequence[int]]] = {
    "storm": (_storm, (1, 3, 30)),
    "broken": (_broken, (1, 2, 30)),
    "unanswered": (_unanswered, (1, 2, 12)),
    "cut": (_cut, (1, 2, 12)),
    "slow": (_slow, (1, 4)),
    "garbled": (_garbled, (1, 2, 12)),
    "page": (_page, (1, 3, 12)),
    "empty": (_empty, (1, 2)),
    "short": (_short, (1, 2)),
    "expired": (_expired, (1, 1, 30)),
    "spent": (_spent, (30,)),
    "twice": (_twice, (1, 3)),
}
"""What can go wrong, and how many requests in a row it may hit."""
LIES = frozenset({"empty", "short", "garbled"})
"""Answers that look as if they were good."""
POINTS: Mapping[str, Sequence[str]] = {
    "hubspot": ("/token", "/search", "/associations/", "/memberships", "/batch/", "archived=true", "/crm/lists/"),
    "salesforce": ("/token", "/jobs/", "/query", "/composite", "/deleted", "/results"),
    "google": ("/token", "/userLists", "/audienceMembers", "/events", "/requestStatus"),
    "meta": ("usersreplace", "/users", "customaudiences"),
}
"""Parts of addresses by which the work of a system is told apart: tokens, pulls, bulk jobs, sweeps, lists."""
MOMENTS: Mapping[str, Mapping[str, str]] = {
    "first pull": {"hubspot": "/objects/", "salesforce": "/jobs/"},
    "sweep": {"hubspot": "archived=true", "salesforce": "/query"},
    "refresh": {"google": "/audienceMembers", "meta": "usersreplace"},
}
"""Work of which a fault must meet the middle at least once -> a part of the addresses that it goes to."""
MAKES = ("customaudiences", "userLists", "/crm/lists/2026-09/", "sobjects/Campaign")
"""Where a POST makes something new each time it comes."""
CAMPAIGN = b'sobjects/Campaign"'
"""And what a composite request says that makes something new."""


@dataclass(kw_only=True)
class Rule:
    """One fault that waits for its requests.

    Attributes:
        skip: of the requests it is about, so many pass first.
        times: then it hits so many.
        writes: it is about POST, PUT, PATCH and DELETE only.
        at: part of the address; empty: any.
    """

    system: str
    kind: str
    fault: Fault
    skip: int
    times: int
    writes: bool = False
    at: str = ""

    def meets(self, sent: Sent) -> bool:
        """Whether this request is hit; counts it."""
        if (
            self.times <= 0
            or (self.writes and sent.method == "GET")
            or self.at not in sent.target
            or not self._may(sent)
        ):
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.times -= 1
        return True

    def _may(self, sent: Sent) -> bool:
        """Who makes something twice by a proxy's fault cannot know of the second."""
        made = sent.path.endswith(MAKES) or CAMPAIGN in sent.body
        return self.kind != "twice" or sent.method != "POST" or not made


@dataclass
class Mix:
    """The faults of one run.

    Attributes:
        fired: (system, kind, method and path) of each request that was hit.
    """

    rules: list[Rule]
    fired: list[tuple[str, str, str]] = field(default_factory=list)
    on_write: Callable[[str, Sent], None] = lambda system, sent: None

    def choose(self, system: str, sent: Sent) -> Fault | None:
        """What becomes of a request."""
        if sent.method != "GET":
            self.on_write(system, sent)
        for rule in self.rules:
            if rule.system == system and rule.meets(sent):
                self.fired.append((system, rule.kind, f"{sent.method} {sent.path}"))
                return rule.fault
        return None

    @property
    def lied(self) -> bool:
        """Whether an answer looked good and was not."""
        return any(kind in LIES for _, kind, _ in self.fired)

    @property
    def refused(self) -> bool:
        """Whether a system said no, or what may be taken for it."""
        return self.lied or any(kind == "expired" for _, kind, _ in self.fired)


def mix(random: Random, systems: Sequence[str], moment: str) -> Mix:
    """One to four faults, somewhere in a run, besides one in the middle of what the moment names, if it does."""
    aimed = [_rule(random, one, at) for one, at in MOMENTS.get(moment, {}).items() if one in systems]
    return Mix([*aimed, *(_rule(random, random.choice(systems)) for _ in range(random.randint(1, 4)))])


def _rule(random: Random, system: str, at: str = "") -> Rule:
    kind = random.choice([*KINDS])
    made, times = KINDS[kind]
    rule = Rule(system=system, kind=kind, fault=made(random, WORDS[system]), skip=0, times=random.choice(times))
    if at or random.random() < 0.5:
        return replace(rule, at=at or random.choice(POINTS[system]), skip=random.randint(0, 2))
    return replace(rule, writes=(writes := random.random() < 0.6), skip=random.randint(0, 8 if writes else 30))
