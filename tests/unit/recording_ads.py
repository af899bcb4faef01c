"""An ad platform in memory that writes down every payload, and ways for it to fail."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from connector.ads._identifiers import key, key_of_hex
from connector.errors import ListGone, RetryLater, SetupError
from connector.model import AdTerms, Calls, Delivery, Ensured, Finding, ListSpec, Receipt, Sale

TERMS = AdTerms(minimum_size=1, maximum_audiences=20, longest=timedelta(days=540))


def spelled(kind: str, value: str) -> str | None:
    """As Google spells it: dots and tags of Gmail do not count."""
    text = re.sub(r"\s", "", value.lower())
    name, _, domain = text.partition("@")
    if kind == "email" and domain == "gmail.com":
        return f"{name.partition('+')[0].replace('.', '')}@{domain}"
    return text or None


@dataclass
class Recorder:
    """`log` has (verb, audience, members) of every call that carried somebody, in order."""

    name: str = "google"
    terms: AdTerms = TERMS
    log: list[tuple[str, str, tuple[str, ...]]] = field(default_factory=list)
    audiences: dict[str, set[str]] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    matches: list[tuple[str, str]] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    delivered: list[str] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)
    no_audience: set[str] = field(default_factory=set)
    trouble: Exception | None = None
    dies_after: int | None = None
    calls: Calls = field(default_factory=Calls)

    def match(self, kind: str, value: str) -> str | None:
        self.matches.append((kind, value))
        if re.fullmatch("[0-9a-f]{64}", value):
            return key_of_hex(kind, value)
        text = spelled(kind, value)
        return key(kind, text) if text else None

    def ensure(self, lists: Sequence[ListSpec]) -> Ensured:
        self._trouble()
        stands = [spec for spec in lists if spec.name not in self.no_audience]
        for spec in stands:
            if spec.name not in self.audiences:
                self.calls.made += 1
                self.audiences[spec.name], self.labels[spec.name] = set(), spec.label
                self.ids[spec.name] = f"{spec.name}-{self.calls.made}"
        refused = {spec.name: "no room" for spec in lists if spec.name in self.no_audience}
        return Ensured(ids={spec.name: self.ids[spec.name] for spec in stands}, refused=refused)

    def deliver(self, delivery: Delivery) -> Receipt:
        self._trouble()
        if delivery.audience not in self.audiences:
            raise ListGone(delivery.audience)
        self.calls.made += 1
        self.delivered.append(delivery.id)
        here, added = self.audiences[delivery.audience], [one for one in delivery.add if one not in self.refuses]
        for verb, members in (("add", delivery.add), ("remove", delivery.remove)):
            if members:
                self.log.append((verb, delivery.audience, tuple(members)))
        here |= set(added)
        here -= set(delivery.remove)
        self._die()
        refused = {one: "refused" for one in delivery.add if one in self.refuses}
        return Receipt(added=added, removed=list(delivery.remove), rejected=refused)

    def refresh(self, audience: str, members: Iterable[Sequence[str]], *, sure: bool = False) -> Receipt:
        self._trouble()
        self.calls.made += 1
        named = [one for part in members for one in part]
        self.log.append(("refresh", audience, tuple(named)))
        self.audiences[audience] = set(named)
        self._die()
        return Receipt(added=named)

    def confirm(self, note: Callable[[Mapping[str, str]], None] = lambda told: None) -> Mapping[str, str]:
        note(self.failed)
        told, self.failed = self.failed, {}
        return told

    def drop(self, audience: str) -> None:
        self.calls.made += 1
        self.log.append(("drop", audience, ()))
        self.audiences.pop(audience, None)

    def erase(self, members: Sequence[str]) -> Mapping[str, str]:
        for held in self.audiences.values():
            held -= set(members)
        return dict.fromkeys(members, "")

    def report(self, sales: Sequence[Sale]) -> Receipt:
        for sale in sales:
            members = [self.match(kind, value) for kind, value in sale.identifiers]
            self.log.append(("report", sale.key, tuple(one for one in members if one)))
        return Receipt(written={sale.key: None for sale in sales})

    def check(self) -> Sequence[Finding]:
        return []

    def close(self) -> None:
        """Nothing to let go of."""

    def batch_size(self, kind: str) -> int:
        return 3

    def _trouble(self) -> None:
        if self.trouble is not None:
            raise self.trouble

    def _die(self) -> None:
        if self.dies_after is not None:
            self.dies_after -= 1
            if self.dies_after < 0:
                self.dies_after = None
                raise KeyboardInterrupt

    def member(self, email: str) -> str:
        """The match key of an address."""
        text = spelled("email", email)
        return key("email", text or "")

    def holds(self, email: str) -> set[str]:
        """Labels of the audiences that hold somebody."""
        return {self.labels[name] for name, held in self.audiences.items() if self.member(email) in held}


def broken(kind: str) -> Any:
    """A trouble: `later` or `setup`."""
    return RetryLater("asks for rest") if kind == "later" else SetupError("the token is dead", hint="renew it")
