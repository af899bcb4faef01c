"""What should stand in the warehouse, the lists and the properties, worked out from a CRM's final state alone.

Plain Python over what the CRM itself shows; nothing of the program under test is used. The rules are those of the
documentation for the audiences in AUDIENCES.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

WINDOW = timedelta(days=365)
"""How long a purchase keeps its item out of ads."""
COOL_OFF = timedelta(days=30)
"""How long what was given back stays out of them."""
RECENT = timedelta(days=90)
OWN_LISTS, FEWEST_BUYERS = 3, 5
SHOWN = 20
"""Suppressed items that a contact's property names."""

NO_PURCHASE = ("open", "cancelled")
GIVEN_BACK = ("returned", "refunded")

AUDIENCES = f"""
policy:
  suppression: {{window: {WINDOW.days}d, cool_off: {COOL_OFF.days}d}}
  cross_sell: {{support: {FEWEST_BUYERS}}}
  refresh: 1d
audiences:
  - name: recent
    label: Recent buyers
    purpose: exclude
    rule: {{suppressed: {{within: {RECENT.days}d}}}}
    reason: "bought {{title}}"
    guard: {{percent: 100, at_least: 1000}}
  - name: bought
    label: "Bought {{title}} ({{family}})"
    purpose: exclude
    rule: {{each_family: {{top: {OWN_LISTS}}}}}
    reason: "bought {{title}}"
    guard: {{percent: 100, at_least: 1000}}
  - name: regulars
    label: Regulars
    purpose: email
    rule: {{trait: {{orders: {{at_least: 2}}}}}}
    reason: "{{orders}} orders"
    guard: {{percent: 100, at_least: 1000}}
  - name: reminded
    label: Reminded
    purpose: retarget
    rule: {{all: [{{trait: {{orders: {{at_least: 1}}}}}}, {{not: {{bought: {{within: 30d}}}}}}]}}
    reason: "{{orders}} orders"
    guard: {{percent: 100, at_least: 1000}}
"""
"""The home's audiences.yaml."""


@dataclass(frozen=True)
class Line:
    """A line of an order that is neither open nor cancelled; `given_back`: its order came back as a whole."""

    person: str
    order: str
    sku: str
    quantity: Decimal
    at: datetime
    given_back: bool


@dataclass
class Holding:
    """What one person has of one item."""

    net: Decimal = Decimal(0)
    bought: bool = False
    last: datetime | None = None
    back: datetime | None = None


Pair = tuple[str, str]
"""A person and an item."""
Held = Mapping[Pair, Holding]


@dataclass
class Model:
    """Everything expected. Ids are the CRM's.

    Attributes:
        contacts: live contact -> (e-mail, opted out, granted ads, status as marketing contact).
        orders: order -> (contact, state, when).
        lines: line -> (order, product, quantity).
        lists: label -> contacts wanted in it; without what marketers did.
        properties: contact -> last purchase, suppressed until, suppressed items; only what there is to say.
    """

    contacts: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    orders: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    lines: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    lists: dict[str, set[str]] = field(default_factory=dict)
    properties: dict[str, dict[str, str]] = field(default_factory=dict)


def decided(made: Model, titles: Mapping[str, str], as_of: datetime, persons: Mapping[str, str] | None = None) -> Model:
    """The model, whose contacts, orders and lines are known, with the lists and properties that follow at a moment.

    Args:
        titles: product -> what it is called.
        persons: contact -> the person it is, where that is not the contact alone; contacts that are gone included.
    """
    return _Working(made, titles, as_of, persons or {}).model()


class _Working:
    def __init__(self, made: Model, titles: Mapping[str, str], as_of: datetime, persons: Mapping[str, str]) -> None:
        self.made = made
        self.titles = titles
        self.as_of = as_of
        self.persons = persons
        self.contacts: dict[str, set[str]] = defaultdict(set)
        for one in made.contacts:
            self.contacts[persons.get(one, one)].add(one)

    def model(self) -> Model:
        """Everything, one after the other."""
        held = self._holdings()
        counted = self._order_counts()
        self._lists(held, counted)
        self._properties(held)
        return self.made

    def _counted(self) -> Iterator[Line]:
        """Lines of somebody's purchases and returns."""
        for order, sku, quantity in self.made.lines.values():
            contact, state, at = self.made.orders.get(order, (None, "", self.as_of))
            if contact and at <= self.as_of and state not in NO_PURCHASE:
                yield Line(self.persons.get(contact, contact), order, sku, quantity, at, state in GIVEN_BACK)

    def _holdings(self) -> dict[Pair, Holding]:
        """Pair -> what is held of it. What an order's state gave back, later negative lines tell of again."""
        held: dict[Pair, Holding] = defaultdict(Holding)
        given: dict[Pair, Decimal] = defaultdict(Decimal)
        for line in sorted(self._counted(), key=lambda line: (line.at, line.quantity < 0)):
            pair = line.person, line.sku
            one = held[pair]
            one.bought = one.bought or line.quantity > 0
            one.back = line.at if line.quantity < 0 or line.given_back else one.back
            if line.quantity > 0 and line.given_back:
                given[pair] += line.quantity
                continue
            again = min(given[pair], max(-line.quantity, Decimal(0)))
            given[pair] -= again
            one.net += line.quantity + again
            one.last = line.at if line.quantity > 0 else one.last
        return held

    def _purchases(self) -> list[Line]:
        """Lines of what was bought and not given back whole."""
        return [line for line in self._counted() if line.quantity > 0 and not line.given_back]

    def _order_counts(self) -> Counter[str]:
        """Person -> orders."""
        return Counter(person for person, _ in {(line.person, line.order) for line in self._purchases()})

    def _suppressed(self, held: Held, within: timedelta) -> dict[Pair, tuple[datetime, datetime]]:
        """Pair -> since and until when: bought so lately and still there, or given back and cooling off."""
        there = {pair: (one.last, one.last + WINDOW) for pair, one in held.items() if one.net > 0 and one.last}
        back = {pair: (one.back, one.back + COOL_OFF) for pair, one in held.items() if one.net <= 0 and one.back}
        return {
            pair: (since, until)
            for pair, (since, until) in {**there, **back}.items()
            if since > self.as_of - within and until > self.as_of
        }

    def _lists(self, held: Held, counted: Mapping[str, int]) -> None:
        lately = {who for (who, _), one in held.items() if one.last and one.last > self.as_of - timedelta(days=30)}
        wanted = {
            "Recent buyers": {who for who, _ in self._suppressed(held, RECENT)},
            "Regulars": {who for who, orders in counted.items() if orders >= 2 and self._mailable(who)},
            "Reminded": {who for who, orders in counted.items() if orders >= 1 and self._granted(who)} - lately,
        }
        for sku in self._favourites(held):
            owners = {who for who, item in self._suppressed(held, WINDOW) if item == sku}
            wanted[f"Bought {self.titles[sku]} ({sku})"] = owners
        self.made.lists = {
            label: set().union(*(self.contacts.get(who, set()) for who in persons)) for label, persons in wanted.items()
        }

    def _mailable(self, person: str) -> bool:
        """Whether each of a person's contacts may be mailed."""
        told = [self.made.contacts[one] for one in self.contacts.get(person, ())]
        return all(opted_out is False and marketable is not False for _, opted_out, _, marketable in told)

    def _granted(self, person: str) -> bool:
        """Whether each of a person's contacts granted ads."""
        return all(self.made.contacts[one][2] for one in self.contacts.get(person, ()))

    def _favourites(self, held: Held) -> list[str]:
        """Items with a list of their own: those of the most buyers, ties by name."""
        buyers = Counter(sku for (_, sku), one in held.items() if one.bought)
        fit = [sku for sku, count in buyers.items() if count >= FEWEST_BUYERS]
        return sorted(fit, key=lambda sku: (-buyers[sku], sku))[:OWN_LISTS]

    def _properties(self, held: Held) -> None:
        bought: dict[str, datetime] = {}
        for line in self._purchases():
            bought[line.person] = max(bought.get(line.person, line.at), line.at)
        kept: dict[str, list[tuple[datetime, datetime, str]]] = defaultdict(list)
        for (person, sku), (since, until) in self._suppressed(held, WINDOW).items():
            kept[person].append((since, until, sku))
        for person in {*bought, *kept}:
            said = {"last_purchase": f"{bought[person]:%Y-%m-%d}"} if person in bought else {}
            if items := sorted(kept[person], key=lambda one: (-one[0].timestamp(), one[2])):
                said["suppressed_until"] = f"{max(until for _, until, _ in items):%Y-%m-%d}"
                said["suppressed_families"] = "\n".join(map(self._told, items[:SHOWN]))
            for contact in self.contacts.get(person, ()):
                self.made.properties[contact] = said

    def _told(self, item: tuple[datetime, datetime, str]) -> str:
        _, until, sku = item
        return f"{self.titles[sku]} | {sku} | {until:%Y-%m-%d}"
